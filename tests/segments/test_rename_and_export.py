"""Naming and describing a segment, also by two at once; taking its members out as a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal import exporting
from portal.models import AuditEntry, Store, User
from portal.tabular import open_table
from segments import actions
from segments.models import Membership, Segment
from tests.conftest import make_customer
from tests.segments.conftest import Desk, download, emails_in, put_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def url(segment: Segment) -> str:
    return f"/s/maple/segments/{segment.pk}/"


def form(name: str, description: str = "", seen: tuple[str, str] = ("Big Spenders", "")) -> dict[str, str]:
    return {"name": name, "description": description, "seen_name": seen[0], "seen_description": seen[1]}


def test_rename(client: Client, segment: Segment, owner: User, url: str) -> None:
    answer = client.post(f"{url}rename/", form("  Whales ", "Spent\r\nmuch"), follow=True)
    assert "“Big Spenders” is called “Whales” now." in answer.content.decode()
    segment.refresh_from_db()
    assert (segment.name, segment.description, segment.version) == ("Whales", "Spent\nmuch", 0)
    entry = AuditEntry.everywhere.latest("pk")
    assert (entry.verb, entry.actor) == ("renamed", owner)
    assert entry.changes == {"name": ["Big Spenders", "Whales"], "description": ["", "Spent\nmuch"]}


def test_a_description_of_several_lines_can_be_saved_again(client: Client, segment: Segment, url: str) -> None:
    client.post(f"{url}rename/", form("Big Spenders", "One\r\ntwo"))
    again = form("Big Spenders", "One\r\nthree", seen=("Big Spenders", "One\r\ntwo"))
    assert client.post(f"{url}rename/", again).status_code == 302
    segment.refresh_from_db()
    assert segment.description == "One\nthree"


def test_saving_what_is_there_changes_nothing(client: Client, segment: Segment, url: str) -> None:
    before = AuditEntry.everywhere.count()
    assert "Nothing was changed." in client.post(f"{url}rename/", form("Big Spenders"), follow=True).content.decode()
    assert AuditEntry.everywhere.count() == before


def test_another_case_of_the_own_name_will_do(client: Client, segment: Segment, url: str) -> None:
    assert client.post(f"{url}rename/", form("BIG SPENDERS")).status_code == 302


def test_a_name_that_is_taken(client: Client, segment: Segment, store: Store, owner: User, url: str) -> None:
    actions.create_segment(store, name="Whales", actor=owner)
    answer = client.post(f"{url}rename/", form("whales"))
    assert answer.status_code == 422
    assert "There is a segment with this name already" in answer.content.decode()
    with pytest.raises(actions.NameTaken):
        actions.describe_segment(segment, name="WHALES", description="", seen=("Big Spenders", ""), actor=owner)
    segment.refresh_from_db()
    assert segment.name == "Big Spenders"


def test_the_second_of_two_is_told_and_overwrites_knowingly(
    client: Client, segment: Segment, manager: User, client_of: Callable[[User], Client], url: str
) -> None:
    client_of(manager).post(f"{url}rename/", form("Whales", "Manager's"))
    answer = client.post(f"{url}rename/", form("Sharks", "Owner's"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert re.search(r"manager@maple.example \([^)]+\) changed this segment meanwhile. It is called “Whales” now", page)
    assert "Manager&#x27;s" in page
    assert 'value="Sharks"' in page
    assert Segment.everywhere.get().name == "Whales"
    again = form("Sharks", "Owner's", seen=("Whales", "Manager's"))
    assert client.post(f"{url}rename/", again).status_code == 302
    assert Segment.everywhere.get().name == "Sharks"


def test_members_who_come_and_go_are_no_conflict(client: Client, segment: Segment, store: Store, url: str) -> None:
    put_in(segment, [make_customer(store, "ada@x.example")])
    assert client.post(f"{url}rename/", form("Whales")).status_code == 302


ODD = [
    ("formula@x.example", "=HYPERLINK(1)", "+49 30 1"),
    ("at@x.example", "@SUM(A1)", "555"),
    ("text@x.example", "Zoë, “the\nfirst”; 'quoted'", "-5"),
]


@pytest.fixture
def odd(desk: Desk, store: Store) -> Segment:
    for email, _, _ in ODD:
        make_customer(store, email, first_name="Own", last_name="Name", phone="0")
    put_in(desk.segment, [make_customer(store, "plain@x.example", first_name="Pla", last_name="In", phone="7")])
    desk.bring([ODD[0], ODD[1], ODD[2]])
    return desk.segment


def exported(client: Client, url: str, kind: str) -> tuple[Any, bytes]:
    answer = client.post(f"{url}export/", {"kind": kind})
    return answer, download(answer)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_export_is_all_members_read_back_as_they_are(client: Client, odd: Segment, url: str, kind: str) -> None:
    answer, content = exported(client, url, kind)
    assert "Big Spenders 20" in answer["Content-Disposition"]
    table = open_table(io.BytesIO(content), f"members.{kind}")
    assert table.headers == ["email", "name", "phone", "added_at", "by"]
    rows = {row.cells[0]: row.cells[1:3] for row in table}
    assert rows["plain@x.example"] == ["Pla In", "7"]
    for email, name, phone in ODD:
        assert rows[email] == [" ".join(name.split()), phone]


def test_no_cell_of_the_csv_is_a_formula(client: Client, odd: Segment, url: str) -> None:
    _, content = exported(client, url, "csv")
    for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]


def test_the_export_can_be_imported_again(
    client: Client, desk: Desk, odd: Segment, owner: User, store: Store, url: str
) -> None:
    _, content = exported(client, url, "csv")
    copy = Desk(client, actions.create_segment(store, name="Copy", actor=owner), desk.run_jobs)
    upload = copy.check(content, "members.csv")
    copy.confirm(upload)
    assert upload.counts == {"added": 4}
    assert emails_in(copy.segment) == emails_in(odd)
    names = Membership.everywhere.filter(segment=copy.segment).values_list("customer__email", "name", "phone")
    assert {("formula@x.example", "=HYPERLINK(1)", "+49 30 1"), ("at@x.example", "@SUM(A1)", "555")} <= set(names)


def test_an_export_is_audited(client: Client, odd: Segment, owner: User, url: str) -> None:
    exported(client, url, "xlsx")
    entry = AuditEntry.everywhere.latest("pk")
    assert (entry.verb, entry.object_label, entry.actor) == ("exported", "Big Spenders", owner)
    assert entry.changes == {"members": [None, 4], "file": [None, "xlsx"]}


def test_times_in_the_export_are_the_stores(client: Client, odd: Segment, store: Store, url: str) -> None:
    _, content = exported(client, url, "csv")
    last = content.decode().strip().splitlines()[-1]
    assert Membership.everywhere.latest("pk").added_at.astimezone(store.zone).isoformat(" ", "minutes")[:16] in last


def test_more_than_a_sheet_holds_is_said(
    client: Client, odd: Segment, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_XLSX_ROWS", 3)
    answer = client.post(f"{url}export/", {"kind": "xlsx"}, follow=True)
    assert "Export as CSV instead" in answer.content.decode()
    assert AuditEntry.everywhere.latest("pk").verb != "exported"


def test_a_viewer_takes_nothing_out(odd: Segment, viewer: User, client_of: Callable[[User], Client], url: str) -> None:
    client = client_of(viewer)
    answers = [client.post(f"{url}export/"), client.get(f"{url}rename/"), client.post(f"{url}rename/", form("X"))]
    assert {answer.status_code for answer in answers} == {403}
