"""Jobs: nothing is lost, nothing is doubled, whatever happens to workers and messages."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from portal import jobs, leases
from portal.jobs import Fenced, GiveUp
from portal.models import Job, Store
from portal.models.job import JobState
from tests.portal.counting import Counting, counted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counting")]


def ask(store: Store, steps: int = 3, due_in: timedelta = timedelta(0)) -> Job:
    return jobs.enqueue(store, "test.count", label="Count", payload={"steps": steps}, actor=None, due_in=due_in)


def fresh(job: Job) -> Job:
    return Job.everywhere.get(pk=job.pk)


def claim(job: Job) -> Job:
    claimed = jobs.claim(job.pk)
    assert claimed is not None
    return claimed


def let_lease_run_out(job: Job) -> None:
    Job.everywhere.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(minutes=1))


def make_due(job: Job) -> None:
    Job.everywhere.filter(pk=job.pk).update(due_at=timezone.now() - timedelta(seconds=1))


def all_steps(count: int) -> list[str]:
    return [f"counted {at}" for at in range(1, count + 1)]


def test_a_job_is_due_the_moment_it_is_asked_for(store: Store) -> None:
    for _ in range(50):
        assert jobs.claim(ask(store).pk) is not None


def test_a_job_runs_to_its_result(store: Store) -> None:
    job = ask(store)
    jobs.run(job.pk)
    job = fresh(job)
    assert (job.state, job.result, job.done, job.total) == (JobState.SUCCEEDED, {"counted": 3}, 3, 3)
    assert (job.lease_until, job.attempts, job.error) == (None, 0, "")
    assert job.finished_at is not None
    assert counted(store) == all_steps(3)


def test_one_of_two_claims_wins(store: Store) -> None:
    job = ask(store)
    assert jobs.claim(job.pk) is not None
    assert jobs.claim(job.pk) is None


def test_a_doubled_message_does_nothing(store: Store, counting: type[Counting]) -> None:
    job = ask(store)
    counting.during = lambda job, at: jobs.run(job.pk)
    jobs.run(job.pk)
    jobs.run(job.pk)
    assert counted(store) == all_steps(3)
    assert fresh(job).lease_token == 1


def test_a_message_about_a_job_that_is_gone_does_nothing(store: Store) -> None:
    jobs.run(987_654)


def test_a_job_that_is_due_later_waits(store: Store) -> None:
    job = ask(store, due_in=timedelta(hours=1))
    assert job.rung_at is None
    jobs.run(job.pk)
    assert fresh(job).state == JobState.QUEUED
    assert jobs.sweep() == 0
    make_due(job)
    assert jobs.sweep() == 1


# --- Fencing --------------------------------------------------------------------------------------------------------


def lose_the_lease_and_go_on(store: Store) -> None:
    """A worker freezes between two steps, another takes the job over, and the first wakes up."""
    job = ask(store)
    first = claim(job)
    work = Counting(first)
    assert jobs._step(first, work)
    let_lease_run_out(job)
    second = claim(job)
    assert second.lease_token == first.lease_token + 1
    with suppress(Fenced):
        jobs._step(first, work)
    assert jobs._step(second, Counting(second))
    assert not jobs._step(second, Counting(second))
    assert counted(store) == all_steps(3)
    assert fresh(job).state == JobState.SUCCEEDED


def test_a_step_of_a_worker_that_lost_its_lease_is_rolled_back(store: Store) -> None:
    lose_the_lease_and_go_on(store)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="without the token the step is done twice")
def test_without_the_token_it_is_done_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "held", lambda job: Job.everywhere.filter(pk=job.pk))
    lose_the_lease_and_go_on(store)


def test_a_failure_of_a_worker_that_lost_its_lease_is_not_the_jobs(store: Store) -> None:
    job = ask(store)
    first = claim(job)
    let_lease_run_out(job)
    claim(job)
    leases.fail(first, "Too late")
    jobs._try_later(first)
    assert (fresh(job).state, fresh(job).error) == (JobState.RUNNING, "")


# --- Cancelling -----------------------------------------------------------------------------------------------------


def test_cancelled_before_it_began_it_never_runs(store: Store) -> None:
    job = ask(store)
    assert jobs.cancel(job)
    assert fresh(job).state == JobState.CANCELLED
    jobs.run(job.pk)
    assert counted(store) == []


def test_cancelled_within_it_ends_after_the_step_at_hand(store: Store, counting: type[Counting]) -> None:
    job = ask(store)
    counting.during = lambda job, at: None if at < 2 else cancel_while_running(job)
    jobs.run(job.pk)
    job = fresh(job)
    assert (job.state, job.done, job.lease_until) == (JobState.CANCELLED, 2, None)
    assert counted(store) == all_steps(2)


def cancel_while_running(job: Job) -> None:
    assert jobs.cancel(job)
    assert fresh(job).state == JobState.RUNNING


def test_cancelled_when_its_worker_is_gone_it_ends_at_once(store: Store) -> None:
    job = ask(store)
    worker = claim(job)
    let_lease_run_out(job)
    assert jobs.cancel(job)
    assert fresh(job).state == JobState.CANCELLED
    with pytest.raises(Fenced):
        jobs._step(worker, Counting(worker))


def test_asked_to_end_and_put_down_it_ends_with_the_next_worker(store: Store) -> None:
    job = ask(store)
    claim(job)
    jobs.cancel(job)
    let_lease_run_out(job)
    jobs.run(job.pk)
    assert fresh(job).state == JobState.CANCELLED
    assert counted(store) == []


def test_what_has_ended_is_not_cancelled(store: Store) -> None:
    job = ask(store, steps=1)
    jobs.run(job.pk)
    assert not jobs.cancel(job)
    assert fresh(job).state == JobState.SUCCEEDED


# --- Failing and trying again -----------------------------------------------------------------------------------------


def test_three_deaths_at_one_place_and_it_is_given_up(store: Store) -> None:
    job = ask(store)
    for _ in range(settings.JOB_MAX_ATTEMPTS):
        claim(job)
        let_lease_run_out(job)
    jobs.run(job.pk)
    assert (fresh(job).state, fresh(job).error) == (JobState.FAILED, jobs.Said.INTERRUPTED)
    assert counted(store) == []


def test_deaths_with_progress_between_them_do_not_count(store: Store) -> None:
    job = ask(store, steps=6)
    for _ in range(5):
        worker = claim(job)
        jobs._step(worker, Counting(worker))
        let_lease_run_out(job)
    jobs.run(job.pk)
    assert fresh(job).state == JobState.SUCCEEDED
    assert counted(store) == all_steps(6)


def test_work_that_gives_up_shows_why(store: Store, counting: type[Counting]) -> None:
    def give_up(job: Job, at: int) -> None:
        if at == 2:
            raise GiveUp("The file is gone. Upload it again.")

    counting.during = give_up
    job = ask(store)
    jobs.run(job.pk)
    job = fresh(job)
    assert (job.state, job.error, job.done) == (JobState.FAILED, "The file is gone. Upload it again.", 1)
    assert counted(store) == all_steps(1)


def fail_unexpectedly(job: Job, at: int) -> None:
    raise ZeroDivisionError("with the secret in it")


def test_an_unexpected_error_backs_off_and_then_fails(store: Store, counting: type[Counting]) -> None:
    counting.during = fail_unexpectedly
    job = ask(store)
    for attempt in range(1, settings.JOB_MAX_ATTEMPTS):
        before = timezone.now()
        jobs.run(job.pk)
        waiting = fresh(job)
        assert (waiting.state, waiting.error, waiting.rung_at) == (JobState.QUEUED, jobs.Said.HICCUP, None)
        assert timedelta(seconds=2**attempt - 1) < waiting.due_at - before < timedelta(seconds=2**attempt + 5)
        jobs.run(job.pk)
        assert fresh(job).attempts == attempt
        make_due(job)
    jobs.run(job.pk)
    assert (fresh(job).state, fresh(job).error) == (JobState.FAILED, jobs.Said.BROKEN)
    assert counted(store) == []


def test_an_error_that_passes_leaves_no_trace(store: Store, counting: type[Counting]) -> None:
    counting.during = fail_unexpectedly
    job = ask(store)
    jobs.run(job.pk)
    counting.during = None
    make_due(job)
    jobs.run(job.pk)
    assert (fresh(job).state, fresh(job).error) == (JobState.SUCCEEDED, "")
    assert counted(store) == all_steps(3)


@pytest.mark.parametrize("ending", [JobState.FAILED, JobState.CANCELLED])
def test_a_retry_goes_on_where_it_stood(store: Store, counting: type[Counting], ending: str) -> None:
    job = ask(store)
    worker = claim(job)
    jobs._step(worker, counting(worker))
    Job.everywhere.filter(pk=job.pk).update(state=ending, error="Something", cancel_asked_at=timezone.now())
    assert jobs.retry(job)
    assert (fresh(job).error, fresh(job).started_at) == ("", None)
    jobs.run(job.pk)
    assert fresh(job).state == JobState.SUCCEEDED
    assert counted(store) == all_steps(3)


def test_only_what_failed_or_was_cancelled_is_tried_again(store: Store) -> None:
    job = ask(store, steps=1)
    assert not jobs.retry(job)
    claim(job)
    assert not jobs.retry(job)
    let_lease_run_out(job)
    jobs.run(job.pk)
    assert not jobs.retry(job)


def test_a_worker_that_is_told_to_leave_puts_its_work_down(store: Store, counting: type[Counting]) -> None:
    counting.during = lambda job, at: jobs.stopping.set()
    job = ask(store)
    jobs.run(job.pk)
    assert (fresh(job).state, fresh(job).done, fresh(job).rung_at) == (JobState.QUEUED, 1, None)
    jobs.stopping.clear()
    counting.during = None
    jobs.run(job.pk)
    assert counted(store) == all_steps(3)


def test_kinds_are_told_apart_and_queues_exist(store: Store) -> None:
    with pytest.raises(ValueError, match=r"Two kinds of work are called test\.count"):
        jobs.register("test.count", queue="bulk")(Counting)
    with pytest.raises(ValueError, match="no queue slow"):
        jobs.register("test.other", queue="slow")(Counting)
    assert jobs.kinds() == ["test.count"]


def test_between_steps_others_may_write(
    store: Store, counting: type[Counting], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaths: list[float] = []
    clock = iter(range(1_000))
    monkeypatch.setattr(jobs.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(jobs.time, "sleep", breaths.append)
    settings.JOB_BREATH_SECONDS = 0.15
    jobs.run(ask(store).pk)
    assert breaths == [0.15, 0.15]
    settings.JOB_BREATH_SECONDS = 0
    jobs.run(ask(store).pk)
    assert len(breaths) == 2
