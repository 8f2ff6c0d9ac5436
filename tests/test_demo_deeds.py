"""What the demo's customers bought and did holds together, and with who they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db.models import Count
from django.test import Client
from django.utils import timezone

from customers.channels import Channel
from customers.demo.buying import buy
from customers.demo.doing import do
from customers.demo.shopper import Shopper
from customers.models import Customer, CustomerMetrics, Event, Order, OrderLine, Product, Subscription
from portal.invariants import broken
from portal.models import Store, User
from segments.demo import shops
from tests import test_demo

pytestmark = pytest.mark.django_db
demo, juniper = test_demo.demo, test_demo.juniper


def test_two_years_of_orders_subscriptions_and_events(juniper: Store) -> None:
    now = timezone.now()
    orders, events = Order.objects.for_store(juniper), Event.objects.for_store(juniper)
    assert 60_000 < orders.count() < 110_000
    assert 60_000 < events.count() < 150_000
    assert 4_900 < Subscription.objects.for_store(juniper).count() <= 5_000
    first, last = orders.earliest("placed_at"), orders.latest("placed_at")
    assert 715 < (now - first.placed_at).days <= 730
    assert (now - last.placed_at).days < 2
    for rows, at in ((orders, "placed_at"), (events, "occurred_at"), (Subscription.everywhere, "cancelled_at")):
        assert not rows.filter(**{f"{at}__gt": now}).exists()


def test_what_people_bought_is_what_is_known_of_them(juniper: Store) -> None:
    known = {person.email: person for person in shops.people_of(juniper)}
    rows = Customer.objects.for_store(juniper).filter(signed_up_at__gt=timezone.now() - timedelta(days=700))
    orders = Order.objects.for_store(juniper).exclude(kind="one_off").order_by()
    bought = dict(orders.values_list("customer").annotate(found=Count("pk")))
    states = dict(Subscription.objects.for_store(juniper).values_list("customer", "status"))
    people = [(row.pk, known[row.email]) for row in rows if not known[row.email].is_tester]
    assert len(people) > 3_000
    assert sum(bought[pk] == who.orders for pk, who in people) > 0.97 * len(people)
    assert all(0 <= who.orders - bought[pk] <= 1 for pk, who in people)
    assert all((states[pk] == "cancelled") == (who.ends_on is not None) for pk, who in people)


def test_seasons_and_channels_show(juniper: Store) -> None:
    orders = Order.objects.for_store(juniper)
    channels = set(orders.values_list("channel", flat=True).distinct())
    assert {"paid social", "organic", "referral", "e-mail"} <= channels <= {*map(str, Channel), ""}
    skips = Counter(
        at.month
        for at in Event.objects.for_store(juniper)
        .filter(name="Subscription Skipped")
        .values_list("occurred_at", flat=True)
    )
    assert skips[7] + skips[8] > skips[11] + skips[12]
    presents = orders.filter(kind="one_off").values_list("placed_at", flat=True)
    months = Counter(at.month for at in presents)
    assert months.most_common(1)[0][0] == 12


def test_money_adds_up(juniper: Store) -> None:
    lines: dict[int, Any] = defaultdict(lambda: [0, 0])
    for order, price, count, off in OrderLine.objects.for_store(juniper).values_list(
        "order", "price", "quantity", "discount"
    ):
        lines[order][0] += price * count
        lines[order][1] += off
    orders = Order.objects.for_store(juniper).values_list("pk", "subtotal", "discount", "total", "refunded")
    for pk, subtotal, discount, total, refunded in orders:
        assert [subtotal, discount] == lines[pk]
        assert total >= subtotal - discount
        assert refunded <= total


def test_the_story_is_the_same_every_time(juniper: Store) -> None:
    shopper = Shopper(
        customer_id=1, signed_up_at=datetime(2025, 1, 5, 10, tzinfo=UTC), ends_on=None, days_between=14, orders=20,
        spent=60_000, favourite="Ethiopia Guji", tags=("coffee", "gift"), channel="organic", consent="subscribed",
    )  # fmt: skip
    now = datetime(2026, 1, 1, tzinfo=UTC)
    lives = []
    for _ in range(2):
        rng = Random("a life")
        bought = buy(rng, shopper, since=now - timedelta(days=730), now=now, zone=juniper.zone)
        lives.append((bought, do(rng, shopper, bought, now=now)))
    assert lives[0] == lives[1]
    assert len([sale for sale in lives[0][0].sales if sale.kind != "one_off"]) == 20


def test_every_page_of_it_has_something_to_show(juniper: Store, client: Client) -> None:
    client.force_login(User.objects.get(email="owner@demo.example"))
    page = client.get("/s/juniper/customers/products/").content.decode()
    assert "Ethiopia Guji" in page
    assert Product.objects.for_store(juniper).filter(counted_at=None).count() == 0
    assert Product.objects.for_store(juniper).filter(buyers__gt=100, recent_orders__gt=100).count() > 10
    assert CustomerMetrics.objects.for_store(juniper).count() == 5_000


def test_what_must_always_be_true_is(juniper: Store) -> None:
    assert broken() == {}
