"""A worker whose queues fell silent: it helps itself, and one that is deaf is ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal import bell, jobs, standin, tasks
from portal.models import Heartbeat, Job, Store
from portal.models.job import JobState
from portal.standin import StandIn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counting")]


class Broker:
    """Takes messages, or does not."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.error: Exception | None = None

    def send_task(self, name: str, *args: Any, **options: Any) -> None:
        if self.error:
            raise self.error
        self.sent.append(options["queue"])


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    monkeypatch.setattr(standin, "current_app", made)
    monkeypatch.setattr(bell, "current_app", made)
    return made


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    ends: list[bool] = []
    monkeypatch.setattr(standin, "end_this_worker", lambda: ends.append(True))
    return ends


def waiting(store: Store, queue: str = "bulk") -> Job:
    job = jobs.enqueue(store, "test.count", label="Count", payload={"steps": 1}, actor=None)
    Job.everywhere.filter(pk=job.pk).update(queue=queue, due_at=timezone.now() - timedelta(minutes=2))
    return job


def worker(*, silent_for: float = 61) -> StandIn:
    made = StandIn(["bulk"])
    made._since -= silent_for
    return made


def test_it_does_what_waits_in_its_queues(store: Store, broker: Broker) -> None:
    mine, other = waiting(store), waiting(store, "deliveries")
    assert worker().look() == 1
    assert Job.everywhere.get(pk=mine.pk).state == JobState.SUCCEEDED
    assert Job.everywhere.get(pk=other.pk).state == JobState.QUEUED


def test_it_waits_for_the_bell_first(store: Store, broker: Broker) -> None:
    waiting(store)
    assert worker(silent_for=30).look() == 0


def test_it_keeps_out_of_the_way_while_tasks_come_through(store: Store, broker: Broker) -> None:
    waiting(store)
    tasks.heartbeat("bulk")
    assert worker().look() == 0
    Heartbeat.objects.update(at=timezone.now() - timedelta(seconds=70))
    assert worker().look() == 1


def test_it_keeps_out_of_the_way_of_a_worker_that_is_busy(store: Store, broker: Broker) -> None:
    busy = waiting(store)
    jobs.claim(busy.pk)
    waiting(store)
    assert worker().look() == 0


def test_it_stops_when_the_bell_works_again(store: Store, broker: Broker, counting: Any) -> None:
    waiting(store), waiting(store)
    counting.during = lambda job, at: tasks.heartbeat("bulk")
    assert worker().look() == 1


def test_a_worker_that_stays_deaf_is_ended(broker: Broker, ended: list[bool]) -> None:
    deaf = worker()
    deaf.look()
    assert broker.sent == ["bulk"]
    deaf.look()
    assert not ended, "the task that it sent itself may still be on its way"
    assert deaf._called_at is not None
    deaf._called_at -= 61
    deaf.look()
    assert ended


def test_nobody_is_ended_for_a_broker_that_is_away(broker: Broker, ended: list[bool], store: Store) -> None:
    broker.error = ConnectionError()
    lone = worker()
    for _ in range(3):
        waiting(store)
        assert lone.look() == 1
        lone._since -= 600
    assert not ended


def test_a_bell_that_is_out_of_order_is_left_alone_for_a_while(
    store: Store, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = waiting(store)
    broker.error = ConnectionError()
    assert not bell.ring(job.pk, "bulk")
    broker.error = None
    assert not bell.ring(job.pk, "bulk")
    assert broker.sent == []
    monkeypatch.setattr(bell, "_out_of_order_until", 0.0)
    assert bell.ring(job.pk, "bulk")
    assert broker.sent == ["bulk"]
