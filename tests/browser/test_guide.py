"""Managing customer segments as the merchants' guide tells it, by its own words, with a mouse."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener
from tests.browser.portal import Portal
from tests.browser.steps import (
    bring_in,
    connect,
    counted,
    customers,
    manage,
    members,
    new_list,
    new_segment,
    open_segment,
    open_segments,
    said,
)
from tests.browser.watch import accessibility

pytestmark = pytest.mark.browser
WORK_MS = 90_000
"""Until the worker comes to it, which has the first metrics of the demo to make besides."""


def test_view_customer_segments(open_page: Opener) -> None:
    page = open_page()
    open_segments(page)
    page.get_by_role("link", name="Big Spenders", exact=True).click()
    expect(page).to_have_title(re.compile("Big Spenders"))
    expect(members(page)).to_have_count(50)
    expect(members(page).first.locator("td").nth(1)).to_contain_text("@")


@pytest.mark.parametrize(
    ("way", "lands_on"),
    [
        ("Add customer", "Add customer"),
        ("Bulk import customers", "Bulk import customers"),
        ("Import external segment", "Import external segment"),
        ("Later", "Made by hand: Later"),
    ],
)
def test_create_the_segment_in_the_portal(way: str, lands_on: str, open_page: Opener) -> None:
    page = open_page()
    open_segments(page)
    page.get_by_role("link", name="Create new segment").click()
    page.get_by_label("Name").fill(f"  Made by hand: {way} ")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Made by hand: {way}")
    page.get_by_text(way, exact=True).click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(lands_on)
    expect(said(page)).to_contain_text(f"“Made by hand: {way}” is created.")


def test_a_name_is_wanted_and_not_twice(open_page: Opener) -> None:
    page = open_page()
    open_segments(page)
    page.get_by_role("link", name="Create new segment").click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Give the segment a name.")).to_be_visible()
    page.get_by_label("Name").fill("big spenders")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("There is a segment with this name already")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("big spenders")
    page.get_by_label("Name").fill("Bigger spenders")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_label("Name")).to_have_value("Bigger spenders")


def test_manually_add_customers(portal: Portal, open_page: Opener) -> None:
    _, name = new_segment(portal)
    email = customers(portal, 1)[0]
    page = open_page()
    open_segment(page, name)
    manage(page, "Add customer")
    field = page.get_by_role("combobox", name="Customer's email address")
    field.press_sequentially(email[:-4], delay=5)
    page.get_by_role("option").filter(has_text=email).click()
    expect(field).to_have_value(email)
    expect(page.get_by_role("listbox")).to_be_hidden()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(said(page)).to_contain_text(f"{email} is added to “{name}”.")
    expect(members(page)).to_have_count(1)
    expect(members(page).first).to_contain_text(email)
    expect(members(page).first).to_contain_text("By hand")


def test_adding_a_stranger_or_adding_twice(portal: Portal, open_page: Opener) -> None:
    email = customers(portal, 1)[0]
    number, name = new_segment(portal, email)
    page = open_page()
    page.goto(portal.path(f"segments/{number}/add/"))
    page.get_by_role("combobox", name="Customer's email address").fill("nobody@nowhere.example")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("has no customer with the e-mail address nobody@nowhere.example")).to_be_visible()
    expect(page.get_by_role("combobox", name="Customer's email address")).to_have_value("nobody@nowhere.example")
    assert accessibility(page) == []
    page.get_by_role("combobox", name="Customer's email address").fill(email.upper())
    page.get_by_role("button", name="Add", exact=True).click()
    expect(said(page)).to_contain_text(f"{email} is in “{name}” already. Nothing was changed.")
    expect(members(page)).to_have_count(1)


def test_upload_a_csv(portal: Portal, open_page: Opener, tmp_path: Path) -> None:
    """From the template to the report and back again, and nobody has to reload a page."""
    inside, first, second = customers(portal, 3)
    _, name = new_segment(portal, inside)
    page = open_page()
    open_segment(page, name)
    manage(page, "Bulk import customers")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download template").click()
    filled = tmp_path / "guests.csv"
    download.value.save_as(filled)
    header = filled.read_text(encoding="utf-8-sig").strip()
    assert header == "email,name,phone"
    rows = [header, f"{first},Guest One,+1 555 0100", second, inside, "nobody@nowhere.example", "not an address"]
    filled.write_text("\n".join(rows), encoding="utf-8")
    with portal.worker_held():
        bring_in(page, filled)
        expect(page.get_by_text("Waiting for a free worker")).to_be_visible()
        page.evaluate("() => { window.isTheSamePage = true; }")
        with page.expect_response(re.compile("/progress/")):
            pass  # it asks by itself
        assert page.evaluate("() => window.isTheSamePage")
    expect(page.get_by_role("heading", name="What the check found")).to_be_visible()
    found = {"Matched": 2, "Already in the segment": 1, "Without a customer": 1, "Invalid": 1}
    for outcome, count in found.items():
        expect(counted(page, outcome)).to_have_text(str(count))
    assert accessibility(page) == []
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="What became of the rows")).to_be_visible()
    expect(counted(page, "Added")).to_have_text("2")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download report").click()
    assert "nobody@nowhere.example" in download.value.path().read_text(encoding="utf-8")
    page.get_by_role("link", name="See the segment").click()
    expect(members(page)).to_have_count(3)
    expect(members(page).filter(has_text=first)).to_contain_text("Guest One")
    page.go_back()
    page.get_by_role("link", name="Undo this import").click()
    page.get_by_role("button", name="Undo this import").click()
    expect(page.get_by_text("This import was undone")).to_be_visible()
    page.get_by_role("link", name="See the segment").click()
    expect(members(page)).to_have_count(1)


def test_a_file_over_the_limit_is_refused_whole(portal: Portal, open_page: Opener) -> None:
    number, _ = new_segment(portal)
    page = open_page()
    page.goto(portal.path(f"segments/{number}/imports/new/"))
    bring_in(page, portal.sample("too-many.csv"))
    refusal = page.locator(".alert-danger")
    for words in ("This file was not imported", "9,400", "8,900", "Settings"):
        expect(refusal).to_contain_text(words)
    expect(page.get_by_role("link", name="Settings ▸ Store")).to_be_visible()


def test_a_file_that_cannot_be_read(portal: Portal, open_page: Opener, file: Callable[[str, str], Path]) -> None:
    number, _ = new_segment(portal)
    page = open_page()
    page.goto(portal.path(f"segments/{number}/imports/new/"))
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("Choose a file first.")).to_be_visible()
    page.get_by_label("File", exact=True).set_input_files(file("names.csv", "name,phone\nAnna,555\n"))
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator(".field-error, .alert-danger")).to_contain_text("e-mail")
    assert accessibility(page) == []


def test_import_an_external_segment(portal: Portal, open_page: Opener) -> None:
    _, name = new_segment(portal)
    group, list_name = new_list(portal, *customers(portal, 3), called="Guide")
    connect(portal)
    page = open_page()
    open_segment(page, name)
    manage(page, "Import external segment")
    page.get_by_label("Segment type").select_option("Klaviyo list")
    page.get_by_role("searchbox").fill(list_name)
    page.get_by_role("radio", name=list_name).check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(counted(page, "Matched and added")).to_have_text("3", timeout=WORK_MS)
    group.join(*customers(portal, 2))
    open_segment(page, name)
    page.get_by_role("button", name="Manage").click()
    page.get_by_role("button", name="Sync from Klaviyo").click()
    expect(counted(page, "Matched and added")).to_have_text("2", timeout=WORK_MS)


def test_delete_customer_segments(portal: Portal, open_page: Opener) -> None:
    number, name = new_segment(portal, customers(portal, 1)[0], called="Zest & Co")
    page = open_page()
    open_segment(page, name)
    manage(page, "Delete Segment")
    expect(page.get_by_text("is permanent and cannot be undone")).to_be_visible()
    button = page.get_by_role("button", name="Delete Segment")
    expect(button).to_be_disabled()
    page.get_by_label("To confirm, type").fill(name[:-1])
    expect(button).to_be_disabled()
    page.get_by_label("To confirm, type").fill(name)
    button.click()
    expect(said(page)).to_contain_text(f"“{name}” is deleted.")
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    answer = page.goto(portal.path(f"segments/{number}/"))
    assert answer is not None
    assert answer.status == 404


def test_remove_a_customer(portal: Portal, open_page: Opener) -> None:
    first, second = customers(portal, 2)
    number, name = new_segment(portal, first, second)
    page = open_page()
    open_segment(page, name)
    row = members(page).filter(has_text=first)
    action = row.get_by_role("button", name="Action")
    expect(action).to_have_css("opacity", "0")
    row.hover()
    expect(action).to_have_css("opacity", "1")
    action.click()
    assert accessibility(page) == []
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(said(page)).to_contain_text(f"{first} is removed from “{name}”")
    expect(members(page)).to_have_count(1)
    stays_out(page, portal, number, first)


def stays_out(page: Page, portal: Portal, number: int, email: str) -> None:
    """A file does not bring back who was removed by hand."""
    page.goto(portal.path(f"segments/{number}/imports/new/"))
    content = {"name": "again.csv", "mimeType": "text/csv", "buffer": f"email\n{email}\n".encode()}
    page.get_by_label("File", exact=True).set_input_files(content)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(counted(page, "Removed by hand before")).to_have_text("1")
    expect(counted(page, "Matched")).to_have_text("0")
    expect(page.get_by_label("Also add those who were removed from this segment by hand before")).not_to_be_checked()


def test_remove_by_touch(portal: Portal, open_page: Opener) -> None:
    first, second = customers(portal, 2)
    number, _ = new_segment(portal, first, second)
    page = open_page(narrow=True, has_touch=True, is_mobile=True)
    page.goto(portal.path(f"segments/{number}/"))
    action = members(page).filter(has_text=first).get_by_role("button", name="Action")
    expect(action).to_have_css("opacity", "1")
    action.tap()
    page.get_by_role("button", name="Delete", exact=True).tap()
    expect(said(page)).to_contain_text(f"{first} is removed")
    expect(members(page)).to_have_count(1)


def test_remove_several(portal: Portal, open_page: Opener) -> None:
    first, second, third = customers(portal, 3)
    number, _ = new_segment(portal, first, second, third)
    page = open_page()
    page.goto(portal.path(f"segments/{number}/"))
    for email in (first, third):
        page.get_by_label(f"Select {email}").check()
    expect(page.get_by_text("2 customers chosen")).to_be_visible()
    page.get_by_role("button", name="Remove selected").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("They stay out until they are added by hand again.")
    assert accessibility(page) == []
    question.get_by_role("button", name="Cancel").click()
    expect(members(page)).to_have_count(3)
    page.get_by_role("button", name="Remove selected").click()
    question.get_by_role("button", name="Remove").click()
    expect(said(page)).to_contain_text("2 customers are removed")
    expect(members(page)).to_have_count(1)
    expect(members(page)).to_contain_text(second)


def test_a_viewer_only_looks(open_page: Opener) -> None:
    page = open_page("viewer")
    open_segments(page)
    expect(page.get_by_role("link", name="Create new segment")).to_have_count(0)
    open_segment(page, "Big Spenders")
    expect(page.get_by_role("button", name="Manage")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("Action"))).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(0)


def test_the_standard_plan_explains(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto("/")
    page.get_by_role("link", name=re.compile("Corner Roastery")).click()
    menu = page.get_by_role("navigation", name="Main")
    menu.get_by_text("Customers", exact=True).click()
    menu.get_by_role("link", name="Segments", exact=True).click()
    expect(page.get_by_text("Segments are available to Pro or Custom plans merchants")).to_be_visible()
    expect(page.get_by_role("link", name="See the plan in Settings")).to_be_visible()
