"""What is sold, to how many, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers import products
from customers.counting import count_due, count_products
from customers.models import Customer, Order, OrderLine, Product, Subscription
from portal.models import AuditEntry, Store
from tests.conftest import make_customer
from tests.customers.conftest import PAGES, body, table

pytestmark = pytest.mark.django_db
MONEY = {"subtotal": "12.000", "total": "12.000", "currency": "EUR"}


def product(store: Store, title: str, **fields: Any) -> Product:
    made: Product = Product.objects.create_for(
        store, external_id=title, title=title, source="file", told_at=timezone.now(), **fields
    )
    return made


def buy(customer: Customer, *what: Product, days_ago: int = 1, status: str = "paid") -> None:
    store, at = customer.store, timezone.now() - timedelta(days=days_ago)
    number = Order.everywhere.count()
    told = {"source": "file", "told_at": at, "placed_at": at, "external_id": str(number), "status": status}
    order = Order.objects.create_for(store, customer=customer, **told, **MONEY)
    for position, one in enumerate(what, 1):
        line = {"position": position, "product": one, "title": one.title, "price": "12.000"}
        OrderLine.objects.create_for(store, order=order, **line)


def subscribe(customer: Customer, what: Product, status: str = "active") -> None:
    now = timezone.now()
    told = {"source": "file", "told_at": now, "started_at": now, "external_id": str(Subscription.everywhere.count())}
    row = {"title": what.title, "price": "12.000", "currency": "EUR", "status": status}
    Subscription.objects.create_for(customer.store, customer=customer, product=what, **told, **row)


@pytest.fixture
def ann(store: Store) -> Customer:
    return make_customer(store, "ann@x.example", first_name="=Ann")


@pytest.fixture
def bob(store: Store) -> Customer:
    return make_customer(store, "bob@x.example")


@pytest.fixture
def guji(store: Store) -> Product:
    return product(store, "Guji", category="Coffee")


def figures(one: Product) -> tuple[int, int, int]:
    one.refresh_from_db()
    return one.active_subscriptions, one.recent_orders, one.buyers


def test_it_is_counted_who_buys(store: Store, other_store: Store, ann: Customer, bob: Customer, guji: Product) -> None:
    matcha = product(store, "Matcha")
    buy(ann, guji, guji)
    buy(ann, guji, matcha, days_ago=100)
    buy(bob, guji, status="cancelled")
    subscribe(bob, guji)
    subscribe(ann, guji, "cancelled")
    theirs = product(other_store, "Guji")
    buy(make_customer(other_store, "ann@x.example"), theirs)
    assert count_products(store, timezone.now()) == 2
    assert figures(guji) == (1, 1, 2)
    assert figures(matcha) == (0, 0, 1)
    assert figures(theirs) == (0, 0, 0)
    assert theirs.counted_at is None


def test_it_is_counted_once_an_hour_and_for_new_products_at_once(store: Store, guji: Product) -> None:
    now = timezone.now()
    assert count_due(now) == 1
    assert count_due(now + timedelta(minutes=20)) == 0
    product(store, "Matcha")
    assert count_due(now + timedelta(minutes=25)) == 1
    assert count_due(now + timedelta(minutes=90)) == 1


@pytest.mark.parametrize("few", [0, 5_000])
def test_who_buys_it_however_many_they_are(
    store: Store, ann: Customer, bob: Customer, guji: Product, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "FEW", few)
    buy(ann, guji)
    subscribe(bob, guji, "cancelled")
    eve = make_customer(store, "eve@x.example")
    buy(eve, guji, status="refunded")
    buy(eve, product(store, "Matcha"))
    guji.buyers = 2
    assert set(products.buyers(store, guji)) == {ann, bob}
    by_page = products.buyers(store, guji, by_page=True)
    assert set(by_page) == {ann, bob}
    assert "hashed SubPlan" not in by_page.order_by("-signed_up_at", "-pk")[:51].explain(), "it gathers all orders"


class TestPages:
    def test_the_list_with_search_and_category(self, client: Client, store: Store, guji: Product) -> None:
        product(store, "Matcha <b>", category="Tea")
        page = body(client.get(f"{PAGES}products/"))
        assert page.index("Guji") < page.index("Matcha &lt;b&gt;")
        assert "Guji" not in body(client.get(f"{PAGES}products/?category=Tea")).split('id="results"')[1]
        assert "Matcha" not in body(client.get(f"{PAGES}products/?q=guj")).split('id="results"')[1]
        assert "No product matches" in body(client.get(f"{PAGES}products/?q=nothing"))
        for sort in ("title", "-subscriptions", "orders", "-customers"):
            assert client.get(f"{PAGES}products/?sort={sort}").status_code == 200

    def test_a_store_without_products_is_told_how_they_come(self, client: Client, store: Store) -> None:
        assert "Import orders" in body(client.get(f"{PAGES}products/"))

    def test_a_product_leads_to_those_who_buy_it(
        self, client: Client, ann: Customer, bob: Customer, guji: Product
    ) -> None:
        buy(ann, guji)
        page = body(client.get(f"{PAGES}products/{guji.pk}/"))
        assert ann.get_absolute_url() in page
        assert bob.get_absolute_url() not in page

    def test_their_export_is_safe_and_told(
        self, client_of: Callable[..., Client], owner: Any, store: Store, ann: Customer, guji: Product
    ) -> None:
        buy(ann, guji)
        answer = client_of(owner).post(f"{PAGES}products/{guji.pk}/export/", {"kind": "csv"})
        assert table(body(answer))[1][:2] == ["ann@x.example", "'=Ann"]
        entry = AuditEntry.objects.for_store(store).get(verb="exported")
        assert entry.changes["which"] == ["those who buy Guji"]
        assert entry.changes["customers"] == [None, 1]

    def test_queries_do_not_grow(
        self, client: Client, store: Store, guji: Product, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        for number in range(30):
            product(store, f"Ware {number}")
        with django_assert_max_num_queries(14):
            client.get(f"{PAGES}products/")
