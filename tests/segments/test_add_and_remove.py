"""Adding one customer by hand; removing one, some, or all whom a search finds, who then stay out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.models import Customer
from portal.models import AuditEntry, Job, Store, User
from segments import actions, membership
from segments.membership import Cause
from segments.models import Exclusion, Membership, MembershipChange, Segment, Source
from tests.conftest import is_postgresql, make_customer
from tests.portal.counting import at_once
from tests.segments.conftest import Desk, emails_in, make_customers, put_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(store: Store) -> Customer:
    return make_customer(store, "Ada@x.example", first_name="Ada", last_name="Byron")


@pytest.fixture
def url(segment: Segment) -> str:
    return f"/s/maple/segments/{segment.pk}/"


def said(answer: Any) -> str:
    """The latest message on the page."""
    return str([*answer.context["messages"]][-1])


def history(segment: Segment) -> list[tuple[str, str]]:
    rows = MembershipChange.everywhere.filter(segment=segment).order_by("pk")
    return [(row.get_kind_display(), row.get_source_display()) for row in rows]


@pytest.mark.parametrize(
    "typed", ["ada@x.example", "  ADA@X.example ", "Ada Byron <ada@x.example>", "mailto:ada@x.example"]
)
def test_add(client: Client, segment: Segment, ada: Customer, owner: User, url: str, typed: str) -> None:
    answer = client.post(f"{url}add/", {"email": typed}, follow=True)
    assert said(answer) == "Ada@x.example is added to “Big Spenders”."
    row = Membership.everywhere.get()
    assert (row.customer, row.sources, row.added_by) == (ada, Source.MANUAL, owner)
    entry = AuditEntry.everywhere.latest("pk")
    assert (entry.verb, entry.changes) == ("added a customer to", {"customer": [None, f"Customer {ada.pk}"]})
    assert "x.example" not in f"{entry.changes} {entry.object_label}"


def test_adding_twice_says_so_and_changes_nothing(client: Client, segment: Segment, ada: Customer, url: str) -> None:
    client.post(f"{url}add/", {"email": ada.email})
    before = list(Membership.everywhere.values()), AuditEntry.everywhere.count(), history(segment)
    answer = client.post(f"{url}add/", {"email": ada.email}, follow=True)
    assert said(answer) == "Ada@x.example is in “Big Spenders” already. Nothing was changed."
    assert before == (list(Membership.everywhere.values()), AuditEntry.everywhere.count(), history(segment))


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (
            "nobody@x.example",
            "Maple Coffee has no customer with the e-mail address nobody@x.example. Nobody was added.",
        ),
        ("secret@willow.example", "Maple Coffee has no customer with the e-mail address secret@willow.example."),
        ("ada", "This is not an e-mail address: no @."),
        ("", "This field is required."),
    ],
)
def test_who_is_no_customer_is_not_made_one(
    client: Client, segment: Segment, ada: Customer, other_store: Store, url: str, typed: str, why: str
) -> None:
    make_customer(other_store, "secret@willow.example")
    answer = client.post(f"{url}add/", {"email": typed})
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert Customer.everywhere.count() == 2
    assert not Membership.everywhere.exists()


def test_someone_removed_is_readmitted_by_hand(client: Client, segment: Segment, ada: Customer, url: str) -> None:
    put_in(segment, [ada])
    client.post(f"{url}remove/{ada.pk}/")
    assert Exclusion.everywhere.count() == 1
    client.post(f"{url}add/", {"email": ada.email})
    assert emails_in(segment) == {"ada@x.example"}
    assert not Exclusion.everywhere.exists()
    assert history(segment) == [("Entered", "By hand"), ("Left", "By hand"), ("Entered", "By hand")]


def test_whom_an_import_holds_is_from_then_on_held_by_hand_too(
    client: Client, segment: Segment, ada: Customer, url: str
) -> None:
    put_in(segment, [ada], Source.UPLOAD)
    client.post(f"{url}add/", {"email": ada.email})
    assert Membership.everywhere.get().held_by == ["By hand", "CSV import"]


def test_suggestions(
    client: Client, segment: Segment, store: Store, ada: Customer, other_store: Store, url: str
) -> None:
    adam = make_customer(store, "adam@x.example", first_name="Adam", last_name="<b>Smith</b>")
    make_customer(other_store, "ada@willow.example")
    put_in(segment, [adam])
    page = client.get(f"{url}add/suggestions/", {"q": "ad"}).content.decode()
    assert page.count('role="option"') == 2
    assert 'data-value="Ada@x.example"' in page
    assert "in the segment already" in re.sub(r"</?mark>", "", page[page.index("adam@x.example") :])
    assert "willow" not in page
    assert "<b>Smith" not in page
    assert client.get(f"{url}add/suggestions/", {"q": ""}).content.strip() == b""
    assert client.get(f"{url}add/suggestions/", {"q": "\x00%'"}).status_code == 200


def test_delete_in_the_action_menu(client: Client, segment: Segment, ada: Customer, owner: User, url: str) -> None:
    put_in(segment, [ada])
    answer = client.post(f"{url}remove/{ada.pk}/", follow=True)
    assert said(answer) == "Ada@x.example is removed from “Big Spenders”, and stays out until added by hand."
    assert emails_in(segment) == set()
    kept_out = Exclusion.everywhere.get()
    assert (kept_out.customer, kept_out.excluded_by) == (ada, owner)
    entry = AuditEntry.everywhere.latest("pk")
    assert (entry.verb, entry.changes) == ("removed a customer from", {"customer": [f"Customer {ada.pk}", None]})
    assert "Not in “Big Spenders” any more" in said(client.post(f"{url}remove/{ada.pk}/", follow=True))
    assert AuditEntry.everywhere.latest("pk") == entry


def test_the_removed_stay_out_of_what_is_not_by_hand(client: Client, desk: Desk, ada: Customer, url: str) -> None:
    put_in(desk.segment, [ada])
    client.post(f"{url}remove/{ada.pk}/")
    upload = desk.bring([("ada@x.example", "", "")])
    assert upload.counts == {"kept_out": 1}
    assert emails_in(desk.segment) == set()


def test_one_comes_back_to_where_one_was_in_the_list(client: Client, segment: Segment, ada: Customer, url: str) -> None:
    put_in(segment, [ada])
    here = f"http://testserver{url}?q=ada&sort=email"
    assert client.post(f"{url}remove/{ada.pk}/", HTTP_REFERER=here)["Location"] == f"{url}?q=ada&sort=email"
    for elsewhere in ("https://evil.example/?q=1", "http://testserver/s/willow/?q=1", "//evil.example"):
        assert client.post(f"{url}remove/{ada.pk}/", HTTP_REFERER=elsewhere)["Location"] == url


def test_remove_selected(client: Client, segment: Segment, store: Store, url: str) -> None:
    people = make_customers(store, 5)
    put_in(segment, people[:4])
    chosen = [str(person.pk) for person in people[1:]]
    answer = client.post(f"{url}remove/", {"ids": [*chosen, "x", "-1", "9" * 30]}, follow=True)
    assert said(answer) == "3 customers are removed from “Big Spenders”, and stay out until added by hand."
    assert emails_in(segment) == {people[0].email}
    entry = AuditEntry.everywhere.latest("pk")
    assert entry.changes == {"customers": [[f"Customer {person.pk}" for person in people[1:4]], None]}
    assert said(client.post(f"{url}remove/", follow=True)) == "Nobody was chosen."


def test_others_are_out_of_reach(
    client: Client, segment: Segment, store: Store, other_store: Store, stranger: User, url: str
) -> None:
    theirs = actions.create_segment(other_store, name="Willow", actor=stranger)
    people = make_customers(other_store, 2, "w")
    put_in(theirs, people)
    ids = [person.pk for person in people]
    client.post(f"{url}remove/", {"ids": ids})
    assert client.post(f"/s/maple/segments/{theirs.pk}/remove/", {"ids": ids}).status_code == 404
    assert len(emails_in(theirs)) == 2


def test_remove_all_that_match(
    client: Client, segment: Segment, store: Store, owner: User, url: str, run_jobs: Callable[[], list[Job]]
) -> None:
    stay, go = make_customers(store, 3, "stay"), make_customers(store, 120, "go")
    put_in(segment, [*stay, *go])
    assert "Remove all 123" in client.get(url).content.decode()
    page = client.get(f"{url}remove/all/", {"q": "go0"})
    assert "Remove 120 customers?" in page.content.decode()
    answer = client.post(f"{url}remove/all/", {"q": "go0"}, follow=True)
    assert "120 customers are being removed" in said(answer)
    late = make_customer(store, "go0late@x.example")
    put_in(segment, [late])
    [job] = run_jobs()
    assert (job.result, job.done, job.queue) == ({"removed": 120}, 120, "interactive")
    assert emails_in(segment) == {*(person.email for person in stay), late.email}
    assert Exclusion.everywhere.count() == 120
    entry = AuditEntry.everywhere.filter(verb="removed customers from").get()
    assert entry.changes == {"members": [120, None], "those whom a search found": None}


def test_many_are_removed_in_portions(
    segment: Segment, store: Store, owner: User, run_jobs: Callable[[], list[Job]], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in(segment, make_customers(store, 25))
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 10, "postgresql": 10})
    actions.remove_matching(segment, words="", count=25, actor=owner)
    [job] = run_jobs()
    assert (job.state, job.result) == ("succeeded", {"removed": 25})
    segment.refresh_from_db()
    assert segment.member_count == 0


def test_removal_stops_when_the_segment_goes(
    segment: Segment, store: Store, owner: User, run_jobs: Callable[[], list[Job]]
) -> None:
    put_in(segment, make_customers(store, 3))
    job = actions.remove_matching(segment, words="", count=3, actor=owner)
    actions.delete_segment(segment, typed=segment.name, cancel_running=True, actor=owner)
    run_jobs()
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert not Segment.everywhere.exists()


@pytest.mark.parametrize("path", ["add/", "add/suggestions/", "remove/1/", "remove/", "remove/all/"])
def test_a_viewer_may_not(
    segment: Segment, viewer: User, client_of: Callable[[User], Client], url: str, path: str
) -> None:
    client = client_of(viewer)
    assert {client.get(url + path).status_code, client.post(url + path).status_code} == {403}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has one writer")
def test_added_and_removed_at_once_by_many(segment: Segment, store: Store, owner: User) -> None:
    people = make_customers(store, 4)

    def add(person: Customer) -> Callable[[], Any]:
        return lambda: [actions.add_customer(segment, person, actor=owner) for _ in range(8)]

    def remove(person: Customer) -> Callable[[], Any]:
        return lambda: [actions.remove_customers(segment, [person.pk], actor=owner) for _ in range(8)]

    outcomes = at_once(*[act(person) for person in people for act in (add, remove)])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def test_a_segment_that_is_gone_takes_nobody(segment: Segment, ada: Customer, owner: User, breaks: None) -> None:
    Segment.everywhere.filter(pk=segment.pk).update(deleted_at=timezone.now())
    with pytest.raises(membership.SegmentGone):
        actions.add_customer(segment, ada, actor=owner)
    with pytest.raises(membership.SegmentGone):
        membership.leave(segment, Membership.everywhere.all(), Cause(Source.MANUAL))
