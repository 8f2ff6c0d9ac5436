"""The doorbell of jobs, the sweeper, and two workers at the same door."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from portal import jobs, leases
from portal.models import Job, Store
from portal.models.job import JobState
from tests.conftest import is_postgresql
from tests.portal.counting import Counting, at_once, counted
from tests.portal.test_jobs import all_steps, ask, claim, fresh, let_lease_run_out

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counting"), pytest.mark.rings]


class Bell:
    """Stands for the broker."""

    def __init__(self) -> None:
        self.rung: list[tuple[int, str]] = []
        self.is_away = False

    def send_task(self, name: str, args: tuple[int], *, queue: str) -> None:
        if self.is_away:
            raise OperationalError("connection refused")
        assert name == "portal.tasks.run_job"
        self.rung.append((args[0], queue))


@pytest.fixture(autouse=True)
def bell(monkeypatch: pytest.MonkeyPatch) -> Bell:
    bell = Bell()
    monkeypatch.setattr("portal.bell.current_app", bell)
    return bell


def age_the_bell(job: Job) -> None:
    Job.everywhere.filter(pk=job.pk).update(rung_at=timezone.now() - timedelta(seconds=settings.JOB_LEASE_SECONDS + 5))


def test_the_bell_rings_once_the_row_is_there_for_all(
    store: Store, bell: Bell, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = ask(store)
        assert bell.rung == []
    assert bell.rung == [(job.pk, "bulk")]


def test_a_broker_that_is_away_loses_nothing(
    store: Store, bell: Bell, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.bell.QUIET_SECONDS", 0)
    bell.is_away = True
    with django_capture_on_commit_callbacks(execute=True):
        job = ask(store)
    assert fresh(job).state == JobState.QUEUED
    assert jobs.sweep() == 0
    bell.is_away = False
    assert jobs.sweep() == 1
    assert bell.rung == [(job.pk, "bulk")]


def test_the_sweeper_rings_again_for_a_lost_message_but_not_at_once(store: Store, bell: Bell) -> None:
    job = ask(store)
    assert jobs.sweep() == 0
    age_the_bell(job)
    assert jobs.sweep() == 1
    assert jobs.sweep() == 0


def test_the_sweeper_rings_for_a_job_whose_worker_is_gone(store: Store, bell: Bell) -> None:
    job = ask(store)
    claim(job)
    age_the_bell(job)
    assert jobs.sweep() == 0
    let_lease_run_out(job)
    assert jobs.sweep() == 1
    jobs.run(job.pk)
    assert counted(store) == all_steps(3)


def test_the_sweeper_leaves_what_has_ended_alone(store: Store, bell: Bell) -> None:
    job = ask(store)
    jobs.run(job.pk)
    age_the_bell(job)
    assert jobs.sweep() == 0


def test_a_retry_rings(store: Store, bell: Bell, django_capture_on_commit_callbacks: Any) -> None:
    job = ask(store)
    jobs.cancel(job)
    with django_capture_on_commit_callbacks(execute=True):
        assert jobs.retry(job)
    assert bell.rung == [(job.pk, "bulk")]


@pytest.mark.django_db(transaction=True)
def test_of_workers_that_claim_at_the_same_moment_one_gets_the_job(store: Store) -> None:
    job = ask(store)
    won = [outcome for outcome in at_once(*[lambda: jobs.claim(job.pk)] * 4) if outcome is not None]
    assert [type(outcome) for outcome in won] == [Job]
    assert fresh(job).lease_token == 1


@pytest.mark.teeth
@pytest.mark.django_db(transaction=True)
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="a lease that anyone may take is no lease")
def test_a_lease_must_be_free_to_be_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "is_free", Q)
    test_of_workers_that_claim_at_the_same_moment_one_gets_the_job(store)


@pytest.mark.django_db(transaction=True)
def test_one_message_delivered_to_many_is_done_once(store: Store) -> None:
    job = ask(store)
    at_once(*[lambda: jobs.run(job.pk)] * 4)
    assert fresh(job).state == JobState.SUCCEEDED
    assert counted(store) == all_steps(3)


def freeze_within_a_step(store: Store, counting: type[Counting]) -> None:
    """A worker freezes inside a step's transaction; another takes over and finishes; the first wakes up."""
    frozen, wake = threading.Event(), threading.Event()

    def freeze(job: Job, at: int) -> None:
        if threading.current_thread() is sleeper and at == 2:
            frozen.set()
            assert wake.wait(20)

    def work() -> None:
        try:
            jobs.run(job.pk)
        finally:
            connections.close_all()

    counting.during = freeze
    job = ask(store)
    sleeper = threading.Thread(target=work)
    sleeper.start()
    assert frozen.wait(20)
    let_lease_run_out(job)
    jobs.run(job.pk)
    wake.set()
    sleeper.join(20)
    assert sorted(counted(store)) == all_steps(3)
    assert fresh(job).result == {"counted": 3}


@pytest.mark.django_db(transaction=True)
def test_a_worker_frozen_within_a_step_writes_nothing_more(store: Store, counting: type[Counting]) -> None:
    if not is_postgresql():
        pytest.skip("SQLite has one writer: nobody takes over inside another's transaction")
    freeze_within_a_step(store, counting)


@pytest.mark.teeth
@pytest.mark.django_db(transaction=True)
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="without the token the step is done twice")
def test_without_the_token_it_writes_twice(
    store: Store, counting: type[Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_postgresql():
        pytest.skip("SQLite has one writer: nobody takes over inside another's transaction")
    monkeypatch.setattr(leases, "held", lambda job: Job.everywhere.filter(pk=job.pk))
    freeze_within_a_step(store, counting)
