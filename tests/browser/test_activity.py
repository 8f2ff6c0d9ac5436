"""What customers do, as staff see it: metrics with their meaning, the timeline, sources of data and the audit."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener
from tests.browser.portal import Portal
from tests.browser.steps import said

pytestmark = pytest.mark.browser

BUSIEST = "SELECT customer_id FROM customers_event WHERE store_id = 1 GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"


def busiest(portal: Portal, page: Page) -> None:
    """Open the page of the customer of whom most is known, once there are metrics."""
    page.goto(portal.path(f"customers/{portal.value(BUSIEST)}/"))
    for _ in range(90):
        if page.locator(".metric-name").count():
            return
        page.wait_for_timeout(1000)
        page.reload()
    raise AssertionError("No metrics were made in a minute and a half.")


def is_within(page: Page) -> bool:
    """Whether the explanation that is shown lies within the window, and nothing scrolls sideways."""
    shown = page.locator(".metric-meaning:visible")
    expect(shown).to_have_count(1)
    box, width = shown.bounding_box(), page.evaluate("innerWidth")
    sideways: bool = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width and not sideways


def test_what_a_metric_means_is_told_by_mouse_keyboard_and_finger(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    busiest(portal, page)
    for number in range(6):
        page.locator(".metric-name").nth(number).hover()
        assert is_within(page)
    page.mouse.move(0, 0)
    page.locator(".jump").focus()
    page.keyboard.press("Tab")
    assert is_within(page)
    page.keyboard.press("Escape")
    expect(page.locator(".metric-meaning:visible")).to_have_count(0)
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert is_within(page)
    phone = open_page(narrow=True, has_touch=True)
    busiest(portal, phone)
    for number in range(4):
        phone.locator(".metric-name").nth(number).tap()
        assert is_within(phone)
        phone.get_by_role("heading", name="Orders", exact=True).tap()


def test_the_timeline_goes_on_as_one_scrolls_and_is_narrowed_down(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    busiest(portal, page)
    entries = page.locator("#timeline li.event")
    expect(entries).to_have_count(20)
    while page.locator(".event-more").count():
        before = entries.count()
        page.locator(".event-more").scroll_into_view_if_needed()
        expect(entries.nth(before)).to_be_attached()
    assert entries.count() > 100
    orders = page.get_by_role("link", name="Orders", exact=True)
    orders.focus()
    page.keyboard.press("Enter")
    expect(orders).to_have_attribute("aria-current", "true")
    expect(orders).to_be_focused()
    expect(entries.first).to_contain_text("Order #")


def test_a_key_is_shown_once_and_its_source_tells_at_once_that_data_arrives(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("customers/data-sources/new/"))
    page.get_by_label("Name").fill("Till in the shop")
    page.get_by_role("button", name="Make its key").click()
    key = page.locator("#write-key").inner_text()
    page.get_by_role("link", name="See whether data arrives").click()
    expect(page.locator(".live-state")).to_contain_text("Nothing yet")
    assert key not in page.content()
    call = {"writeKey": key, "userId": "u1", "event": "Logged In", "messageId": "till-1"}
    assert page.request.post("/segment/v1/track", data=call).status == 200
    expect(page.locator(".live-state")).to_contain_text("Arriving")


def test_the_audit_fits_a_telephone_and_opens_without_scripts(portal: Portal, open_page: Opener) -> None:
    page = open_page(narrow=True, java_script_enabled=False)
    page.goto(portal.path("customers/data-audit/"))
    groups = page.locator("details.audit-group")
    expect(groups).to_have_count(5)
    height = page.locator("body").bounding_box()
    assert height is not None
    assert height["height"] < 3_500
    groups.first.locator("summary").click()
    expect(groups.first.get_by_text("What the customer has paid so far.")).to_be_visible()
    percent = groups.first.locator(".audit-share span").first.bounding_box()
    assert percent is not None
    assert percent["x"] + percent["width"] < 375


def test_another_limit_of_plans_is_said_to_have_effect(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("customers/metrics/"))
    page.get_by_label("Mid from").fill("27")
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text("metrics of all customers are being made anew")
    page.goto(portal.path("customers/data-audit/"))
    expect(page.get_by_role("link", name=re.compile("being made anew|See the last run"))).to_be_visible()
