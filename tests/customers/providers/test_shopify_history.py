"""Reading what Shopify has, and that it comes to the same as its webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.ingest.taking_in import take_in
from customers.models import Customer, Order, OrderLine, Product, WayIn, WayInKind
from customers.providers import accounts, shopify_pages
from customers.providers.shopify import sale
from customers.sandbox.bodies import shopify_customer, shopify_line, shopify_order, shopify_refund
from portal import turns
from portal.models import Store, User
from portal.models.job import JobState
from segments.sandbox.selling import Sold
from segments.sandbox.shopify import ShopifySandbox
from tests.customers.providers.conftest import SECRETS, SHOP, Shop, at
from tests.customers.providers.test_history import due_again, read

pytestmark = pytest.mark.django_db
TOKEN = "shpat_of_maple"
NOTED = [
    {"name": "gift", "value": "yes"},
    {"name": "utm_source", "value": "instagram"},
    {"name": "utm_medium", "value": "paid"},
]


@pytest.fixture
def shopify(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShopifySandbox]:
    monkeypatch.setattr("customers.providers.history.ROWS_AT_ONCE", 5)
    monkeypatch.setattr(turns, "wait_for", lambda *_, **__: 0.0)
    monkeypatch.setattr(shopify_pages, "CUSTOMERS_A_PAGE", 4)
    monkeypatch.setattr(shopify_pages, "ORDERS_A_PAGE", 3)
    with ShopifySandbox(limits=False) as sandbox:
        settings.SHOPIFY_API_URL = sandbox.url
        sandbox.account(TOKEN, "Maple Coffee", domain=SHOP, scopes=("read_customers", "read_orders"))
        sold = sandbox.sold[SHOP]
        for number in range(1, 13):
            buyer = shopify_customer(number, f"c{number}@maple.example", at(number), tags="vip, tea")
            sold.put("customers", buyer)
            sold.put("orders", made(number, buyer))
        yield sandbox


def made(number: int, buyer: Any) -> Any:
    """One of several sorts of orders."""
    lines = [
        shopify_line(7, "Coffee", "12.00", quantity=2),
        shopify_line(8, "Tea", "3.50", discount_allocations=[{"amount": "0.50"}]),
    ]
    sorts: list[dict[str, Any]] = [
        {},
        {"financial_status": "partially_refunded", "refunds": [shopify_refund("2.50")]},
        {"cancelled_at": "2026-11-02T00:00:00Z", "note_attributes": NOTED},
        {"tags": "Subscription, Subscription Recurring Order", "landing_site": None, "referring_site": None},
        {"line_items": [shopify_line(100 + n, f"Sample {n}", "0.10") for n in range(45)]},
        {"discount_codes": [{"code": "SPRING"}], "total_discounts": "0.50", "currency": "USD"},
    ]
    return shopify_order(1000 + number, buyer, at(number), total="27.50", **{"line_items": lines} | sorts[number % 6])


@pytest.fixture
def way_in(store: Store, owner: User) -> WayIn:
    given: dict[str, Any] = {"account": SHOP, "secret": SECRETS[WayInKind.SHOPIFY], "token": TOKEN}
    given["reads_history"] = True
    return accounts.connect(store, WayInKind.SHOPIFY, "Shopify", actor=owner, **given)


def world(store: Store) -> tuple[Any, ...]:
    order = (
        "external_id", "number", "kind", "status", "placed_at", "told_at", "currency", "subtotal", "discount",
        "total", "refunded", "discount_codes", "channel", "customer__email_key",
    )  # fmt: skip
    line = (
        "order__external_id",
        "position",
        "product__external_id",
        "title",
        "quantity",
        "price",
        "discount",
        "is_subscription",
    )
    person = ("email_key", "first_name", "last_name", "shopify_id", "marketing_consent", "signed_up_at")
    return (
        sorted(Order.objects.for_store(store).values_list(*order)),
        sorted(OrderLine.objects.for_store(store).values_list(*line)),
        sorted(Customer.objects.for_store(store).values_list(*person)),
        sorted(Product.objects.for_store(store).values_list("external_id", "title")),
    )


def test_the_history_says_the_same_as_the_webhooks(
    store: Store, other_store: Store, stranger: User, way_in: WayIn, shopify: ShopifySandbox
) -> None:
    job = read(way_in)
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    assert job.result["read"] == {"customers": 12, "orders": 12}
    assert job.result["told"]["unreadable"] == 0
    given: dict[str, Any] = {"account": SHOP, "secret": SECRETS[WayInKind.SHOPIFY]}
    other = Shop(accounts.connect(other_store, WayInKind.SHOPIFY, "Shopify", actor=stranger, **given))
    sold: Sold = shopify.sold[SHOP]
    for topic, name in (("customers/create", "customers"), ("orders/create", "orders")):
        for said in sold.rows[name].values():
            assert other.send(topic, said).status_code == 200
    while take_in(other_store):
        pass
    assert world(store) == world(other_store)
    assert OrderLine.objects.for_store(store).count() == 10 * 2 + 2 * 45
    channels = sorted(Order.objects.for_store(store).values_list("channel", flat=True))
    assert channels == ["", ""] + 8 * ["paid search"] + 2 * ["paid social"]


def test_what_changed_since_is_read_alone(store: Store, way_in: WayIn, shopify: ShopifySandbox) -> None:
    read(way_in)
    buyer = shopify_customer(3, "c3@maple.example", timezone.now(), last_name="Newer")
    shopify.sold[SHOP].put("customers", buyer)
    shopify.sold[SHOP].put("orders", shopify_order(1003, buyer, timezone.now(), financial_status="refunded"))
    due_again(way_in)
    job = read(way_in)
    assert job.result["read"] == {"customers": 1, "orders": 1}
    assert Order.objects.for_store(store).get(external_id="1003").status == "refunded"
    assert Customer.objects.for_store(store).get(shopify_id="3").last_name == "Newer"


def test_a_token_that_may_not_read_orders_is_told(store: Store, way_in: WayIn, shopify: ShopifySandbox) -> None:
    shopify.add_key(shopify.accounts[0], TOKEN, frozenset({"read_customers"}))
    job = read(way_in)
    assert job.state == JobState.FAILED
    assert "read_orders" in job.error
    assert way_in.reconciled_to is None
    assert Customer.objects.for_store(store).count() == 12


@pytest.mark.parametrize("fault", ["throttled", "throttle", "error", "hang_up", "broken_json", "page"])
def test_what_goes_wrong_is_made_good(
    store: Store, way_in: WayIn, shopify: ShopifySandbox, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(turns, "backoff", lambda *_: 0.0)
    more: dict[str, Any] = {"retry_after": 0} if fault == "throttle" else {}
    shopify.faults.add(fault, after=2, times=2, **more)
    job = read(way_in)
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    assert Order.objects.for_store(store).count() == 12
    assert way_in.reconciled_to is not None
    assert way_in.reconciled_to > timezone.now() - timedelta(minutes=5)


def test_an_address_that_is_none_tells_nothing_and_holds_up_nothing() -> None:
    body = shopify_order(5, None, at(0), order_status_url="https://[shop", landing_site="/?utm_source=google")
    assert sale(body).order.channel == "organic"
    assert sale(body | {"landing_site": "//[x]y", "referring_site": "http://["}).order.channel == "direct"
