"""The list of all customers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.models import Customer
from portal.models import Store, User
from tests.conftest import make_customer
from tests.customers.conftest import PAGES, body

pytestmark = pytest.mark.django_db

QUERIES = 6


@pytest.fixture
def crowd(store: Store, other_store: Store) -> None:
    who: list[dict[str, Any]] = [
        {
            "email": "ann@maple.example",
            "first_name": "Ann",
            "last_name": "Zell",
            "phone": "+1 5",
            "tags": ["VIP", "tea"],
        },
        {"email": "Bob@maple.example", "first_name": "Bob", "last_name": "Yale", "marketing_consent": "subscribed"},
        {"email": "cid@maple.example", "last_name": "Xu", "acquisition_channel": "Paid Social", "tags": ['größe "x"']},
    ]
    for day, fields in enumerate(who, 1):
        make_customer(store, signed_up_at=datetime(2026, 3, day, 12, tzinfo=UTC), **fields)
    make_customer(other_store, "ann@willow.example", first_name="Ann", last_name="Elsewhere", tags=["VIP"])


def shown(client: Client, query: str = "") -> list[str]:
    response = client.get(f"{PAGES}?{query}")
    assert "Elsewhere" not in body(response)
    emails = [customer.email for customer in response.context["page"].rows]
    assert all(f">{email}</a>" in body(response) for email in emails)
    return emails


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "cid Bob ann"),
        ("sort=email", "ann Bob cid"),
        ("sort=-email", "cid Bob ann"),
        ("sort=name", "cid Bob ann"),
        ("sort=signed_up", "ann Bob cid"),
        ("sort=-changed", "cid Bob ann"),
        ("sort=password", "cid Bob ann"),
        ("q=ANN", "ann"),
        ("q=zell ann", "ann"),
        ("q=%2B1", "ann"),
        ("q= BOB@Maple.example ", "Bob"),
        ("q=ann@willow.example", ""),
        ("q=elsewhere", ""),
        ("consent=subscribed", "Bob"),
        ("consent=unknown", "cid ann"),
        ("tag=vip", "ann"),
        ("tag=VI", ""),
        ("tag=größe \"x\"", "cid"),
        ("channel=paid social", "cid"),
        ("phone=yes", "ann"),
        ("phone=no", "cid Bob"),
        ("since=2026-03-02", "cid Bob"),
        ("until=2026-03-02", "Bob ann"),
        ("since=2026-03-02&until=2026-03-02", "Bob"),
        ("since=nonsense&consent=nonsense&phone=x", "cid Bob ann"),
        ("q=%00", "cid Bob ann"),
        ("q=%25", ""),
    ],
)  # fmt: skip
def test_the_list_shows_what_is_asked_for(client: Client, crowd: None, query: str, found: str) -> None:
    assert [email.split("@")[0] for email in shown(client, query)] == found.split()


def test_days_are_the_stores_own(client: Client, store: Store) -> None:
    make_customer(store, "late@maple.example", signed_up_at=datetime(2026, 3, 3, 4, 59, tzinfo=UTC))
    assert shown(client, "since=2026-03-02&until=2026-03-02") == ["late@maple.example"]
    assert shown(client, "since=2026-03-03") == []


def test_a_store_without_customers_says_what_to_do(
    client: Client, viewer: User, client_of: Callable[..., Client]
) -> None:
    page = body(client.get(PAGES))
    assert "No customers yet" in page
    assert f'href="{PAGES}import/"' in page
    assert f'href="{PAGES}new/"' in page
    page = body(client_of(viewer).get(PAGES))
    assert f'href="{PAGES}import/"' not in page


def test_a_search_without_a_match_offers_to_clear_it(client: Client, crowd: None) -> None:
    page = body(client.get(f"{PAGES}?q=nobody&tag=x"))
    assert "No one matches" in page
    assert f'href="{PAGES}"' in page
    assert "Export" not in page


def test_a_live_search_gets_what_it_swaps(client: Client, crowd: None) -> None:
    page = body(client.get(f"{PAGES}?q=ann", headers={"HX-Request": "true"}))
    assert 'id="results"' in page
    assert f'action="{PAGES}export/?q=ann"' in page


def test_viewers_are_offered_nothing_they_may_not(crowd: None, viewer: User, client_of: Callable[..., Client]) -> None:
    looks = client_of(viewer)
    assert len(shown(looks)) == 3
    page = body(looks.get(PAGES))
    assert not [words for words in ("Add customer", "import/orders/", "export/") if words in page]


def test_long_lists_are_walked_page_by_page(client: Client, store: Store) -> None:
    now = timezone.now()
    Customer.everywhere.bulk_create(
        Customer(store=store, email=f"p{n:03}@x.example", email_key=f"p{n:03}@x.example", signed_up_at=now)
        for n in range(120)
    )
    seen, query = [], "sort=email&q=x.example"
    for _ in range(3):
        page = client.get(f"{PAGES}?{query}")
        seen += [customer.email for customer in page.context["page"].rows]
        query = (page.context["page"].next or "?").removeprefix("?")
    assert query == ""
    assert seen == [f"p{n:03}@x.example" for n in range(120)]
    assert "120 customers" in body(page)


def test_the_list_costs_the_same_for_one_and_for_three(
    client: Client, store: Store, django_assert_num_queries: Any
) -> None:
    for count in (1, 3):
        while Customer.objects.for_store(store).count() < count:
            make_customer(store, f"p{Customer.objects.for_store(store).count()}@x.example")
        with django_assert_num_queries(QUERIES):
            client.get(PAGES)
