"""Settings ▸ Data sources."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from customers.ingest import keys
from customers.models import Arrival, ArrivalState, WayIn, WayInKind
from portal.models import AuditEntry, Store, User
from tests.customers.ingest.conftest import Source, track

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = "/s/maple/customers/data-sources/"


@pytest.fixture
def client(owner: User, client_of: Callable[..., Client]) -> Client:
    return client_of(owner)


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def test_a_source_is_made_and_its_key_shown_once(client: Client, store: Store) -> None:
    assert "Nothing is connected yet" in words(client.get(PAGES))
    answer = client.post(f"{PAGES}new/", {"kind": "segment", "label": "Web shop"})
    key = re.search(r'id="write-key">([^<]+)<', answer.content.decode())
    assert key is not None
    found = keys.find(key[1], [WayInKind.SEGMENT])
    assert found is not None
    assert (found.label, found.store, found.key_ends) == ("Web shop", store, key[1][-4:])
    assert answer.content.decode().count(key[1]) == 4, "The key, and three ways to use it."
    assert "no-store" in answer["Cache-Control"]
    for address in (PAGES, f"{PAGES}{found.pk}/", "/s/maple/audit/"):
        assert key[1] not in client.get(address).content.decode()
    assert AuditEntry.everywhere.filter(verb="created", object_label="Web shop").exists()


def test_a_form_that_is_wrong(client: Client) -> None:
    for data in ({}, {"kind": "nonsense", "label": "x"}, {"kind": "segment", "label": "x" * 101}):
        assert client.post(f"{PAGES}new/", data).status_code == 422
    assert not WayIn.everywhere.exists()


def test_a_store_has_so_many_sources_at_most(client: Client, segment: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST", 1)
    answer = client.post(f"{PAGES}new/", {"kind": "segment", "label": "Another"})
    assert answer.status_code == 422
    assert "at most 1 sources" in words(answer)


def test_the_page_tells_whether_data_arrives(client: Client, segment: Source, take_in: Callable[[], int]) -> None:
    page, live = f"{PAGES}{segment.way_in.pk}/", f"{PAGES}{segment.way_in.pk}/live/"
    assert "Nothing has arrived yet" in words(client.get(page))
    segment.track(track("Tapped"), track("Tapped"), track(""), messages="x")
    said = words(client.get(live))
    assert "3 waiting" in said
    take_in()
    said = words(client.get(live))
    assert "Arriving" in said
    assert re.search(r"Tapped 2", said)
    assert "event: It has no event." in said
    assert "Received today 3" in said
    page_said = words(client.get(page))
    assert "Refused last" in page_said
    assert "By day" in page_said
    assert "It has no event." in words(client.get(f"{page}rejections/"))


def test_what_was_left_aside_is_replayed(client: Client, segment: Source, take_in: Callable[[], int]) -> None:
    segment.track(track("Tapped"))
    Arrival.everywhere.update(state=ArrivalState.POISON, reason="It broke.")
    page = f"{PAGES}{segment.way_in.pk}/"
    assert "It broke." in words(client.get(page))
    assert "Needs attention" in words(client.get(PAGES))
    arrival = Arrival.everywhere.get()
    assert client.post(f"{page}replay/", {"arrival": "x"}).status_code == 404
    assert client.post(f"{page}replay/", {"arrival": str(arrival.pk)}).status_code == 302
    take_in()
    assert len(segment.events()) == 1
    assert "nothing to take in" in words(client.post(f"{page}replay/", {}, follow=True))


def test_a_new_key(client: Client, segment: Source) -> None:
    page = f"{PAGES}{segment.way_in.pk}/"
    assert "24 hours" in words(client.get(f"{page}key/"))
    answer = client.post(f"{page}key/")
    key = re.search(r'id="write-key">([^<]+)<', answer.content.decode())
    assert key is not None
    assert keys.find(key[1], [WayInKind.SEGMENT])
    assert keys.find(segment.key, [WayInKind.SEGMENT])
    assert "accepted until" in words(client.get(page))
    assert AuditEntry.everywhere.filter(verb="gave a new key to").exists()


def test_revoking_asks_for_the_name(client: Client, segment: Source) -> None:
    page = f"{PAGES}{segment.way_in.pk}/"
    assert client.post(f"{page}revoke/", {"confirm": "shop?"}).status_code == 422
    assert keys.find(segment.key, [WayInKind.SEGMENT])
    assert client.post(f"{page}revoke/", {"confirm": "Shop"}).status_code == 302
    assert keys.find(segment.key, [WayInKind.SEGMENT]) is None
    assert "Revoked" in words(client.get(PAGES))
    assert "was revoked" in words(client.post(f"{page}key/", follow=True))
    assert AuditEntry.everywhere.filter(verb="revoked").exists()


def test_a_new_name(client: Client, segment: Source) -> None:
    page = f"{PAGES}{segment.way_in.pk}/"
    assert "Shop" in words(client.get(f"{page}rename/"))
    assert client.post(f"{page}rename/", {"label": ""}).status_code == 422
    client.post(f"{page}rename/", {"label": "Web"})
    assert WayIn.everywhere.get().label == "Web"


def test_managers_see_nothing_of_it(segment: Source, manager: User, client_of: Callable[..., Client]) -> None:
    assert client_of(manager).get(PAGES).status_code == 403
    assert "Data sources" not in words(client_of(manager).get("/s/maple/customers/"))
