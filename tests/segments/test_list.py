"""The list of segments: what it shows, in which order, and that a thousand of them are no burden."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal import sets
from portal.access import Plan
from portal.models import Store, User
from segments import actions
from segments.models import Segment, SegmentDay, Source, name_key
from tests.conftest import make_store, make_user
from tests.segments.conftest import make_customers, put_in

pytestmark = pytest.mark.django_db
URL = "/s/maple/segments/"
QUERIES = 7


def names(answer: Any) -> list[str]:
    return [row.name for row in answer.context["page"].rows]


def test_an_empty_list_says_what_to_do(client: Client) -> None:
    page = client.get(URL).content.decode()
    assert "No segments yet" in page
    assert "Create new segment" in page


def test_a_viewer_is_not_offered_to_create(store: Store, viewer: User, client_of: Callable[[User], Client]) -> None:
    page = client_of(viewer).get(URL).content.decode()
    assert "No segments yet" in page
    assert "Create new segment" not in page


def test_a_row_tells_of_its_segment(client: Client, segment: Segment, store: Store) -> None:
    put_in(segment, make_customers(store, 3))
    put_in(segment, make_customers(store, 1, "q"), Source.UPLOAD)
    page = " ".join(re.sub(r"<[^>]+>", " ", client.get(URL).content.decode()).split())
    assert "Big Spenders Manual 4 +4 Just now By hand, CSV import" in page


def test_change_is_of_the_last_seven_days_of_the_store(client: Client, segment: Segment, store: Store) -> None:
    put_in(segment, make_customers(store, 2))
    today = store.day(timezone.now())
    days = SegmentDay.everywhere.filter(segment=segment)
    days.update(day=today - timedelta(days=6))
    assert client.get(URL).context["page"].rows[0].change == 2
    days.update(day=today - timedelta(days=7))
    assert client.get(URL).context["page"].rows[0].change == 0


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["alpha", "Beta", "gamma"]),
        ("-name", ["gamma", "Beta", "alpha"]),
        ("members", ["gamma", "Beta", "alpha"]),
        ("-change", ["alpha", "Beta", "gamma"]),
        ("-updated", ["alpha", "Beta", "gamma"]),
        ("nonsense", ["alpha", "Beta", "gamma"]),
    ],
)
def test_sorted_by_what_was_asked(client: Client, store: Store, owner: User, sort: str, expected: list[str]) -> None:
    people = make_customers(store, 3)
    for count, name in enumerate(("gamma", "Beta", "alpha"), 1):
        put_in(actions.create_segment(store, name=name, actor=owner), people[:count])
    assert names(client.get(f"{URL}?sort={sort}")) == expected


@pytest.mark.parametrize("asked", ["BIG", "big  sp", "penders", " Big Spenders "])
def test_search_goes_by_the_name(client: Client, segment: Segment, store: Store, owner: User, asked: str) -> None:
    actions.create_segment(store, name="Small ones", actor=owner)
    assert names(client.get(URL, {"q": asked})) == ["Big Spenders"]


def test_a_search_without_an_answer_shows_the_way_back(client: Client, segment: Segment) -> None:
    page = client.get(URL, {"q": "<b>nothing</b>\x00"}).content.decode()
    assert "No segment is called that" in page
    assert "<b>nothing" not in page


def test_deleted_segments_and_those_of_others_are_not_listed(
    client: Client, segment: Segment, other_store: Store, stranger: User, owner: User
) -> None:
    actions.create_segment(other_store, name="Willow secret", actor=stranger)
    actions.delete_segment(segment, typed=segment.name, cancel_running=False, actor=owner)
    page = client.get(URL).content.decode()
    assert "Willow secret" not in page
    assert "Big Spenders</a>" not in page


@pytest.mark.parametrize("count", [1, 3, 60])
def test_queries_do_not_grow(
    client: Client, store: Store, count: int, django_assert_num_queries: Callable[[int], Any]
) -> None:
    make_segments(store, count)
    client.get(URL)
    with django_assert_num_queries(QUERIES):
        assert client.get(URL).status_code == 200


def test_a_thousand_segments_can_be_walked_through(client: Client, store: Store) -> None:
    make_segments(store, 1_000)
    url, seen = f"{URL}?sort=-change", []
    while url:
        page = client.get(url).context["page"]
        seen += [row.name for row in page.rows]
        url = f"{URL}{page.next}" if page.next else ""
    assert len(seen) == len(set(seen)) == 1_000
    assert "1,000 segments" in client.get(URL).content.decode()


def make_segments(store: Store, count: int) -> None:
    now = timezone.now()
    fields = (
        "store",
        "name",
        "name_key",
        "description",
        "member_count",
        "sources",
        "version",
        "created_at",
        "updated_at",
    )
    named = [f"Segment {n:04}" for n in range(count)]
    sets.load(Segment, fields, ((store.pk, name, name_key(name), "", 0, 0, 0, now, now) for name in named))


@pytest.mark.parametrize("role", ["owner", "manager", "viewer"])
def test_on_the_standard_plan_the_pages_explain_and_refuse(role: str, client_of: Callable[[User], Client]) -> None:
    small = make_store("small", plan=Plan.STANDARD)
    client = client_of(make_user(f"{role}@small.example", **{role: small}))
    for url in ("/s/small/segments/", "/s/small/segments/1/", "/s/small/segments/1/imports/"):
        answer = client.get(url)
        assert answer.status_code == 403
        assert "Segments are available to Pro or Custom plans merchants" in answer.content.decode()
    assert client.post("/s/small/segments/new/how/", {"name": "X", "how": "later"}).status_code == 403
    assert not Segment.everywhere.exists()


@pytest.mark.parametrize("plan", [Plan.PRO, Plan.CUSTOM])
def test_pro_and_custom_hold_segments(store: Store, client: Client, plan: str) -> None:
    Store.objects.filter(pk=store.pk).update(plan=plan)
    assert client.get(URL).status_code == 200
