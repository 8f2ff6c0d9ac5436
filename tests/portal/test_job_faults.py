"""Work that meets a database, a disk or a version that is not up to it waits for a better time."""

from __future__ import annotations

import errno
from datetime import timedelta

import pytest
from django.conf import settings
from django.db.models import Value
from django.utils import timezone

from portal import jobs, leases
from portal.jobs import GiveUp, Later
from portal.models import Job, Store
from portal.models.job import JobState
from tests.portal.counting import Counting, counted
from tests.portal.test_faults import AWAY, DEADLOCK

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counting")]
FAULTS = [AWAY, DEADLOCK, OSError(errno.ENOSPC, "No space left on device")]


def ask(store: Store) -> Job:
    return jobs.enqueue(store, "test.count", label="Count", payload={"steps": 3}, actor=None)


def run(job: Job) -> Job:
    Job.everywhere.filter(pk=job.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    jobs.run(job.pk)
    return Job.everywhere.get(pk=job.pk)


def fail_at(step: int, error: Exception) -> None:
    def during(job: Job, at: int) -> None:
        if at == step:
            raise error

    Counting.during = during


@pytest.mark.parametrize("error", FAULTS)
def test_it_goes_back_to_the_queue_however_often(store: Store, error: Exception) -> None:
    job = ask(store)
    fail_at(2, error)
    for _ in range(settings.JOB_MAX_ATTEMPTS + 2):
        job = run(job)
        assert (job.state, job.error, job.attempts) == (JobState.QUEUED, jobs.Said.HICCUP, 0)
        assert timedelta(0) < job.due_at - timezone.now() < timedelta(seconds=6)
    Counting.during = None
    job = run(job)
    assert (job.state, job.result) == (JobState.SUCCEEDED, {"counted": 3})
    assert counted(store) == ["counted 1", "counted 2", "counted 3"]


def test_a_mistake_of_ours_is_not_tried_for_ever(store: Store) -> None:
    job = ask(store)
    fail_at(1, ValueError())
    for _ in range(settings.JOB_MAX_ATTEMPTS):
        job = run(job)
    assert (job.state, job.error) == (JobState.FAILED, jobs.Said.BROKEN)


def test_someone_who_cancels_it_meanwhile_is_heard(store: Store) -> None:
    job = ask(store)
    fail_at(2, DEADLOCK)
    jobs.cancel(run(job))
    assert Job.everywhere.get(pk=job.pk).state == JobState.CANCELLED


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="an outage of a minute would end the work for good")
def test_outages_must_not_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "fault_of", lambda error: None)
    test_it_goes_back_to_the_queue_however_often(store, DEADLOCK)


def test_work_of_another_version_is_parked(store: Store) -> None:
    job = ask(store)
    Job.everywhere.filter(pk=job.pk).update(kind="experiences.next_year")
    job = run(job)
    assert (job.state, job.error, job.attempts) == (JobState.QUEUED, jobs.Said.PARKED, 0)
    assert job.due_at > timezone.now() + timedelta(seconds=30)
    Job.everywhere.filter(pk=job.pk).update(kind="test.count")
    assert run(job).state == JobState.SUCCEEDED


# --- What work keeps open ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [None, GiveUp("no"), Later("not yet", seconds=60), AWAY, KeyError("unforeseen")])
def test_work_is_let_go_of_however_its_lease_ends(
    store: Store, end: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Counting] = []

    def at_the_second(job: Job, at: int) -> None:
        if at == 2 and end is not None:
            raise end

    def close(work: Counting) -> None:
        closed.append(work)

    monkeypatch.setattr(Counting, "close", close, raising=False)
    monkeypatch.setattr(Counting, "during", staticmethod(at_the_second))
    run(ask(store))
    assert len(closed) == 1


# --- Clocks that differ -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_host_whose_clock_is_wrong_takes_no_lease_from_another(
    store: Store, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = jobs.claim(ask(store).pk)
    assert held is not None
    right = timezone.now
    monkeypatch.setattr("django.utils.timezone.now", lambda: right() + timedelta(hours=hours))
    assert jobs.claim(held.pk) is None
    waits = ask(store)
    claimed = jobs.claim(waits.pk)
    assert claimed is not None, "due by the database's clock, whatever the host's says"
    assert claimed.lease_until is not None
    assert abs(claimed.lease_until - right()) < timedelta(seconds=settings.JOB_LEASE_SECONDS + 5)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="by its own clock a host an hour ahead finds every lease run out")
def test_leases_by_the_clock_of_the_host(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "Now", lambda: Value(timezone.now()))
    test_a_host_whose_clock_is_wrong_takes_no_lease_from_another(store, 1, monkeypatch)
