"""Reading what Recharge has: all of it once, what changed since afterwards, whatever goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from customers.ingest.taking_in import take_in
from customers.models import Arrival, Customer, Event, Order, OrderLine, Subscription, WayIn, WayInKind
from customers.providers import accounts, checking, history, schedule, walks
from customers.providers.recharge import TOPICS
from customers.sandbox.bodies import (
    recharge_charge,
    recharge_customer,
    recharge_order,
    recharge_subscription,
)
from customers.sandbox.recharge import SECRET, TOKEN, RechargeSandbox
from portal import crash, jobs, turns
from portal.models import Job, Store, User
from portal.models.job import JobState
from tests.customers.providers.conftest import T0, at
from tests.customers.twins import Twin, twins

pytestmark = pytest.mark.django_db
PEOPLE = 30


@pytest.fixture
def recharge(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[RechargeSandbox]:
    monkeypatch.setattr("customers.providers.recharge_api.PAGE", 7)
    monkeypatch.setattr("customers.providers.history.ROWS_AT_ONCE", 7)
    monkeypatch.setattr(turns, "wait_for", lambda *_, **__: 0.0)
    with RechargeSandbox(limits=False) as sandbox:
        settings.RECHARGE_API_URL = sandbox.url
        for number in range(1, PEOPLE + 1):
            buyer = recharge_customer(number, f"c{number}@maple.example", at(number))
            sandbox.put("customers", buyer)
            sandbox.put("subscriptions", recharge_subscription(100 + number, number, at(number)))
            sandbox.put("orders", recharge_order(500 + number, buyer, at(number)))
        yield sandbox


@pytest.fixture
def way_in(store: Store, owner: User) -> WayIn:
    return accounts.connect(
        store, WayInKind.RECHARGE, "Recharge", actor=owner, secret=SECRET, token=TOKEN, reads_history=True
    )


def read(way_in: WayIn) -> Job:
    """Have it read to the end, as workers would who come again whenever it is due."""
    assert schedule.run_due(timezone.now()) == 1
    return finish(way_in)


def finish(way_in: WayIn) -> Job:
    job = jobs.of_subject(way_in).latest("pk")
    for _ in range(60):
        Job.everywhere.filter(pk=job.pk).update(due_at=timezone.now() - timedelta(seconds=1))
        jobs.run(job.pk)
        job.refresh_from_db()
        if job.state not in (JobState.QUEUED, JobState.RUNNING):
            break
    way_in.refresh_from_db()
    return job


def due_again(way_in: WayIn) -> None:
    WayIn.everywhere.filter(pk=way_in.pk).update(next_reconcile_at=timezone.now())


def world(store: Store) -> tuple[Any, ...]:
    """All that the tables say of what was read."""
    return tuple(
        sorted(rows)
        for rows in (
            Customer.objects.for_store(store).values_list("email_key", "recharge_id", "signed_up_at"),
            Order.objects.for_store(store).values_list("external_id", "total", "status", "customer__email_key"),
            OrderLine.objects.for_store(store).values_list("order__external_id", "position", "title", "price"),
            Subscription.objects.for_store(store).values_list("external_id", "status", "customer__email_key"),
            Event.objects.for_store(store).values_list("message_key", "name"),
        )
    )


def test_all_of_it_is_read_once(store: Store, way_in: WayIn, recharge: RechargeSandbox) -> None:
    before = timezone.now()
    job = read(way_in)
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    assert job.result["read"] == {"customers": 30, "subscriptions": 30, "orders": 30, "charges": 0}
    assert job.result["told"] == {"created": 90, "unreadable": 0}
    counts = [model.objects.for_store(store).count() for model in (Customer, Subscription, Order, OrderLine)]
    assert counts == [30, 30, 30, 30]
    assert way_in.history_read_at is not None
    assert way_in.reconciled_to is not None
    assert way_in.reconciled_to >= before
    assert way_in.next_reconcile_at is not None
    assert way_in.next_reconcile_at > before
    assert 1 <= way_in.next_reconcile_at.astimezone(store.zone).hour < 5


def test_read_again_it_changes_nothing_and_asks_for_what_changed(
    store: Store, way_in: WayIn, recharge: RechargeSandbox
) -> None:
    read(way_in)
    before, asked = world(store), len(recharge.requests)
    due_again(way_in)
    job = read(way_in)
    assert world(store) == before
    assert job.result["read"] == {"customers": 0, "subscriptions": 0, "orders": 0, "charges": 0}
    assert way_in.reconciled_to is not None
    since = (way_in.reconciled_to - timedelta(hours=1)).strftime("%Y-%m-%dT%H")
    assert all(since in target for target, _ in recharge.requests[asked:] if "limit=" in target)


def test_what_webhooks_lost_is_found(store: Store, way_in: WayIn, recharge: RechargeSandbox) -> None:
    client = Client()

    def post(address: str, body: bytes, headers: dict[str, str]) -> int:
        path = address.removeprefix("http://testserver")
        return client.post(path, body, content_type="application/json", headers=headers).status_code

    recharge.post = post
    job = read(way_in)
    assert sorted(job.result["webhooks"]["made"]) == sorted(TOPICS)
    now = timezone.now()
    recharge.put("subscriptions", recharge_subscription(101, 1, now, status="expired"), "subscription/updated")
    take_in(store)
    assert Subscription.objects.for_store(store).get(external_id="101").status == "expired"
    recharge.dropping = True
    over = {"status": "cancelled", "cancelled_at": now.isoformat(), "cancellation_reason": "Too dear"}
    recharge.put("subscriptions", recharge_subscription(102, 2, now, **over), "subscription/cancelled")
    recharge.put(
        "orders", recharge_order(502, recharge.rows["customers"][2], now, total_refunds="5.00"), "order/updated"
    )
    assert len(recharge.unsent) == 2
    assert Subscription.objects.for_store(store).get(external_id="102").status == "active"
    recharge.dropping = False
    due_again(way_in)
    job = read(way_in)
    assert Subscription.objects.for_store(store).get(external_id="102").status == "cancelled"
    assert Order.objects.for_store(store).get(external_id="502").status == "partially_refunded"
    assert Event.objects.for_store(store).get().properties["reason"] == "Too dear"
    # The webhooks that Recharge took away are there again, and the same cancellation told by one is no second event.
    assert sorted(job.result["webhooks"]["made"]) == ["order/updated", "subscription/cancelled"]
    recharge.tell("subscription/cancelled", recharge.rows["subscriptions"][102])
    take_in(store)
    assert Arrival.objects.for_store(store).latest("pk").state == "done"
    assert Event.objects.for_store(store).count() == 1


def test_what_changed_while_it_was_read_is_found(store: Store, way_in: WayIn, recharge: RechargeSandbox) -> None:
    """By the provider's clock it was before the reading began, and its list did not show it yet."""
    began = timezone.now()
    read(way_in)
    over = recharge_subscription(103, 3, began - timedelta(minutes=5), status="cancelled")
    recharge.put("subscriptions", over)
    due_again(way_in)
    read(way_in)
    assert Subscription.objects.for_store(store).get(external_id="103").status == "cancelled"


