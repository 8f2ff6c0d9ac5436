"""Portions of work that workers die of: cut down until one row stands alone, and grown again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db.models import F

from portal import audit, jobs, leases, portions, work
from portal.jobs import Step
from portal.models import Job, Store
from portal.models.job import JobState
from tests.portal.counting import counted
from tests.portal.test_jobs import claim, fresh, let_lease_run_out

pytestmark = pytest.mark.django_db


class Died(BaseException):
    """Stands for a worker's death: nothing catches it."""


class Rows:
    """Goes through payload["rows"] rows, and dies of those in payload["deadly"]; leaves the first and the last row of
    each step in the audit trail."""

    full_portion: int | None = 1_000
    error: type[BaseException] = Died

    def __init__(self, job: Job) -> None:
        self.job = job

    def step(self) -> Step:
        done, rows = self.job.done, self.job.payload["rows"]
        portion = self.job.portion(self.full_portion or 1_000)
        upto = min(rows, done + max(1, portion))
        audit.record(self.job.store, f"{'aside' if not portion else 'did'} {done + 1}-{upto}", actor=None)
        if portion and any(done < row <= upto for row in self.job.payload["deadly"]):
            raise self.error
        return Step(upto, rows, result={"rows": rows} if upto == rows else None)


@pytest.fixture(autouse=True)
def _rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(work, "_kinds", {"test.rows": work.Kind(Rows, "bulk")})
    yield
    Rows.full_portion, Rows.error = 1_000, Died


def ask(store: Store, *deadly: int, rows: int = 5_000) -> Job:
    payload = {"rows": rows, "deadly": list(deadly)}
    return jobs.enqueue(store, "test.rows", label="Rows", payload=payload, actor=None)


def run_until_it_ends(job: Job, most: int = 60) -> tuple[Job, int]:
    """As workers who die and are followed by others; the job, and how many died."""
    for deaths in range(most):
        let_lease_run_out(job)
        Job.everywhere.filter(pk=job.pk).update(due_at=F("created_at"))
        try:
            jobs.run(job.pk)
        except Died:
            continue
        if not fresh(job).is_active:
            return fresh(job), deaths
    raise AssertionError(f"It goes on for ever: {fresh(job).caution}")


def one_row_is_set_aside(store: Store) -> None:
    job, deaths = run_until_it_ends(ask(store, 1_234))
    assert (job.state, job.done, job.caution.get("aside")) == (JobState.SUCCEEDED, 5_000, 1)
    assert [verb for verb in counted(store) if "aside" in verb] == ["aside 1234-1234"]
    assert deaths == settings.JOB_MAX_ATTEMPTS + 1 + settings.JOB_MAX_ATTEMPTS
    covered = [range(*map(int, verb.split()[1].split("-"))) for verb in counted(store)]
    assert covered[-1].stop == 5_000


def test_the_one_row_that_kills_is_set_aside_and_the_rest_is_done(store: Store) -> None:
    one_row_is_set_aside(store)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="one row would end the work for good")
def test_portions_must_be_cut(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "cut", lambda job, work: None)
    one_row_is_set_aside(store)


def test_neighbours_the_first_and_the_last_row(store: Store) -> None:
    job, _ = run_until_it_ends(ask(store, 1, 2, 777, 5_000))
    assert (job.state, job.done, job.caution.get("aside")) == (JobState.SUCCEEDED, 5_000, 4)
    assert [verb for verb in counted(store) if "aside" in verb] == [
        "aside 1-1", "aside 2-2", "aside 777-777", "aside 5000-5000",
    ]  # fmt: skip


def test_portions_grow_again(store: Store) -> None:
    run_until_it_ends(ask(store, 3, rows=20_000))
    assert counted(store)[-1] == "did 19604-20000" or len(counted(store)) < 60


def test_rows_that_raise_are_set_aside_too(store: Store) -> None:
    Rows.error = MemoryError
    job, _ = run_until_it_ends(ask(store, 1_234))
    assert (job.state, job.done, job.caution.get("aside")) == (JobState.SUCCEEDED, 5_000, 1)


def test_a_fault_in_every_row_ends_the_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "MOST_ASIDE", 2)
    Rows.error = ValueError
    job, _ = run_until_it_ends(ask(store, *range(1, 11), rows=10))
    assert (job.state, job.error, job.caution.get("aside")) == (JobState.FAILED, jobs.Said.BROKEN, 2)


def test_work_without_portions_is_given_up(store: Store) -> None:
    Rows.full_portion = None
    job, deaths = run_until_it_ends(ask(store, 1_234))
    assert (job.state, job.error, deaths) == (JobState.FAILED, jobs.Said.INTERRUPTED, settings.JOB_MAX_ATTEMPTS)
    assert job.caution == {}


def test_work_that_kills_before_it_begins_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(job: Any) -> Any:
        raise Died

    monkeypatch.setattr(jobs, "begin", die)
    job, deaths = run_until_it_ends(ask(store))
    assert (job.state, job.error) == (JobState.FAILED, jobs.Said.INTERRUPTED)
    assert deaths == 2 * settings.JOB_MAX_ATTEMPTS


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="work that kills its worker would be begun for ever")
def test_attempts_must_be_counted_before_the_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = leases.claim

    def claim_without_counting(job_id: int) -> Job | None:
        job = real(job_id)
        if job is not None:
            job.attempts -= 1
            Job.everywhere.filter(pk=job_id).update(attempts=job.attempts)
        return job

    monkeypatch.setattr(jobs, "claim", claim_without_counting)
    test_work_without_portions_is_given_up(store)


def test_who_lost_the_lease_cuts_nothing(store: Store) -> None:
    job = ask(store)
    late = claim(job)
    late.attempts = 99
    let_lease_run_out(job)
    claim(job)
    with pytest.raises(jobs.Fenced):
        jobs._be_careful(late, Rows(late))
    assert fresh(job).caution == {}
