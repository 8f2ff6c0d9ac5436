"""What keeps metrics true: those of whom something changed, at once; all of them, each night."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from customers.actions import add_customer, change_customer
from customers.metrics import due, tasks, work
from customers.metrics.frame import Frame
from customers.metrics.recompute import recompute
from customers.models import Customer, CustomerMetrics, MetricsState, Order, TouchedCustomer
from customers.touched import touch
from portal import crash
from portal.actions.store import change_store
from portal.models import AuditEntry, Job, Store, User
from tests.conftest import make_customer
from tests.customers.selling import MONEY, sell_something

pytestmark = pytest.mark.django_db(transaction=True)


def row(customer: Customer) -> CustomerMetrics:
    return CustomerMetrics.objects.for_store(customer.store).get(customer=customer)


def order(customer: Customer, number: int, at: datetime, **fields: Any) -> Order:
    told = {"source": "shopify", "told_at": at, "placed_at": at, "customer": customer, "external_id": f"N{number}"}
    made: Order = Order.objects.create_for(customer.store, **MONEY | told | fields)
    return made


def test_what_was_touched_is_made_anew(store: Store) -> None:
    ann, bob = make_customer(store, "ann@x.example"), make_customer(store, "bob@x.example")
    touch(store, [ann.pk, bob.pk])
    due.catch_up(timezone.now())
    order(ann, 1, timezone.now(), currency="USD", total="12.500")
    order(bob, 2, timezone.now(), currency="USD")
    touch(store, [ann.pk, ann.pk])
    touch(store, [ann.pk])
    assert due.catch_up(timezone.now()) == 1
    assert (row(ann).orders_count, float(row(ann).total_spent or 0)) == (1, 12.5)
    assert row(bob).orders_count == 0
    assert not TouchedCustomer.objects.for_store(store).exists()
    assert due.catch_up(timezone.now()) == 0


def test_who_is_added_or_changed_is_made_anew(store: Store, owner: User) -> None:
    ann = add_customer(store, actor=owner, email="ann@x.example")
    assert due.catch_up(timezone.now()) == 1
    assert row(ann).acquisition_channel == ""
    change_customer(ann, actor=owner, seen_at=ann.changed_at, acquisition_channel="fair")
    assert due.catch_up(timezone.now()) == 1
    assert row(ann).acquisition_channel == "fair"


def test_a_store_waits_for_nobody_elses(store: Store, other_store: Store) -> None:
    ann, carol = make_customer(store, "ann@x.example"), make_customer(other_store, "carol@x.example")
    touch(store, [ann.pk])
    touch(other_store, [carol.pk])
    other_store.closed_at = timezone.now()
    other_store.save()
    due.catch_up(timezone.now())
    assert [found.customer_id for found in CustomerMetrics.everywhere.all()] == [ann.pk]
    assert TouchedCustomer.everywhere.count() == 1


class Died(Exception):
    pass


def test_what_died_in_between_is_done_again(
    store: Store, run_jobs: Callable[[], list[Job]], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [make_customer(store, f"c{number}@x.example") for number in range(9)]
    for number, customer in enumerate(people):
        order(customer, number, timezone.now(), currency="USD")
        touch(store, [customer.pk])
    monkeypatch.setattr(due, "PORTION", 2)
    real, lives = crash.point, iter([0, 1, 0, 0, 1, 1])

    def die(name: str) -> None:
        if name == "metrics.caught up" and next(lives, 0):
            raise Died
        real(name)

    monkeypatch.setattr(crash, "point", die)
    for _ in range(6):
        with suppress(Died):
            due.catch_up(timezone.now())
    assert not TouchedCustomer.objects.for_store(store).exists()
    assert all(row(customer).orders_count == 1 for customer in people)
    assert recompute_in_one(store) == 0, "equal to a fresh reckoning"


def test_who_is_touched_meanwhile_is_not_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = make_customer(store, "ann@x.example")
    touch(store, [ann.pk])
    real = due.make_anew

    def slow(frame: Frame) -> int:
        made = real(frame)
        order(ann, 1, timezone.now(), currency="USD")
        touch(store, [ann.pk])
        return made

    with monkeypatch.context() as patched:
        patched.setattr(due, "make_anew", slow)
        patched.setattr(due, "ROUND_SECONDS", 0.0)
        due.catch_up(timezone.now(), seconds=0)
    assert row(ann).orders_count == 0
    assert due.catch_up(timezone.now()) == 1
    assert row(ann).orders_count == 1


def test_who_was_erased_is_not_measured(store: Store) -> None:
    gone = make_customer(store, "gone@x.example", erased_at=timezone.now())
    touch(store, [gone.pk])
    assert due.catch_up(timezone.now()) == 1
    assert not CustomerMetrics.everywhere.exists()


def sell_to_many(store: Store) -> list[Customer]:
    """People who buy now and then, until they leave."""
    chance = Random(7)
    people = [make_customer(store, f"c{number}@x.example") for number in range(80)]
    for number, customer in enumerate(people):
        placed, pace = timezone.now() - timedelta(days=300 - number), chance.gammavariate(1, 30) + 5
        for at in range(12):
            if placed > timezone.now() or (at and chance.random() < 0.25):
                break
            order(customer, number * 100 + at, placed, currency="USD", total=10 + number % 13 + at)
            placed += timedelta(days=chance.expovariate(1 / pace))
    return people


def test_all_of_them_are_made_anew(store: Store, run_jobs: Callable[[], list[Job]], monkeypatch: Any) -> None:
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 30, "postgresql": 30})
    people = sell_to_many(store)
    job = work.recompute_all(store, actor=None)
    assert work.recompute_all(store, actor=None) == job, "one that has not begun is enough"
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("succeeded", 160, 160)
    assert job.result == {"customers": 80, "changed": 160}
    state = MetricsState.objects.for_store(store).get()
    assert set(state.fit) >= {"orders", "amounts"}
    assert len(state.cuts["monetary"]) == 4
    assert state.full_on == store.day(timezone.now())
    assert (state.coverage["customers"], state.coverage["orders_count"]) == (80, 80)
    scores = CustomerMetrics.objects.for_store(store).values_list("recency_score", "rfm_group", "alive_probability")
    assert {score for score, _, _ in scores} == {1, 2, 3, 4, 5}
    assert all(group and 0 <= alive <= 1 for _, group, alive in scores)
    assert recompute_in_one(store) == 0
    order(people[0], 99_999, timezone.now(), currency="USD")
    job = work.recompute_all(store, actor=None)
    run_jobs()
    job.refresh_from_db()
    assert job.total == 80, "the second time it is measured first, and done once"


def recompute_in_one(store: Store) -> int:
    with transaction.atomic():
        return recompute(store, None, timezone.now())


def test_few_customers_have_no_model(store: Store, run_jobs: Callable[[], list[Job]]) -> None:
    sell_something(make_customer(store, "ann@x.example"))
    work.recompute_all(store, actor=None)
    run_jobs()
    state = MetricsState.objects.for_store(store).get()
    assert set(state.fit) == {"why", "at"}
    assert "It needs 50 customers" in state.fit["why"]["orders"]


def test_each_night_once(store: Store, run_jobs: Callable[[], list[Job]]) -> None:
    make_customer(store, "ann@x.example")
    start = datetime(2026, 3, 27, 12, tzinfo=UTC)
    for hours in range(24 * 5):
        with time_machine.travel(start + timedelta(hours=hours), tick=False):
            due.run_nightly(timezone.now())
            due.run_nightly(timezone.now())
    days = MetricsState.objects.for_store(store).get()
    assert days.last_due_on is not None
    jobs = Job.objects.for_store(store).filter(kind=work.RECOMPUTE)
    assert jobs.count() == 1, "while one waits to begin, no other is asked for"


def test_nights_pass(store: Store, run_jobs: Callable[[], list[Job]]) -> None:
    ann = make_customer(store, "ann@x.example")
    touch(store, [ann.pk])
    order(ann, 1, datetime(2026, 3, 20, 12, tzinfo=UTC), currency="USD")
    ended = []
    for hours in range(24 * 4):
        with time_machine.travel(datetime(2026, 3, 27, 12, tzinfo=UTC) + timedelta(hours=hours), tick=False):
            if due.run_nightly(timezone.now()):
                run_jobs()
                ended.append(MetricsState.objects.for_store(store).get().full_on)
    assert [f"{day:%d}" for day in ended if day] == ["27", "28", "29", "30", "31"]
    assert not AuditEntry.everywhere.filter(verb="recomputed").exists()


@pytest.fixture
def around_midnight(store: Store, run_jobs: Callable[[], list[Job]]) -> Customer:
    """Somebody with an order before midnight in UTC and one after it, one of them in euros, whose night has passed."""
    store.time_zone = "UTC"
    store.save()
    ann = make_customer(store, "ann@x.example")
    order(ann, 1, datetime(2026, 3, 20, 23, 30, tzinfo=UTC), currency="USD", total="10.000")
    order(ann, 2, datetime(2026, 3, 21, 0, 30, tzinfo=UTC), currency="EUR", total="7.000")
    assert due.run_nightly(timezone.now() + timedelta(minutes=1))
    run_jobs()
    assert (row(ann).order_days, row(ann).total_spent) == (2, 10)
    return ann


def test_another_time_zone_or_currency_is_followed_at_once(
    store: Store, around_midnight: Customer, owner: User, run_jobs: Callable[[], list[Job]]
) -> None:
    assert due.follow_changes(timezone.now()) == 0
    seen = {"time_zone": store.time_zone, "currency": store.currency}
    change_store(store, actor=owner, seen=seen, wanted={**seen, "time_zone": "America/Los_Angeles"})
    assert due.follow_changes(timezone.now()) == 1
    assert due.follow_changes(timezone.now()) == 0, "once"
    run_jobs()
    assert (row(around_midnight).order_days, row(around_midnight).total_spent) == (1, 10)
    state, store = MetricsState.objects.for_store(store).get(), Store.objects.get(pk=store.pk)
    assert state.next_full_at.astimezone(store.zone).time() == due.time_of_night(store), "its nights are others too"
    Store.objects.filter(pk=store.pk).update(currency="EUR")
    tasks.catch_up()
    run_jobs()
    assert row(around_midnight).total_spent == 7
    assert Job.objects.for_store(store).filter(kind=work.RECOMPUTE).count() == 3


def test_a_run_that_is_half_through_does_not_end_the_matter(
    store: Store, around_midnight: Customer, run_jobs: Callable[[], list[Job]]
) -> None:
    Job.objects.for_store(store).update(state=Job.State.QUEUED, cursor={"after": 10**9})
    Store.objects.filter(pk=store.pk).update(currency="EUR")
    assert due.follow_changes(timezone.now()) == 1
    assert Job.objects.for_store(store).filter(kind=work.RECOMPUTE).count() == 2


def test_a_worker_that_has_the_store_of_before_asks_anew(store: Store, around_midnight: Customer) -> None:
    Store.objects.filter(pk=store.pk).update(currency="EUR", time_zone="America/Los_Angeles")
    assert store.currency == "USD"
    recompute_in_one(store)
    assert (row(around_midnight).order_days, row(around_midnight).total_spent) == (1, 7)
