"""Lists at Klaviyo, from connecting to a sync that is held and approved: by mouse, and by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from portal.demo_outside import KLAVIYO_KEY
from tests.browser.conftest import Opener
from tests.browser.portal import Portal
from tests.browser.steps import (
    connect,
    counted,
    customers,
    disconnect,
    followed,
    manage,
    members,
    new_list,
    new_segment,
    open_segment,
    said,
)
from tests.browser.test_keyboard import press, tab_to
from tests.browser.watch import accessibility

pytestmark = pytest.mark.browser


def to_connections(page: Page) -> None:
    page.goto("/s/juniper/")
    menu = page.get_by_role("navigation", name="Main")
    menu.get_by_text("Settings", exact=True).click()
    menu.get_by_role("link", name="Connections", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connections")


def test_from_connecting_to_approving(portal: Portal, open_page: Opener) -> None:
    disconnect(portal)
    people = customers(portal, 130)
    group, list_name = new_list(portal, *people, "nobody@elsewhere.example", ("phone-only", None), called="Walk")
    _, name = new_segment(portal, called="Walked")
    page = open_page()

    to_connections(page)
    page.get_by_role("link", name="Connect Klaviyo").click()
    page.get_by_label("Private API key").fill("pk_wrong")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_text("Klaviyo does not accept")).to_be_visible()
    expect(page.get_by_label("Private API key")).to_have_value("")
    page.get_by_label("Private API key").fill(KLAVIYO_KEY)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(said(page)).to_contain_text("“Juniper at Klaviyo” at Klaviyo is connected.")
    expect(page.get_by_role("button", name="Refresh names")).to_be_visible()

    open_segment(page, name)
    manage(page, "Import external segment")
    page.get_by_label("Segment type").select_option("Klaviyo list")
    page.get_by_role("searchbox").press_sequentially(list_name)
    expect(page.locator(".group-choice")).to_have_count(1)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Import “{list_name}”?")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(counted(page, "Matched and added")).to_have_text("130")
    expect(counted(page, "Without a customer here")).to_have_text("1")
    expect(counted(page, "Without an e-mail")).to_have_text("1")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert "nobody@elsewhere.example" in download.value.path().read_text()

    group.keep(10)
    page.get_by_role("link", name="See the segment").click()
    page.get_by_role("button", name="Manage").click()
    page.get_by_role("button", name="Sync from Klaviyo").click()
    expect(page.get_by_text("This sync would take away 92 % of the members.")).to_be_visible()
    assert accessibility(page) == []
    page.get_by_role("link", name="Approve …").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Tick this first, if you mean it.")).to_be_visible()
    page.get_by_label("Let 120 members leave, and 0 customers enter").check()
    page.get_by_role("button", name="Approve").click()
    expect(counted(page, "Left the segment")).to_have_text("120")
    page.get_by_role("link", name="See the segment").click()
    expect(members(page)).to_have_count(10)


def test_choosing_a_list_by_keyboard(portal: Portal, open_page: Opener) -> None:
    new_list(portal, *customers(portal, 2), called="Keys alpha")
    _, name = new_list(portal, *customers(portal, 3), called="Keys beta")
    connect(portal)
    number, _ = new_segment(portal, called="Keyed")
    page = open_page()
    page.goto(portal.path(f"segments/{number}/external/"))
    tab_to(page, page.get_by_label("Segment type"))
    press(page, "ArrowDown")
    expect(page.get_by_label("Segment type")).to_have_value("klaviyo-list")
    tab_to(page, page.get_by_role("searchbox"))
    page.keyboard.type("keys")
    expect(page.locator(".group-choice")).to_have_count(2)
    tab_to(page, page.get_by_role("radio").first)
    press(page, "Space", "ArrowDown")
    expect(page.get_by_role("radio", name=name)).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Import “{name}”?")
    tab_to(page, page.get_by_role("button", name="Import"))
    page.keyboard.press("Enter")
    expect(counted(page, "Matched and added")).to_have_text("3")


def test_names_are_refreshed_while_one_looks(portal: Portal, open_page: Opener) -> None:
    connect(portal)
    number, _ = new_segment(portal, called="Fresh")
    page = open_page()
    page.goto(portal.path(f"segments/{number}/external/?type=klaviyo-list&q=Brand+new"))
    expect(page.get_by_text("No Klaviyo list is called “Brand new”")).to_be_visible()
    new_list(portal, called="Brand new")
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator(".group-choice")).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_have_value("Brand new")


def test_what_is_selected_stays_while_names_are_refreshed(portal: Portal, open_page: Opener) -> None:
    _, only = new_list(portal, called="Kept alpha")
    connect(portal)
    number, _ = new_segment(portal, called="Keeper")
    page = open_page()
    page.goto(portal.path(f"segments/{number}/external/?type=klaviyo-list&q=kept"))
    expect(page.get_by_role("radio", name=only)).to_be_checked()
    _, other = new_list(portal, called="Kept beta")
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator(".group-choice")).to_have_count(2)
    expect(page.get_by_role("radio", name=only)).to_be_checked()
    page.get_by_role("radio", name=other).check()
    new_list(portal, called="Kept gamma")
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator(".group-choice")).to_have_count(3)
    expect(page.get_by_role("radio", name=other)).to_be_checked()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("radio", name=other)).to_be_checked()


def test_unlinking_and_discarding(portal: Portal, open_page: Opener) -> None:
    group, list_name = new_list(portal, *customers(portal, 130), called="Shrinking")
    connect(portal)
    number = followed(portal, list_name)
    group.keep(0)
    page = open_page()
    page.goto(portal.path(f"segments/{number}/"))
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("This sync would empty the segment.")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(page.get_by_text("This sync was discarded")).to_be_visible()
    page.get_by_role("link", name="See the segment").click()
    manage(page, "Unlink")
    page.get_by_text("Let go whom only the list holds").click()
    page.get_by_role("button", name="Unlink").click()
    expect(page.get_by_text("Nobody is in this segment yet")).to_be_visible()