@twins(
    overlap=Twin(
        test_what_changed_while_it_was_read_is_found,
        lambda patch: patch.setattr(history, "OVERLAP", timedelta(0)),
    ),
    looking_at_webhooks=Twin(
        test_what_webhooks_lost_is_found,
        lambda patch: patch.setattr(checking, "look", lambda *_: checking.Seen()),
    ),
    reading_again=Twin(
        test_what_webhooks_lost_is_found,
        lambda patch: patch.setattr(
            walks, "_since", lambda at: {"updated_at_min": "2099-01-01T00:00:00+00:00"} if at else {}
        ),
    ),
)
def test_teeth(twin: Twin, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    twin.told(request, monkeypatch)


def test_skips_of_the_time_before_are_found_among_the_charges(
    store: Store, way_in: WayIn, recharge: RechargeSandbox
) -> None:
    recharge.put("charges", recharge_charge(900, recharge.rows["customers"][1], T0, status="skipped"))
    later = timezone.now() + timedelta(minutes=1)
    recharge.put("charges", recharge_charge(901, recharge.rows["customers"][2], later, status="skipped"))
    read(way_in)
    assert list(Event.objects.for_store(store).values_list("name", "customer__recharge_id")) == [
        ("Subscription Skipped", "1")
    ]


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "throttle", "times": 3, "retry_after": 0},
        {"name": "error", "times": 4},
        {"name": "error", "times": 2, "status": 500},
        {"name": "hang_up", "times": 2},
        {"name": "cut", "times": 2},
        {"name": "broken_json", "times": 2},
        {"name": "page", "times": 2},
        {"name": "gzipped", "times": 5},
    ],
    ids=lambda fault: f"{fault['name']}-{fault.get('status', '')}",
)
def test_what_goes_wrong_on_the_way_is_made_good(
    store: Store, way_in: WayIn, recharge: RechargeSandbox, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    monkeypatch.setattr(turns, "backoff", lambda *_: 0.0)
    recharge.faults.add(fault.pop("name"), after=3, **fault)
    job = read(way_in)
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    assert [model.objects.for_store(store).count() for model in (Customer, Subscription, Order)] == [30, 30, 30]


def test_a_cursor_that_is_forgotten_means_to_begin_again(
    store: Store, way_in: WayIn, recharge: RechargeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def point(name: str) -> None:
        seen.append(name)
        if seen.count("history.page written") == 3 and name == "history.page written":
            recharge.expire_cursors()

    monkeypatch.setattr(crash, "point", point)
    job = read(way_in)
    assert job.state == JobState.SUCCEEDED
    assert [model.objects.for_store(store).count() for model in (Customer, Subscription, Order)] == [30, 30, 30]


class Killed(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize(
    "where", ["step.prepared", "step.written", "history.page written", "history.ending", "step.kept"]
)
def test_killed_anywhere_it_comes_to_the_same(
    store: Store, way_in: WayIn, recharge: RechargeSandbox, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    deaths = {"left": 3}

    def point(name: str) -> None:
        if name == where and deaths["left"]:
            deaths["left"] -= 1
            raise Killed

    assert schedule.run_due(timezone.now()) == 1
    job = jobs.of_subject(way_in).latest("pk")
    monkeypatch.setattr(crash, "point", point)
    for _ in range(200):
        Job.everywhere.filter(pk=job.pk).update(
            due_at=timezone.now() - timedelta(seconds=1), lease_until=timezone.now() - timedelta(seconds=1), attempts=0
        )
        try:
            jobs.run(job.pk)
        except Killed:
            assert not connection.needs_rollback
        job.refresh_from_db()
        if job.state not in (JobState.QUEUED, JobState.RUNNING):
            break
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    assert [model.objects.for_store(store).count() for model in (Customer, Subscription, Order, OrderLine)] == [30] * 4


def test_a_token_that_is_refused_is_told(way_in: WayIn, recharge: RechargeSandbox) -> None:
    recharge.token = "sk_another"
    job = read(way_in)
    assert job.state == JobState.FAILED
    assert "does not accept the key" in job.error
    assert "does not accept the key" in way_in.last_error
    assert way_in.reconciled_to is None


def test_nobody_who_was_erased_comes_back_by_the_history(
    store: Store, owner: User, way_in: WayIn, recharge: RechargeSandbox
) -> None:
    from customers.privacy.erase import erase_customer

    read(way_in)
    gone = Customer.objects.for_store(store).get(email_key="c3@maple.example")
    gone.store = store
    erase_customer(gone, typed="c3@maple.example", actor=owner)
    for job in Job.everywhere.filter(kind="customers.erase"):
        jobs.run(job.pk)
    WayIn.everywhere.filter(pk=way_in.pk).update(reconciled_to=None, next_reconcile_at=timezone.now())
    way_in.refresh_from_db()
    read(way_in)
    assert not Order.objects.for_store(store).filter(external_id="503").exists()
    assert not Subscription.objects.for_store(store).filter(external_id="103").exists()
    assert Customer.objects.for_store(store).filter(erased_at=None).count() == 29


def test_rows_that_are_of_no_use_hold_up_none(store: Store, way_in: WayIn, recharge: RechargeSandbox) -> None:
    recharge.rows["orders"][501]["total_price"] = "a lot"
    recharge.rows["subscriptions"][101]["order_interval_unit"] = None
    recharge.rows["customers"][4]["email"] = None
    job = read(way_in)
    assert job.state == JobState.SUCCEEDED
    assert job.result["told"]["unreadable"] == 1
    # The fourth comes by the address that the order names.
    assert Customer.objects.for_store(store).count() == 30
    assert Order.objects.for_store(store).count() == 29
    assert Subscription.objects.for_store(store).count() == 29


def test_it_is_not_begun_twice(way_in: WayIn, recharge: RechargeSandbox) -> None:
    assert schedule.run_due(timezone.now()) == 1
    assert schedule.run_due(timezone.now()) == 0
    due_again(way_in)
    assert schedule.run_due(timezone.now()) == 0
    assert history.begin(way_in, actor=None) is None
