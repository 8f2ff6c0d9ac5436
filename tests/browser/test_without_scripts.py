"""The portal in a browser that runs no scripts: forms, links and whole pages are enough for the daily work."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from portal.demo import PASSWORD
from tests.browser.conftest import Opener
from tests.browser.portal import Portal
from tests.browser.steps import bring_in, counted, customers, members, new_segment, said
from tests.browser.watch import frame

pytestmark = pytest.mark.browser


@pytest.fixture
def page(open_page: Opener) -> Page:
    """The owner's page, without scripts."""
    opened: Page = open_page(java_script_enabled=False)
    return opened


def test_sign_in(open_page: Opener) -> None:
    page = open_page(None, java_script_enabled=False)
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill("viewer@demo.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Juniper Coffee & Tea")


def test_find_a_customer(portal: Portal, page: Page) -> None:
    page.goto(portal.path())
    menu = page.get_by_role("navigation", name="Main")
    menu.get_by_text("Customers", exact=True).click()
    menu.get_by_role("link", name="All customers").click()
    page.get_by_role("searchbox").fill("tuan.hayes")
    page.get_by_role("searchbox").press("Enter")
    expect(members(page)).to_have_count(1)
    page.get_by_label("Marketing consent").select_option(label="Subscribed")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("searchbox")).to_have_value("tuan.hayes")
    with page.expect_download() as download:
        page.get_by_role("button", name="As CSV").click()
    assert download.value.suggested_filename.endswith(".csv")


def test_create_and_fill_a_segment(portal: Portal, page: Page) -> None:
    email = customers(portal, 1)[0]
    page.goto(portal.path("segments/"))
    page.get_by_role("link", name="Create new segment").click()
    page.get_by_label("Name").fill("Made without scripts")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("radio", name="Add customer").check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("combobox").fill(email)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(said(page)).to_contain_text(f"{email} is added to “Made without scripts”.")
    expect(members(page)).to_have_count(1)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(said(page)).to_contain_text(f"{email} is removed")


def test_import_a_file(portal: Portal, page: Page) -> None:
    number, name = new_segment(portal)
    page.goto(portal.path(f"segments/{number}/"))
    menu = page.locator(".heading-actions")
    menu.get_by_role("link", name="Bulk import customers").click()
    with portal.worker_held():
        bring_in(page, portal.sample("holiday-orders.xlsx"))
        look_again = page.get_by_role("link", name="Reload this page")
        expect(look_again).to_be_visible()
    portal.settled("SELECT checked_at FROM segments_upload WHERE segment_id = %s", number)
    look_again.click()
    expect(page.get_by_role("heading", name="What the check found")).to_be_visible()
    expect(counted(page, "Matched")).to_have_text("60")
    with portal.worker_held():
        page.get_by_role("button", name="Import", exact=True).click()
        expect(look_again).to_be_visible()
    portal.settled("SELECT finished_at FROM segments_upload WHERE segment_id = %s", number)
    look_again.click()
    expect(page.get_by_role("heading", name="What became of the rows")).to_be_visible()
    expect(counted(page, "Added")).to_have_text("60")
    page.get_by_role("link", name="See the segment").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    expect(page.get_by_text("Show as a table")).to_be_visible()


def test_remove_several(portal: Portal, page: Page) -> None:
    first, second, third = customers(portal, 3)
    number, _ = new_segment(portal, first, second, third)
    page.goto(portal.path(f"segments/{number}/"))
    for email in (first, second):
        page.get_by_label(f"Select {email}").check()
    page.get_by_role("button", name="Remove selected").click()
    expect(said(page)).to_contain_text("2 customers are removed")
    expect(members(page)).to_have_count(1)


def test_delete_a_segment(portal: Portal, page: Page) -> None:
    number, name = new_segment(portal)
    page.goto(portal.path(f"segments/{number}/"))
    page.get_by_role("link", name="Delete Segment").click()
    page.get_by_label("To confirm, type").fill("something else")
    page.get_by_role("button", name="Delete Segment").click()
    expect(page.locator(".field-error")).to_be_visible()
    page.get_by_label("To confirm, type").fill(name)
    page.get_by_role("button", name="Delete Segment").click()
    expect(said(page)).to_contain_text(f"“{name}” is deleted.")


@pytest.mark.parametrize(
    "rest", ["", "segments/", "customers/", "audit/", "runs/", "settings/staff/", "customers/import/"]
)
def test_small_screens_have_the_navigation(rest: str, portal: Portal, open_page: Opener) -> None:
    page = open_page(narrow=True, java_script_enabled=False)
    page.goto(portal.path(rest))
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    assert frame(page)["wide"] == []
