"""Rows of work that another release wrote: those before are read, those to come wait for a worker that knows them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal import jobs, work
from portal.models import Job, Store, User
from portal.models.job import JobState
from portal.work import Kind
from tests.portal.counting import Counting, counted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counting")]
THREE = ["counted 1", "counted 2", "counted 3"]
FIRST_RELEASE = """store_id kind subject_type subject_id label needs queue state phase payload cursor done total result
error attempts caution lease_token lease_until due_at rung_at cancel_asked_at created_by_id created_at started_at
finished_at"""
"""The columns that the release wrote which knew of no versions."""


class CountingAnew(Counting):
    """Counts like the release before, but is told the number of steps as `most`."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        if job.version > 1:
            job.payload["steps"] = job.payload["most"]


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def deploy(kind: Kind) -> None:
        monkeypatch.setitem(work._kinds, "test.count", kind)

    return deploy


OLD = Kind(Counting, "bulk")
NEW = Kind(CountingAnew, "bulk", version=2, reads=(1, 2))


def ask(store: Store, **payload: int) -> Job:
    return jobs.enqueue(store, "test.count", label="Count", payload=payload, actor=None)


def run(job: Job) -> Job:
    Job.everywhere.filter(pk=job.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    jobs.run(job.pk)
    return Job.everywhere.get(pk=job.pk)


def stored_by_the_first_release(store: Store) -> Job:
    """A row in the middle of its work, written past the code of today."""
    now = timezone.now()
    values: dict[str, Any] = dict.fromkeys(FIRST_RELEASE.split(), "") | {"store_id": store.pk, "kind": "test.count"}
    values |= {"queue": "bulk", "state": "queued", "label": "Count", "done": 1, "attempts": 0, "lease_token": 4}
    values |= {"payload": '{"steps": 3}', "cursor": '{"at": 1}', "result": "{}", "caution": "{}"}
    values |= dict.fromkeys(("subject_id", "total", "lease_until", "rung_at", "cancel_asked_at", "created_by_id"))
    values |= {"started_at": now, "finished_at": None, "created_at": now, "due_at": now}
    places = ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO portal_job ({', '.join(values)}) VALUES ({places})", list(values.values()))
    return Job.everywhere.get()


def test_a_job_says_which_version_it_was_asked_for_in(store: Store, release: Callable[..., None]) -> None:
    assert ask(store, steps=3).version == 1
    release(NEW)
    assert ask(store, most=3).version == 2


def test_a_row_of_the_first_release_is_taken_up_where_it_stood(store: Store, release: Callable[..., None]) -> None:
    release(NEW)
    job = run(stored_by_the_first_release(store))
    assert (job.state, job.version, job.result) == (JobState.SUCCEEDED, 1, {"counted": 3})
    assert counted(store) == THREE[1:]


def stay_behind(store: Store, release: Callable[..., None]) -> None:
    release(NEW)
    job = ask(store, most=3)
    release(OLD)
    job = run(job)
    assert (job.state, job.error, job.attempts) == (JobState.QUEUED, jobs.Said.PARKED, 0)
    assert job.due_at > timezone.now() + timedelta(seconds=30)
    assert counted(store) == []
    release(NEW)
    assert run(job).state == JobState.SUCCEEDED
    assert counted(store) == THREE


def test_a_row_of_the_next_release_waits_for_it(store: Store, release: Callable[..., None]) -> None:
    stay_behind(store, release)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="it is misread time and again, and fails")
def test_the_version_must_be_looked_at(
    store: Store, release: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "begin", lambda job: work._kinds[job.kind].work(job))
    stay_behind(store, release)


def test_releases_take_turns_with_what_both_read(store: Store, release: Callable[..., None]) -> None:
    release(OLD)
    job = ask(store, steps=3)
    for kind in (NEW, OLD, NEW):
        release(kind)
        Counting.during = lambda job, at: jobs.stopping.set()
        job = run(job)
        jobs.stopping.clear()
    assert (job.state, job.version) == (JobState.SUCCEEDED, 1)
    assert counted(store) == THREE


def test_what_no_longer_can_be_read_waits_too(store: Store, release: Callable[..., None]) -> None:
    job = ask(store, steps=3)
    release(Kind(CountingAnew, "bulk", version=3, reads=(2, 3)))
    assert run(job).error == jobs.Said.PARKED


def test_the_page_of_runs_tells_of_it(
    store: Store, release: Callable[..., None], client_of: Callable[..., Client], viewer: User
) -> None:
    job = ask(store, steps=3)
    Job.everywhere.filter(pk=job.pk).update(version=99)
    assert run(job).state == JobState.QUEUED
    page = client_of(viewer).get("/s/maple/runs/").content.decode()
    assert "The worker is of another version than the portal" in page


@pytest.mark.parametrize("reads", [(2,), (3,), (0,)])
def test_older_versions_are_older(reads: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="versions before 2"):
        jobs.register("test.other", queue="bulk", version=2, reads=reads)(Counting)
    assert jobs.kinds() == ["test.count"]


def test_what_is_registered_reads_its_own_version_and_those_before() -> None:
    jobs.register("test.other", queue="bulk", version=3, reads=(2,))(Counting)
    assert work.kind_of("test.other") == Kind(Counting, "bulk", 3, (2, 3))
