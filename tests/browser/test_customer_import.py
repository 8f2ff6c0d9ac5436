"""Bringing in customers with a mouse: an export that is recognised, a list that has to be explained, one by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, Opener
from tests.browser.portal import Portal
from tests.browser.steps import bring_in, counted, members
from tests.browser.watch import accessibility, frame

pytestmark = pytest.mark.browser


def open_import(page: Page, portal: Portal) -> None:
    page.goto(portal.path())
    menu = page.get_by_role("navigation", name="Main")
    menu.get_by_text("Customers", exact=True).click()
    menu.get_by_role("link", name="All customers", exact=True).click()
    page.get_by_role("button", name="Import", exact=True).click()
    page.locator(".dropdown-menu.show").get_by_role("link", name="Customers", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import customers")


def test_a_shopify_export_is_recognised(portal: Portal, open_page: Opener, tmp_path: Path) -> None:
    # A copy with a row more: the same file twice is the same upload.
    rows = portal.sample("shopify-customers.csv").read_text(encoding="utf-8-sig")
    path = tmp_path / "from-shopify.csv"
    path.write_text(rows.replace("@example.org", "@shopify.example"), encoding="utf-8")
    page = open_page()
    open_import(page, portal)
    bring_in(page, path)
    expect(page.get_by_text("A Shopify customer export")).to_be_visible()
    expect(page.get_by_role("heading", name="What the check found")).to_be_visible()
    expect(counted(page, "Invalid")).to_have_text("2")
    page.get_by_text("First 2 rows").click()
    assert accessibility(page) == []
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="What became of the rows")).to_be_visible()
    expect(page.get_by_text("They were added.")).to_be_visible()
    page.get_by_role("link", name="See the customers").click()
    page.get_by_role("searchbox").fill("shopify.example")
    expect(page).to_have_url(re.compile("q=shopify.example"))
    expect(members(page).first).to_contain_text("@shopify.example")


def test_the_template(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    open_import(page, portal)
    page.get_by_role("button", name="Download template").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="As CSV").click()
    assert download.value.path().read_text(encoding="utf-8-sig").startswith("Email,First name,")


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
def test_a_list_whose_columns_are_explained(
    narrow: bool, portal: Portal, open_page: Opener, file: Callable[[str, str], Path]
) -> None:
    word = "narrow" if narrow else "wide"
    lines = [
        "Kunde;Elektropost;Lieblingstee;Telefonnummer",
        f"Jörg Weiß;joerg@{word}.example;Assam;030 1234567",
        f"Zoë Ångström;zoe@{word}.example;;",
    ]
    page = open_page(narrow=narrow)
    page.goto(portal.path("customers/import/"))
    page.get_by_label("File", exact=True).set_input_files(file(f"kunden-{word}.csv", "\n".join(lines)))
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What are the columns?")
    expect(page.get_by_text("Jörg Weiß")).to_be_visible()
    page.get_by_label("Elektropost").select_option("")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("Choose the column of the e-mail addresses")).to_be_visible()
    page.get_by_label("Elektropost").select_option(label="E-mail")
    page.get_by_label("Lieblingstee").select_option(label="Keep as attribute")
    assert accessibility(page) == []
    assert frame(page)["wide"] == []
    page.get_by_role("button", name="Check the file").click()
    expect(counted(page, "New customers")).to_have_text("2")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("They were added.")).to_be_visible()
    page.goto(portal.path(f"customers/?q=joerg@{word}.example"))
    page.get_by_role("link", name=f"joerg@{word}.example").click()
    expect(page.get_by_role("definition").filter(has_text="Assam")).to_be_visible()


def test_a_customer_by_hand(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("customers/"))
    page.get_by_role("link", name="Add customer").click()
    page.get_by_label("E-mail").fill("new.person@hand.example")
    page.get_by_label("First name").fill("Nadia")
    page.get_by_role("button", name="Add customer").click()
    expect(page.get_by_text("new.person@hand.example is a customer now.")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Phone").fill("+1 555 0177")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto(portal.path("customers/new/"))
    page.get_by_label("E-mail").fill("New.Person@hand.example")
    page.get_by_role("button", name="Add customer").click()
    expect(page.get_by_text("A customer has this address already")).to_be_visible()
    page.set_viewport_size(NARROW)
    assert accessibility(page) == []
    assert frame(page)["wide"] == []


def test_an_export_holds_what_the_search_shows(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("customers/"))
    page.get_by_role("searchbox").fill("tuan.hayes")
    expect(members(page)).to_have_count(1)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="As CSV").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").strip().splitlines()
    assert len(lines) == 2
    assert "tuan.hayes" in lines[1]
