"""Creating a segment in two steps: what names are taken, and that nothing half-made is left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.models import AuditEntry, Store, User
from segments import actions
from segments.models import Segment
from tests.conftest import is_postgresql
from tests.portal.counting import at_once

pytestmark = pytest.mark.django_db
NAME, HOW = "/s/maple/segments/new/", "/s/maple/segments/new/how/"


def test_the_first_step_writes_nothing(client: Client) -> None:
    answer = client.post(NAME, {"name": "  Ünïque &  name "})
    assert answer.status_code == 302
    page = client.get(answer["Location"])
    assert "Ünïque &amp;  name" in page.content.decode()
    assert not Segment.everywhere.exists()


def test_going_back_keeps_the_name(client: Client) -> None:
    page = client.get(HOW, {"name": "Tea & more"}).content.decode()
    assert f'href="{NAME}?name=Tea%20%26%20more"' in page
    assert 'value="Tea &amp; more"' in client.get(f"{NAME}?name=Tea%20%26%20more").content.decode()


@pytest.mark.parametrize(
    ("how", "page"), [("add", "add/"), ("upload", "imports/new/"), ("external", "external/"), ("later", "")]
)
def test_the_second_step_makes_it_and_goes_on(client: Client, store: Store, owner: User, how: str, page: str) -> None:
    answer = client.post(HOW, {"name": "  Free Gift  ", "how": how})
    segment = Segment.objects.for_store(store).get()
    assert answer["Location"] == f"/s/maple/segments/{segment.pk}/{page}"
    assert (segment.name, segment.created_by, segment.member_count) == ("Free Gift", owner, 0)
    entry = AuditEntry.objects.for_store(store).get()
    assert (entry.verb, entry.object_label, entry.actor) == ("created", "Free Gift", owner)


@pytest.mark.parametrize(
    "name",
    ["", "   ", "\u200b\u200b", "\u00a0", "a" * 256, "bell\x07", "nul\x00"],
    ids=["empty", "spaces", "invisible", "no-break space", "256", "control", "nul"],
)
def test_a_name_that_will_not_do_is_refused_at_both_steps(client: Client, name: str) -> None:
    for url in (NAME, HOW):
        answer = client.post(url, {"name": name, "how": "later"})
        assert answer.status_code == 422
        assert "field-error" in answer.content.decode()
    assert not Segment.everywhere.exists()


@pytest.mark.parametrize("name", ["a" * 255, "ß" * 255, "ΐ" * 255, "🎁", "Ω-3 ½ price!"])
def test_unusual_names_will_do(client: Client, store: Store, name: str) -> None:
    assert client.post(HOW, {"name": name, "how": "later"}).status_code == 302
    assert Segment.objects.for_store(store).get().name == name


@pytest.mark.parametrize("name", ["Big Spenders", "big spenders", " BIG  SPENDERS ", "Big\u00a0Spenders"])
def test_a_name_is_taken_whatever_its_case_and_spaces(client: Client, segment: Segment, name: str) -> None:
    for url in (NAME, HOW):
        answer = client.post(url, {"name": name, "how": "later"})
        assert answer.status_code == 422
        page = answer.content.decode()
        assert "There is a segment with this name already" in page
        assert f'<a href="/s/maple/segments/{segment.pk}/">Big Spenders</a>' in page
    assert Segment.everywhere.count() == 1


def test_two_forms_of_one_letter_are_one_name(client: Client, store: Store, owner: User) -> None:
    actions.create_segment(store, name="Caf\u00e9", actor=owner)
    assert client.post(HOW, {"name": "CAFE\u0301", "how": "later"}).status_code == 422


def test_another_store_may_use_the_name(segment: Segment, other_store: Store, stranger: User) -> None:
    assert actions.create_segment(other_store, name=segment.name, actor=stranger).pk


def test_a_name_with_markup_stays_text(client: Client, store: Store, owner: User) -> None:
    actions.create_segment(store, name="<script>alert(1)</script>", actor=owner)
    page = client.post(NAME, {"name": "<SCRIPT>alert(1)</script>"}).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_way_must_be_one_of_those_offered(client: Client) -> None:
    answer = client.post(HOW, {"name": "Free Gift", "how": "magic"})
    assert answer.status_code == 422
    assert "Choose one of these." in answer.content.decode()
    assert not Segment.everywhere.exists()


def test_the_race_for_a_name_has_one_winner(store: Store, owner: User) -> None:
    """The name was free when the form looked, and is taken when it is written."""
    actions.create_segment(store, name="Free Gift", actor=owner)
    with pytest.raises(actions.NameTaken) as taken:
        actions.create_segment(store, name="free gift", actor=owner)
    assert taken.value.segment is not None
    assert AuditEntry.objects.for_store(store).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has one writer")
def test_of_many_at_once_one_gets_the_name(store: Store, owner: User) -> None:
    outcomes = at_once(*[lambda: actions.create_segment(store, name="Free Gift", actor=owner)] * 6)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NameTaken"] * 5 + ["Segment"]


@pytest.mark.parametrize("url", [NAME, HOW])
def test_a_viewer_may_not(store: Store, viewer: User, client_of: Callable[[User], Client], url: str) -> None:
    client = client_of(viewer)
    answers: list[Any] = [client.get(url), client.post(url, {"name": "X", "how": "later"})]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert not Segment.everywhere.exists()
