"""What the page of a customer shows of segments."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from customers.models import Customer
from customers.timeline import Kind, page_of
from portal.access import Plan
from portal.models import Store, User
from segments import actions
from segments.models import Segment, Source
from tests.conftest import make_customer
from tests.segments.conftest import Desk, put_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(store: Store) -> Customer:
    return make_customer(store, "ada@x.example")


def drawn(tag: str, customer: Customer, store: Store) -> str:
    request: Any = RequestFactory().get("/")
    request.store = store
    template = Template("{% load segment_tags %}{% " + tag + " customer %}")
    text = template.render(Context({"request": request, "customer": customer}))
    return " ".join(re.sub(r"<svg.*?</svg>|<(?!a )[^>]+>", " ", text, flags=re.DOTALL).split())


def test_segments_with_since_when_and_by_what(desk: Desk, ada: Customer, store: Store, owner: User) -> None:
    desk.bring([("ada@x.example", "", "")], "guests.csv")
    other = actions.create_segment(store, name="At-risk", actor=owner)
    actions.add_customer(other, ada, actor=owner)
    text = drawn("customer_segments", ada, store)
    assert text.index("At-risk") < text.index("Big Spenders")
    assert f'href="/s/maple/segments/{other.pk}/">At-risk Since Just now · By hand · Owner' in text
    assert "Big Spenders Since Just now · CSV import · guests.csv" in text


def changes(customer: Customer) -> list[str]:
    """What the timeline tells of segments."""
    told = page_of(customer, beyond=None, kind=Kind.SEGMENTS).entries
    return [f"{entry.text} · {entry.note}" for entry in told]


def test_in_no_segment(ada: Customer, store: Store) -> None:
    assert "In no segment." in drawn("customer_segments", ada, store)
    assert changes(ada) == []


def test_changes_latest_first(desk: Desk, ada: Customer, store: Store, owner: User) -> None:
    desk.bring([("ada@x.example", "", "")], "guests.csv")
    actions.remove_customers(desk.segment, [ada.pk], actor=owner)
    left, came = changes(ada)
    assert left == "Removed from Big Spenders · By hand · Owner"
    assert came == "Added to Big Spenders · CSV import · guests.csv · Owner"


def test_deleted_segments_are_not_shown(segment: Segment, ada: Customer, store: Store, owner: User) -> None:
    put_in(segment, [ada])
    actions.delete_segment(segment, typed=segment.name, cancel_running=False, actor=owner)
    assert "Big Spenders" not in drawn("customer_segments", ada, store)
    assert changes(ada) == []


def test_a_plan_without_segments_shows_nothing(segment: Segment, ada: Customer, store: Store) -> None:
    put_in(segment, [ada])
    store.plan = Plan.STANDARD
    assert drawn("customer_segments", ada, store) == ""
    ada.store = store
    assert changes(ada) == []


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow(
    ada: Customer, store: Store, owner: User, count: int, django_assert_num_queries: Callable[[int], Any]
) -> None:
    for number in range(count):
        segment = actions.create_segment(store, name=f"Segment {number}", actor=owner)
        put_in(segment, [ada], Source.UPLOAD)
        actions.add_customer(segment, ada, actor=owner)
    with django_assert_num_queries(1):
        drawn("customer_segments", ada, store)
    with django_assert_num_queries(1):
        changes(ada)
