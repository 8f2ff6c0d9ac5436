"""The page of one segment: its members, searched, sorted and paged; its size over time; what may be done with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal import jobs
from portal.models import Store, User
from segments import actions, charts, queries
from segments.models import Membership, Segment, SegmentDay, Source
from tests.conftest import make_customer
from tests.segments.conftest import Desk, csv_of, make_customers, put_in

pytestmark = pytest.mark.django_db
QUERIES = 11
MANAGE = ("Add customer", "Bulk import customers", "Import external segment", "Rename", "Export", "Delete Segment")


@pytest.fixture
def url(segment: Segment) -> str:
    return f"/s/maple/segments/{segment.pk}/"


def words_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def emails(answer: Any) -> list[str]:
    return [row.customer.email for row in answer.context["page"].rows]


def test_an_empty_segment_says_what_to_do(client: Client, url: str) -> None:
    page = words_of(client.get(url))
    assert "Nobody is in this segment yet" in page
    assert "Last change None yet" in page


def test_a_member_is_shown_as_the_file_said_else_as_the_customer_is(
    desk: Desk, store: Store, owner: User, url: str
) -> None:
    make_customer(store, "ada@x.example", first_name="Ada", last_name="Byron", phone="111")
    grace = make_customer(store, "grace@x.example", first_name="Grace", last_name="Hopper", phone="222")
    desk.bring([("ADA@x.example", "Countess Ada", "999")], "countess.csv")
    actions.add_customer(desk.segment, grace, actor=owner)
    page = words_of(desk.client.get(url))
    assert "ada@x.example Countess Ada 999 Just now CSV import" in page
    assert "grace@x.example Grace Hopper 222 Just now By hand" in page
    assert 'title="countess.csv"' in desk.client.get(url).content.decode()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("ada", ["ada@x.example"]),
        ("BYRON", ["ada@x.example"]),
        ("ada@X.example", ["ada@x.example"]),
        ("countess", ["grace@x.example"]),
        ("999", ["grace@x.example"]),
        ("x.example", ["ada@x.example", "grace@x.example"]),
        ("hopper countess", []),
        ("nobody", []),
        ("secret", []),
        ("%", []),
    ],
)
def test_search_within(client: Client, segment: Segment, store: Store, url: str, asked: str, found: list[str]) -> None:
    ada = make_customer(store, "ada@x.example", first_name="Ada", last_name="Byron")
    grace = make_customer(store, "grace@x.example", first_name="Grace", last_name="Hopper")
    make_customer(store, "outside@x.example", first_name="Secret")
    put_in(segment, [ada])
    put_in(segment, [grace], Source.UPLOAD)
    Membership.everywhere.filter(customer=grace).update(name="Countess", phone="999")
    answer = client.get(url, {"q": asked, "sort": "email"})
    assert emails(answer) == found
    if not found:
        assert "Nobody is found" in answer.content.decode()


@pytest.mark.parametrize("asked", ["q=a", "q=a&sort=email", "q=a&sort=-email", "q=a+b&sort=added", "q=byron", "q=@x."])
def test_many_are_found_as_few_are(
    desk: Desk, store: Store, url: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(("ada", "bea", "cara", "dan", "eva", "gone")):
        make_customer(store, f"{name}@x.example", first_name=name, last_name="Brown" if number % 2 else "Clark")
    desk.bring([(f"{name}@x.example", f"Byron {name}", "") for name in ("ada", "bea", "cara", "dan", "gone")])
    few = emails(desk.client.get(f"{url}?{asked}"))
    assert len(few) > 1
    monkeypatch.setattr(queries, "FOUND_AT_MOST", 1)
    many = desk.client.get(f"{url}?{asked}")
    assert emails(many) == few
    assert many.context["page"].is_capped


def test_members_are_walked_through_in_both_orders(client: Client, segment: Segment, store: Store, url: str) -> None:
    people = make_customers(store, 130)
    for start in (0, 60, 120):
        put_in(segment, people[start : start + 60])
    in_order = [customer.email for customer in people]
    for query, expected in (("sort=email", in_order), ("sort=-email", in_order[::-1]), ("sort=-added", None)):
        seen: list[str] = []
        where: str | None = f"{url}?{query}"
        while where:
            answer = client.get(where)
            seen += emails(answer)
            following = answer.context["page"].next
            where = f"{url}{following}" if following else None
        assert sorted(seen) == in_order
        assert expected is None or seen == expected
    newest = emails(client.get(url))
    assert set(newest[:10]) == set(in_order[120:])


@pytest.mark.parametrize("count", [1, 3, 60])
def test_queries_do_not_grow(
    client: Client, segment: Segment, store: Store, url: str, count: int, django_assert_num_queries: Any
) -> None:
    put_in(segment, make_customers(store, count))
    client.get(url)
    with django_assert_num_queries(QUERIES):
        client.get(url)


def test_the_number_of_members_is_known_without_counting(client: Client, segment: Segment, url: str) -> None:
    Segment.everywhere.filter(pk=segment.pk).update(member_count=1_234_567)
    try:
        assert client.get(url).context["page"].count == 1_234_567
        assert "1,234,567" in client.get(url).content.decode()
    finally:
        Segment.everywhere.filter(pk=segment.pk).update(member_count=0)


def test_a_day_without_changes_has_the_size_of_the_day_before(segment: Segment, store: Store) -> None:
    put_in(segment, make_customers(store, 5))
    today = store.day(timezone.now())
    Segment.everywhere.filter(pk=segment.pk).update(created_at=timezone.now() - timedelta(days=400))
    segment.refresh_from_db()
    SegmentDay.everywhere.filter(segment=segment).update(day=today - timedelta(days=45), size=5)
    month, year = charts.size_chart(segment, 30), charts.size_chart(segment, 365)
    assert month["series"][0]["values"] == [5] * 30
    assert year["series"][0]["values"] == [0] * 319 + [5] * 46
    assert month["labels"][-1] == today.isoformat()
    assert month["rows"][0] == (today.isoformat(), [5])


def test_the_chart_begins_with_the_segment(segment: Segment, store: Store) -> None:
    assert len(charts.size_chart(segment, 365)["labels"]) == 1


@pytest.mark.parametrize(("asked", "days"), [("", 90), ("30", 30), ("365", 365), ("31", 90), ("x", 90)])
def test_days_of_the_chart(client: Client, url: str, asked: str, days: int) -> None:
    answer = client.get(url, {"days": asked} if asked else {})
    assert answer.context["days"] == days
    data = re.search(r'<script type="application/json">(.*?)</script>', answer.content.decode())
    assert data
    assert json.loads(data[1])["note"] == f"last {days} days"


def test_the_menu_offers_everything(client: Client, url: str) -> None:
    page = client.get(url).content.decode()
    menu = page[page.index("Manage") :]
    for item in MANAGE:
        assert item in menu


def test_a_viewer_looks_and_is_offered_nothing(
    segment: Segment, store: Store, viewer: User, client_of: Callable[[User], Client], url: str
) -> None:
    put_in(segment, make_customers(store, 2))
    page = client_of(viewer).get(url).content.decode()
    assert "p00001@x.example" in page
    for absent in ("Manage", "data-select-row", ">Action<", "Remove selected", *MANAGE):
        assert absent not in page


def test_work_on_the_segment_is_shown_while_it_lasts(desk: Desk, store: Store, url: str, run_jobs: Any) -> None:
    make_customers(store, 1)
    upload = desk.check(csv_of([("p00000@x.example", "", "")]))
    desk.post("upload_import", upload)
    job = jobs.of_subject(upload).latest("pk")
    page = desk.client.get(url).content.decode()
    assert f"/s/maple/runs/{job.pk}/progress/" in page
    assert "Import people.csv into Big Spenders" in page
    run_jobs()
    assert "/progress/" not in desk.client.get(url).content.decode()


def test_what_filled_it_and_how_it_changed(client: Client, segment: Segment, store: Store, url: str) -> None:
    put_in(segment, make_customers(store, 3), Source.UPLOAD)
    assert "Members 3 Last 7 days +3" in words_of(client.get(url))
    assert "Filled by CSV import" in words_of(client.get(url))


@pytest.mark.parametrize("kind", ["absent", "deleted", "foreign"])
def test_what_is_not_there_is_404(
    client: Client, segment: Segment, owner: User, other_store: Store, stranger: User, kind: str
) -> None:
    other = actions.create_segment(other_store, name="Willow", actor=stranger)
    if kind == "deleted":
        actions.delete_segment(segment, typed=segment.name, cancel_running=False, actor=owner)
    pk = {"absent": 999_999, "deleted": segment.pk, "foreign": other.pk}[kind]
    answer = client.get(f"/s/maple/segments/{pk}/")
    assert answer.status_code == 404
    assert "Willow" not in answer.content.decode()
