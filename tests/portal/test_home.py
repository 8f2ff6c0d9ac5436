"""A store's first page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal import dashboard
from portal.access import Plan
from portal.models import Store, User
from segments.models import Segment, SegmentDay
from tests.conftest import make_customer
from tests.portal.test_runs import make_run

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


def make_segment(store: Store, name: str, **fields: Any) -> Segment:
    segment = Segment(store=store, name=name, **fields)
    segment.save()
    return segment


def happened(segment: Segment, days_ago: int, entered: int, left: int = 0) -> None:
    day = segment.store.day(timezone.now()) - timedelta(days=days_ago)
    SegmentDay.objects.create_for(segment.store, segment=segment, day=day, entered=entered, left=left)


def test_a_new_store_says_how_to_begin(client_of: SignIn, owner: User, viewer: User, store: Store) -> None:
    page = client_of(owner).get("/s/maple/").content.decode()
    assert page.index("Import customers") < page.index("Create new segment")
    assert 'class="btn btn-primary"' not in client_of(viewer).get("/s/maple/").content.decode()
    make_customer(store, "a@maple.example")
    make_segment(store, "Big Spenders")
    page = client_of(owner).get("/s/maple/").content.decode()
    assert "Getting started" not in page
    assert "Nothing has run yet" in page


def test_it_shows_what_is_here_and_nothing_of_others(
    client_of: SignIn, owner: User, store: Store, other_store: Store
) -> None:
    make_customer(store, "a@maple.example")
    make_customer(other_store, "a@willow.example")
    make_customer(other_store, "b@willow.example")
    make_segment(store, "Deleted", deleted_at=timezone.now())
    busy, quiet, old = (make_segment(store, name) for name in ("Busy", "Quiet", "Long ago"))
    happened(busy, 0, 5, 20)
    happened(busy, 6, 10)
    happened(quiet, 3, 2)
    happened(old, 7, 900)
    happened(make_segment(other_store, "Foreign"), 1, 700)
    make_run(store, label="Count the beans")
    make_run(other_store, label="Foreign beans")
    answer = client_of(owner).get("/s/maple/")
    changed = [(row["segment"].name, row["joined"], row["gone"]) for row in answer.context["changed"]]
    assert changed == [("Busy", 15, 20), ("Quiet", 2, 0)]
    assert (answer.context["customers"], answer.context["segments"]) == (1, 3)
    page = answer.content.decode()
    assert "Count the beans" in page
    assert "Foreign" not in page


@pytest.mark.parametrize("rows", [1, 3])
def test_it_costs_the_same_however_much_happened(
    client_of: SignIn, owner: User, store: Store, rows: int, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        happened(make_segment(store, f"Segment {number}"), 1, number + 1)
        make_run(store, created_by=owner)
    client = client_of(owner)
    with django_assert_num_queries(10):
        assert client.get("/s/maple/").status_code == 200


def test_customers_are_counted_to_a_limit(
    client_of: SignIn, owner: User, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "COUNTED_AT_MOST", 2)
    for number in range(4):
        make_customer(store, f"{number}@maple.example")
    answer = client_of(owner).get("/s/maple/")
    assert answer.context["customers"] == 3
    assert "2+" in answer.content.decode()


def test_on_standard_it_tells_of_the_plan(client_of: SignIn, owner: User, store: Store) -> None:
    Store.objects.filter(pk=store.pk).update(plan=Plan.STANDARD)
    answer = client_of(owner).get("/s/maple/")
    assert "Segments are available to Pro or Custom plans" in answer.content.decode()
    assert "changed" not in answer.context
