"""The timeline of a customer: one order over all that tell, page by page, whatever falls on one instant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from customers.models import Customer, Event, Order, OrderLine, Subscription
from customers.timeline import Happening, Kind, Position, page_of
from customers.timeline.sources import told_of
from portal.access import Plan
from portal.models import Store
from segments import membership
from segments.membership import Cause
from segments.models import Segment, Source
from tests.conftest import make_customer

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MONEY = {"subtotal": "24.000", "total": "24.500", "currency": "EUR"}


@pytest.fixture
def ada(store: Store) -> Customer:
    return make_customer(store, "ada@x.example")


def order(customer: Customer, number: int, at: datetime = NOON, **fields: Any) -> Order:
    told = {"source": "file", "external_id": str(number), "number": f"#{number}", "told_at": at, "placed_at": at}
    made: Order = Order.objects.create_for(customer.store, customer=customer, **(told | MONEY | fields))
    return made


def subscription(customer: Customer, number: int, at: datetime = NOON, **fields: Any) -> Subscription:
    told = {"source": "file", "external_id": str(number), "title": "Coffee", "told_at": at, "started_at": at}
    money = {"price": "12.000", "currency": "EUR"}
    made: Subscription = Subscription.objects.create_for(customer.store, customer=customer, **(told | money | fields))
    return made


def event(customer: Customer, number: int, at: datetime = NOON, name: str = "Logged In", **properties: Any) -> Event:
    key = f"{customer.pk}-{number}"
    said = {"name": name, "occurred_at": at, "message_key": key, "properties": properties}
    made: Event = Event.objects.create_for(customer.store, customer=customer, **said)
    return made


def everything(customer: Customer, kind: Kind | None = None, size: int = 20) -> list[Happening]:
    """The whole list, read page by page through the tokens."""
    told: list[Happening] = []
    token = ""
    while True:
        page = page_of(customer, beyond=Position.read(token), kind=kind, size=size)
        assert len(page.entries) <= size
        told += page.entries
        if not page.next:
            return told
        token = page.next


def texts(entries: list[Happening]) -> list[str]:
    return [entry.text for entry in entries]


def test_one_list_of_all_that_happened_the_latest_first(store: Store, ada: Customer) -> None:
    bought = order(ada, 1001, NOON + timedelta(hours=1), channel="organic")
    OrderLine.objects.create_for(store, order=bought, position=1, title="Guji", quantity=2, price="12.000")
    subscription(
        ada, 1, NOON, interval_count=2, cancelled_at=NOON + timedelta(days=2), cancellation_reason="Too much coffee"
    )
    event(ada, 1, NOON + timedelta(days=1), app="ios", nothing="", deep={"a": 1})
    segment = Segment.objects.create_for(store, name="Big Spenders")
    membership.enter(
        segment, Customer.objects.for_store(store).annotate(customer_id=F("pk")), Cause(Source.MANUAL, at=NOON)
    )
    told = everything(ada)
    assert texts(told) == [
        "Cancelled the subscription to Coffee", "Logged In", "Order #1001", "Subscribed to Coffee",
        "Added to Big Spenders",
    ]  # fmt: skip
    assert [entry.note for entry in told[:4]] == [
        "Too much coffee", "app: ios", "24.50 EUR · 2 × Guji · organic", "12.00 EUR every 2 months",
    ]  # fmt: skip


def test_each_kind_alone(store: Store, ada: Customer) -> None:
    order(ada, 1)
    subscription(ada, 1)
    event(ada, 1)
    event(ada, 2, NOON + timedelta(hours=1), "Subscription Skipped")
    assert texts(everything(ada, Kind.ORDERS)) == ["Order #1"]
    assert texts(everything(ada, Kind.SUBSCRIPTIONS)) == ["Subscription Skipped", "Subscribed to Coffee"]
    assert texts(everything(ada, Kind.EVENTS)) == ["Logged In"]
    assert everything(ada, Kind.SEGMENTS) == []


def test_a_cancellation_that_the_subscription_tells_is_told_once(ada: Customer) -> None:
    over = NOON + timedelta(days=3)
    subscription(ada, 1, cancelled_at=over)
    event(ada, 1, over, "Subscription Cancelled")
    event(ada, 2, over - timedelta(days=1), "Subscription Cancelled")
    told = texts(everything(ada))
    assert told == ["Cancelled the subscription to Coffee", "Subscription Cancelled", "Subscribed to Coffee"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
def test_pages_join_without_gap_or_repeat_at_equal_instants(ada: Customer, size: int) -> None:
    dice = Random(size)
    instants = [NOON + timedelta(microseconds=dice.randrange(3)) for _ in range(60)]
    for number, at in enumerate(instants):
        make: Callable[..., Any] = (order, subscription, event)[number % 3]
        make(ada, number, at)
    whole = everything(ada, size=1_000)
    assert len(whole) == 60
    assert everything(ada, size=size) == whole
    assert [entry.at for entry in whole] == sorted(instants, reverse=True)


def test_what_comes_while_one_reads_shifts_nothing(ada: Customer) -> None:
    for number in range(30):
        event(ada, number, NOON + timedelta(minutes=number))
    first = page_of(ada, beyond=None)
    event(ada, 99, NOON + timedelta(days=1))
    second = page_of(ada, beyond=Position.read(first.next))
    minutes = [(entry.at - NOON) // timedelta(minutes=1) for entry in [*first.entries, *second.entries]]
    assert minutes == list(range(29, -1, -1))


@pytest.mark.parametrize("token", ["", "x", "1-2", "1-2-3-4", "-1-2-3", "9" * 30 + "-1-1", "1-1-" + "9" * 25, "١-1-1"])
def test_a_position_that_is_none_is_the_beginning(ada: Customer, token: str) -> None:
    assert Position.read(token) is None


def test_other_stores_and_other_customers_are_not_in_it(store: Store, other_store: Store, ada: Customer) -> None:
    order(make_customer(store, "eve@x.example"), 1)
    order(make_customer(other_store, "ada@x.example"), 2)
    assert everything(ada) == []


def test_a_plan_without_segments_tells_of_none(store: Store, ada: Customer) -> None:
    segment = Segment.objects.create_for(store, name="Big Spenders")
    membership.enter(segment, Customer.objects.for_store(store).annotate(customer_id=F("pk")), Cause(Source.MANUAL))
    store.plan = Plan.STANDARD
    ada.store = store
    assert everything(ada) == []


def test_queries_do_not_grow(ada: Customer, django_assert_num_queries: Callable[[int], Any]) -> None:
    for number in range(3):
        order(ada, number)
    with django_assert_num_queries(10):
        page_of(ada, beyond=None)
    for number in range(40):
        order(ada, 100 + number)
        event(ada, number)
    with django_assert_num_queries(10):
        page_of(ada, beyond=None)


@pytest.mark.parametrize("properties", [[], None, {"a": None}, {"a": ["b"]}, {"a": ""}])
def test_properties_of_whatever_shape(properties: Any) -> None:
    assert told_of(properties) == ""


class TestPages:
    def test_a_link_leads_on_and_htmx_gets_the_entries_alone(self, client: Client, owner: Any, ada: Customer) -> None:
        client.force_login(owner)
        for number in range(25):
            event(ada, number, NOON + timedelta(minutes=number), f"Event {number}")
        at = reverse("customers:timeline", args=(ada.store.slug, ada.pk))
        page = client.get(ada.get_absolute_url()).content.decode()
        assert "Event 24" in page
        assert "Event 4<" not in page
        more = page.split('class="event-more"><a class="btn btn-sm" href="')[1].split('"')[0].replace("&amp;", "&")
        assert more.startswith(at)
        whole = client.get(more).content.decode()
        assert "<html" in whole
        assert "Event 4<" in whole
        part = client.get(more, headers={"HX-Request": "true"}).content.decode().strip()
        assert part.startswith("<li")
        assert "Event 4<" in part
        assert "event-more" not in part

    def test_kinds_are_links(self, client: Client, owner: Any, ada: Customer) -> None:
        client.force_login(owner)
        order(ada, 7)
        event(ada, 1)
        at = reverse("customers:timeline", args=(ada.store.slug, ada.pk))
        part = client.get(f"{at}?kind=orders", headers={"HX-Request": "true"}).content.decode()
        assert part.strip().startswith('<div id="timeline"')
        assert "Order #7" in part
        assert "Logged In" not in part

    def test_names_of_events_are_text(self, client: Client, owner: Any, ada: Customer) -> None:
        client.force_login(owner)
        event(ada, 1, name="<script>alert(1)</script>", word="<img src=x>")
        page = client.get(ada.get_absolute_url()).content.decode()
        assert "<script>alert" not in page
        assert "&lt;img src=x&gt;" in page
