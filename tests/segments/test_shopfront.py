"""What the demo's stand-ins for Shopify and Recharge have sold: read by the portal, it comes to what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from django.db import transaction
from django.utils import timezone

from customers.models import Customer, Event, Order, Product, Subscription, WayIn, WayInKind
from customers.providers import history
from customers.sandbox.recharge import RechargeSandbox
from portal import turns
from portal.demo_outside import RECHARGE_SECRET, RECHARGE_TOKEN, SHOPIFY_DOMAIN
from portal.models import Job, Store, User
from portal.models.job import JobState
from segments.demo import elsewhere
from segments.sandbox.people import customers, furnish_shopify
from segments.sandbox.selling import Sold
from segments.sandbox.shopfront import AT_BOTH, SUBSCRIBERS, buyers, furnish_recharge, furnish_shop
from segments.sandbox.shopify import ShopifySandbox
from tests.customers.providers.test_history import due_again, finish

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def shopify(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShopifySandbox]:
    monkeypatch.setattr(turns, "wait_for", lambda *_, **__: 0.0)
    with ShopifySandbox(limits=False) as sandbox:
        furnish_shopify(sandbox)
        settings.SHOPIFY_API_URL = sandbox.url
        yield sandbox


@pytest.fixture
def recharge(settings: Any) -> Iterator[RechargeSandbox]:
    with RechargeSandbox(limits=False, token=RECHARGE_TOKEN, secret=RECHARGE_SECRET) as sandbox:
        furnish_recharge(sandbox, datetime.now(UTC))
        settings.RECHARGE_API_URL = sandbox.url
        yield sandbox


def sold(now: datetime) -> tuple[Sold, RechargeSandbox]:
    shop, recharge = Sold(), RechargeSandbox()
    furnish_shop(shop, [], now)
    furnish_recharge(recharge, now)
    return shop, recharge


def test_it_is_the_same_whenever_it_is_started_and_goes_on() -> None:
    shop, recharge = sold(NOW)
    again, recharge_again = sold(NOW)
    assert (shop.rows, recharge.rows) == (again.rows, recharge_again.rows)
    later, recharge_later = sold(NOW + timedelta(days=30))
    for name, rows in shop.rows.items():
        assert rows.items() <= later.rows[name].items()
    assert recharge.rows["orders"].items() <= recharge_later.rows["orders"].items()
    assert len(later.rows["orders"]) > len(shop.rows["orders"])
    last = max(row["created_at"] for row in shop.rows["orders"].values())
    assert last <= NOW.isoformat()


def test_nobody_in_it_is_real_and_everybody_is_one() -> None:
    emails = [buyer.email for buyer in buyers(NOW)]
    assert len(set(emails)) == len(emails) > SUBSCRIBERS
    assert all(email.isascii() and email.endswith("@web-shop.example") for email in emails)


@pytest.mark.django_db
def test_the_demo_connects_both_and_their_history_can_be_read(
    store: Store, owner: User, shopify: ShopifySandbox, recharge: RechargeSandbox
) -> None:
    known = next(one for one in customers() if one.shopify_id in shopify.sold[SHOPIFY_DOMAIN].rows["customers"])
    assert elsewhere.sell(store, owner, timezone.now()) == 2
    ways = {way.kind: way for way in WayIn.objects.for_store(store)}
    for way in ways.values():
        way.store = store
        assert way.next_reconcile_at is not None
        assert way.next_reconcile_at > timezone.now() + elsewhere.QUIET
        assert not Job.objects.for_store(store).exists()  # nothing is read before somebody asks for it
    for kind in (WayInKind.RECHARGE, WayInKind.SHOPIFY):
        due_again(ways[kind])
        read_one(ways[kind])
    assert Customer.objects.for_store(store).filter(email=known.email, shopify_id=known.shopify_id).exists()
    at_shopify, at_recharge = (
        Order.objects.for_store(store).filter(source=source) for source in ("shopify", "recharge")
    )
    assert at_shopify.count() == len(shopify.sold[SHOPIFY_DOMAIN].rows["orders"])
    # What stands at both counts once.
    both = [row for row in recharge.rows["orders"].values() if row["external_order_id"]["ecommerce"]]
    assert at_recharge.count() == len(recharge.rows["orders"]) - len(both)
    assert both
    assert Subscription.objects.for_store(store).count() == SUBSCRIBERS
    assert set(Subscription.objects.for_store(store).values_list("status", flat=True)) == {"active", "cancelled"}
    assert Event.objects.for_store(store).filter(name="Subscription Skipped").count() == len(recharge.rows["charges"])
    assert {"paid search", "paid social", "e-mail", "organic", "referral", "direct"} <= set(
        at_shopify.values_list("channel", flat=True)
    )
    assert set(at_shopify.values_list("kind", flat=True)) == {"checkout", "recurring", "one_off"}
    assert Product.objects.for_store(store).filter(source="shopify", category="Coffee").exists()
    assert AT_BOTH < SUBSCRIBERS


def read_one(way_in: WayIn) -> None:
    with transaction.atomic():
        assert history.begin(way_in, actor=None) is not None
    job = finish(way_in)
    assert (job.state, job.error, job.result["told"]["unreadable"]) == (JobState.SUCCEEDED, "", 0)
    assert job.result["webhooks"]["made"]
    assert job.result["webhooks"]["refused"] == {}


@pytest.mark.django_db
def test_without_stand_ins_nothing_is_connected(store: Store, owner: User, settings: Any) -> None:
    settings.SHOPIFY_API_URL, settings.RECHARGE_API_URL = "", "https://api.rechargeapps.example"
    assert elsewhere.sell(store, owner, timezone.now()) == 0
    assert not WayIn.objects.for_store(store).exists()


def test_recharge_can_be_told_to_fail_from_outside(recharge: RechargeSandbox) -> None:
    here = f"{recharge.url}/_sandbox"
    rows = requests.get(f"{here}/", timeout=5).json()["rows"]
    assert rows["subscriptions"] == SUBSCRIBERS
    requests.post(f"{here}/faults", json={"fault": "error", "times": 1, "status": 500}, timeout=5)
    headers = {"X-Recharge-Access-Token": RECHARGE_TOKEN, "X-Recharge-Version": "2021-11"}
    answers = [requests.get(f"{recharge.url}/orders", headers=headers, timeout=5).status_code for _ in range(2)]
    assert answers == [500, 200]
    assert [one["status"] for one in requests.get(f"{here}/requests", timeout=5).json()] == answers
    assert requests.get(f"{here}/nowhere", timeout=5).status_code == 404
    assert requests.get(f"{here}/", headers={"Origin": "https://evil.example"}, timeout=5).status_code == 403
    assert requests.post(f"{here}/limits", json={"on": True}, timeout=5).json() == {"on": True}
