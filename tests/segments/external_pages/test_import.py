"""Manage ▸ Import external segment, through the pages: choosing by name, what will happen, and the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.models import Job, Store, User
from portal.outbound import Pace
from segments import actions
from segments.models import Connection, ExternalGroup, ExternalLink, Segment, Sync
from segments.sandbox.klaviyo import KlaviyoSandbox
from segments.sandbox.shopify import ShopifySandbox
from segments.sources.base import Ask
from segments.sources.shopify import Shopify
from tests.conftest import make_customer, make_store
from tests.segments.conftest import emails_in
from tests.segments.external_pages.conftest import ACCOUNT, Office, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def lists(office: Office, klaviyo: KlaviyoSandbox) -> Office:
    """Connected, with a few lists and a segment whose names are known."""
    for number, name in enumerate(("Newsletter", "News for <b>bold</b> tea", "Staff")):
        klaviyo.list(f"AbC12{number}", name, ["ada@x.example"])
    klaviyo.segment("XyZ123", "VIP", ["ada@x.example"])
    office.connect()
    return office


def names(page: str) -> list[str]:
    found = re.findall(r'class="group-name">(.*?)</span>', page, flags=re.DOTALL)
    return [words(re.sub("</?mark>", "", name)) for name in found]


def test_nothing_can_be_imported_before_something_is_connected(office: Office) -> None:
    page = office.get("external", office.segment.pk)
    assert "Connect Klaviyo first" in page
    assert "/s/maple/settings/connections/klaviyo/connect/" in page


def test_a_manager_is_sent_to_an_owner(office: Office, manager: User, client_of: Callable[[User], Client]) -> None:
    office.client = client_of(manager)
    page = office.get("external", office.segment.pk)
    assert "An owner of the store can connect it" in page
    assert "/connect/" not in page


def test_types_of_accounts_that_are_not_connected_are_named_with_the_way(lists: Office) -> None:
    page = lists.get("external", lists.segment.pk)
    assert re.search(r'<option value="shopify-segment" disabled>Shopify segment \(Shopify not connected\)', page)
    assert "Shopify is not connected" in words(page)
    assert "Choose a segment type" in page
    assert not names(page)


@pytest.mark.parametrize(
    ("kind", "typed", "found"),
    [
        ("klaviyo-list", "", ["News for <b>bold</b> tea", "Newsletter", "Staff"]),
        ("klaviyo-list", "NEWS", ["News for <b>bold</b> tea", "Newsletter"]),
        ("klaviyo-list", "tea news", ["News for <b>bold</b> tea"]),
        ("klaviyo-segment", "", ["VIP"]),
        ("klaviyo-segment", "news", []),
        ("shopify-segment", "", []),
        ("mailchimp-list", "", []),
    ],
)
def test_lists_are_searched_for_by_name(lists: Office, kind: str, typed: str, found: list[str]) -> None:
    page = lists.get("external", lists.segment.pk, type=kind, q=typed)
    assert names(page) == found
    assert "<b>bold</b>" not in page


def test_the_age_of_the_names_is_shown_and_refreshed(lists: Office, klaviyo: KlaviyoSandbox) -> None:
    Connection.everywhere.update(indexed_at=timezone.now() - timedelta(minutes=7))
    here = lists.url("external", lists.segment.pk) + "?type=klaviyo-list"
    page = lists.client.get(here).content.decode()
    assert "Names read at Klaviyo: 7 min ago" in words(page)
    klaviyo.list("NeW001", "Brand new", [])
    address = lists.url("refresh_names", "klaviyo")
    answer = lists.client.post(address, HTTP_REFERER=f"http://testserver{here}")
    assert answer["Location"] == here
    page = lists.client.get(here).content.decode()
    assert "Read the names of lists at Klaviyo" in page
    assert "Brand new" not in page
    lists.run_jobs()
    assert "Brand new" in lists.client.get(here).content.decode()


def test_what_was_selected_is_selected_when_the_page_is_loaded_again(lists: Office) -> None:
    group = lists.group("Staff")
    page = lists.get("external", lists.segment.pk, type="klaviyo-list", group=group.pk)
    assert re.findall(r'name="group" value="(\d+)" required data-in-address checked', page) == [str(group.pk)]
    assert f"?type=klaviyo-list&amp;group={group.pk}" in lists.get("external_confirm", lists.segment.pk, group=group.pk)
    for nonsense in ("", "x", "²", "9" * 30):
        page = lists.get("external", lists.segment.pk, type="klaviyo-list", group=nonsense)
        assert "data-in-address checked" not in page


def test_a_long_list_of_names_comes_in_pages(lists: Office) -> None:
    connection = lists.connection()
    for number in range(60):
        group = {"connection": connection, "kind": "list", "group_id": f"N{number}", "name": f"Many {number:02}"}
        ExternalGroup.objects.create_for(lists.store, name_key=f"many {number:02}", seen_in=1, **group)
    seen: list[str] = []
    query = "?type=klaviyo-list&q=many"
    while query:
        answer = lists.client.get(lists.url("external", lists.segment.pk) + query)
        seen += names(answer.content.decode())
        query = answer.context["page"].next
    assert seen == [f"Many {number:02}" for number in range(60)]


def test_what_will_happen_is_said_and_nothing_happens_before(lists: Office) -> None:
    group = lists.group("Newsletter")
    said = words(lists.get("external_confirm", lists.segment.pk, group=group.pk))
    assert f"Klaviyo list of {ACCOUNT}, into the segment “Big Spenders”." in said
    assert "matched with your customers by their e-mail address" in said
    assert "removed from this segment by hand stays out" in said
    assert re.search(r"synced daily, at about \d\d:\d\d \(America/New_York\)", said)
    assert "30 % and more than 100" in said
    assert not ExternalLink.everywhere.exists()


def test_a_list_is_imported_with_its_report(lists: Office, store: Store) -> None:
    make_customer(store, "ada@x.example")
    answer = lists.post("external_confirm", lists.segment.pk, group=lists.group("Newsletter").pk)
    page = answer.content.decode()
    assert "hx-get=" in page
    assert "Read Klaviyo list Newsletter for Big Spenders" in page
    sync = lists.worked()
    assert emails_in(lists.segment) == {"ada@x.example"}
    said = words(lists.get("sync", lists.segment.pk, sync.pk))
    assert "Matched and added They are in the segment now. 1" in said


@pytest.mark.parametrize("given", ["", "x", "-1", "1" * 30, "²"])
def test_without_a_choice_one_is_asked_again(lists: Office, given: str) -> None:
    for method in (lists.client.get, lists.client.post):
        answer = method(lists.url("external_confirm", lists.segment.pk), {"group": given}, follow=True)
        assert "Select a list or segment first." in answer.content.decode()
    assert not ExternalLink.everywhere.exists()


def test_a_list_of_another_store_is_not_there(lists: Office, db: None) -> None:
    other = make_store("oak")
    account = {"account_id": "x", "account_name": "Oak"}
    connection = Connection.objects.create_for(other, source="klaviyo", **account)
    group = {"connection": connection, "kind": "list", "group_id": "x", "name": "Oak's", "name_key": "oak's"}
    theirs = ExternalGroup.objects.create_for(other, seen_in=1, **group)
    for method in (lists.client.get, lists.client.post):
        assert method(lists.url("external_confirm", lists.segment.pk), {"group": theirs.pk}).status_code == 404
    assert not ExternalLink.everywhere.exists()


def test_a_segment_follows_one_list(lists: Office) -> None:
    lists.bring("Newsletter")
    page = lists.get("external", lists.segment.pk)
    assert "This segment follows a list already" in page
    answer = lists.post("external_confirm", lists.segment.pk, group=lists.group("Staff").pk)
    assert "follows “Newsletter” already" in words(answer.content.decode())
    assert ExternalLink.objects.for_store(lists.store).count() == 1


def test_a_list_that_another_segment_follows_says_so(lists: Office, owner: User) -> None:
    lists.bring("Newsletter")
    second = actions.create_segment(lists.store, name="Second", actor=owner)
    page = lists.get("external", second.pk, type="klaviyo-list", q="newsletter")
    assert "Imported into Big Spenders" in words(page)


def test_the_wizard_leads_here(lists: Office) -> None:
    answer = lists.client.post("/s/maple/segments/new/how/", {"name": "From Klaviyo", "how": "external"}, follow=True)
    assert "Choose a segment type" in answer.content.decode()
    assert "Into the segment “From Klaviyo”." in answer.content.decode()


def test_an_account_that_needs_attention_is_not_chosen_from(lists: Office) -> None:
    Connection.everywhere.update(state="refused", said="The key was revoked.")
    said = words(lists.get("external", lists.segment.pk, type="klaviyo-list"))
    assert "Klaviyo needs attention The key was revoked." in said
    answer = lists.post("external_confirm", lists.segment.pk, group=lists.group("Staff").pk)
    assert "not connected any more" in words(answer.content.decode())
    assert not Sync.everywhere.exists()


def test_unlinking_keeps_the_members_by_choice(lists: Office, store: Store) -> None:
    make_customer(store, "ada@x.example")
    lists.bring("Newsletter")
    page = lists.get("unlink", lists.segment.pk)
    assert "Everybody leaves the segment (1 member)" in words(page)
    lists.post("unlink", lists.segment.pk, members="keep")
    lists.run_jobs()
    assert emails_in(lists.segment) == {"ada@x.example"}
    assert not ExternalLink.everywhere.exists()
    assert "Syncs so far" in lists.page()
    assert "Newsletter" in lists.get("syncs", lists.segment.pk)


def test_unlinking_lets_go_by_choice(lists: Office, store: Store) -> None:
    make_customer(store, "ada@x.example")
    lists.bring("Newsletter")
    assert "Choose one of these." in lists.post("unlink", lists.segment.pk).content.decode()
    assert ExternalLink.everywhere.exists()
    lists.post("unlink", lists.segment.pk, members="let-go")
    lists.run_jobs()
    assert emails_in(lists.segment) == set()


def test_pages_of_a_link_are_not_there_without_one(lists: Office, segment: Segment) -> None:
    for name in ("unlink", "sync_settings"):
        assert lists.client.get(lists.url(name, segment.pk)).status_code == 404
    assert "follows no list" in lists.post("sync_now", segment.pk).content.decode()
    assert "No sync so far" in lists.get("syncs", segment.pk)
    assert not Job.everywhere.filter(kind="segments.sync").exists()


def test_a_segment_of_shopify_is_imported_in_the_same_way(
    lists: Office, store: Store, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shopify, "paces", dict.fromkeys(Ask, Pace(per_second=10_000, per_minute=100_000)))
    make_customer(store, "ada@x.example")
    with ShopifySandbox() as shopify:
        settings.SHOPIFY_API_URL = shopify.url
        shopify.account("shpat_1", "Maple Shop", domain="maple.myshopify.com")
        shopify.segment("410000000001", "Champions", [("7001", "ada@x.example"), ("7002", "nobody@x.example")])
        wrong = lists.post("connect", "shopify", shop="maple.myshopify.com", token="shpat_2")
        assert wrong.status_code == 422
        lists.post("connect", "shopify", shop="maple.myshopify.com", token="shpat_1")
        lists.run_jobs()
        assert "Account Maple Shop" in words(lists.get("connections"))
        page = lists.get("external", lists.segment.pk, type="shopify-segment", q="champ")
        assert names(page) == ["Champions"]
        sync = lists.bring("Champions")
        assert emails_in(lists.segment) == {"ada@x.example"}
        assert "Without a customer here" in lists.get("sync", lists.segment.pk, sync.pk)
        said = words(lists.page())
        assert "Champions Shopify segment of Maple Shop" in said
        assert "Sync from Shopify" in said
