from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict

from customers.models import Customer
from portal.models import Store
from portal.paging import KeysetPage, paginate, walk
from tests.conftest import make_customer

SORTS = {"email": "email_key", "signed_up": "signed_up_at", "name": "sort_name"}
pytestmark = pytest.mark.django_db


def page(store: Store, query: str, size: int = 3) -> KeysetPage:
    return paginate(Customer.objects.for_store(store), QueryDict(query), sorts=SORTS, default="-signed_up", size=size)


@pytest.fixture
def people(store: Store) -> list[str]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    # Three share each instant and each name, so that only the key tells them apart.
    return [
        make_customer(
            store, f"p{n:02}@x.example", signed_up_at=start + timedelta(days=n // 3), last_name=f"L{n // 3}"
        ).email
        for n in range(10)
    ]


@pytest.mark.parametrize("sort", ["email", "-email", "signed_up", "-signed_up", "name", "-name"])
def test_walking_on_and_back_shows_everyone_once(store: Store, people: list[str], sort: str) -> None:
    here, forwards = page(store, f"sort={sort}"), []
    while True:
        forwards += [row.email for row in here.rows]
        if here.next is None:
            break
        here = page(store, here.next.removeprefix("?"))
    assert sorted(forwards) == people
    backwards = [row.email for row in here.rows]
    while here.previous is not None:
        here = page(store, here.previous.removeprefix("?"))
        backwards = [row.email for row in here.rows] + backwards
    assert backwards == forwards
    if sort.endswith("email"):
        assert forwards == sorted(people, reverse=sort.startswith("-"))


def test_count_is_exact_when_small(store: Store, people: list[str]) -> None:
    assert (page(store, "").count, page(store, "").is_capped) == (10, False)


@pytest.mark.parametrize(
    "query",
    [
        "sort=store__owner__password",
        "after=x",
        "after=%00",
        "after=" + base64.urlsafe_b64encode(b'["v", {"a": 1}, 1]').decode(),
        "after=" + base64.urlsafe_b64encode(b'["v", "a", "1"]').decode(),
        "after=" + base64.urlsafe_b64encode(b'["t", "not a time", 1]').decode(),
        "after=" + base64.urlsafe_b64encode(b"[" * 900).decode(),
        "before=" + "A" * 5_000,
        "after=" + base64.urlsafe_b64encode(b'["t", "0001-01-01T00:00:00+14:00", 1]').decode(),
        "before=" + base64.urlsafe_b64encode(b'["v", "no time", 1]').decode(),
    ],
)
def test_nonsense_gives_the_first_page(store: Store, people: list[str], query: str) -> None:
    assert [row.pk for row in page(store, query).rows] == [row.pk for row in page(store, "").rows]


def test_filters_stay_in_the_links(store: Store, people: list[str]) -> None:
    link = page(store, "q=p&sort=email").next
    assert link is not None
    assert link.startswith("?q=p&sort=email&after=")


def test_half_a_character_is_no_position(store: Store, people: list[str]) -> None:
    token = base64.urlsafe_b64encode(b'["v", "\\ud800", 1]').decode()
    assert [row.email for row in page(store, f"sort=email&after={token}").rows] == people[:3]


@pytest.mark.parametrize("by", ["pk", "signed_up_at", "sort_name"])
@pytest.mark.parametrize("size", [1, 3, 4, 5, 10, 11])
def test_a_walk_meets_everyone_once_and_in_order(store: Store, people: list[str], by: str, size: int) -> None:
    met = list(walk(Customer.objects.for_store(store), ("email", by), by=by, size=size))
    assert [email for email, _ in met] == people


def test_a_walk_goes_on_while_rows_go(store: Store, people: list[str]) -> None:
    met = []
    for (email,) in walk(Customer.objects.for_store(store), ("email",), by="signed_up_at", size=3):
        met.append(email)
        Customer.objects.for_store(store).filter(email=email).delete()
    assert met == people


def test_a_walk_over_nothing(store: Store) -> None:
    assert list(walk(Customer.objects.for_store(store), ("email",), by="pk")) == []
