"""The portal by the keyboard alone: nothing is clicked here, and wherever the focus goes it can be seen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.demo import PASSWORD
from tests.browser.conftest import Opener
from tests.browser.portal import Portal
from tests.browser.steps import customers, members, new_segment, said

pytestmark = pytest.mark.browser

MOST_STOPS = 80

FOCUS = """
() => {
  const here = document.activeElement;
  if (!here || here === document.body) return { who: "nothing", seen: true };
  // A choice that is only there for its words shows its focus on them.
  const isChoice = here.matches("[type=radio], [type=checkbox]");
  const shown = isChoice ? [here, here.nextElementSibling, here.closest("label")] : [here];
  const ring = (element) => {
    const style = getComputedStyle(element);
    const isField = element.matches("input, select, textarea");
    if (isField && style.boxShadow !== "none") return true;
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  };
  const box = (element) => element.getBoundingClientRect();
  const inView = (element) => {
    const { left, right, top, bottom, width, height } = box(element);
    return width > 2 && height > 2 && right > 0 && left < innerWidth && bottom > 0 && top < innerHeight;
  };
  const visible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  return {
    who: here.outerHTML.slice(0, 160),
    seen: shown.filter(Boolean).some((element) => ring(element) && inView(element) && visible(element)),
  };
}
"""


def press(page: Page, *keys: str) -> None:
    """Press keys one after the other; where the focus is afterwards can be seen."""
    for key in keys:
        page.keyboard.press(key)
    focus = page.evaluate(FOCUS)
    assert focus["seen"], f"After {keys} the focus cannot be seen: {focus['who']}"


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press Tab until the target has the focus, and see it at every stop."""
    expect(target).to_have_count(1)
    for _ in range(MOST_STOPS):
        if target.evaluate("(element) => element === document.activeElement"):
            return
        press(page, key)
    raise AssertionError(f"{target} was not reached in {MOST_STOPS} stops")


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def test_sign_in_and_out(open_page: Opener) -> None:
    page = open_page(None)
    page.goto("/accounts/login/")
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type("manager@demo.example")
    tab_to(page, page.get_by_label("Password", exact=True))
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/s/juniper/")
    tab_to(page, page.locator("summary", has_text="Your account"))
    press(page, "Enter")
    tab_to(page, page.get_by_role("button", name="Sign out"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/login/**")


def test_skip_to_the_content(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("customers/"))
    press(page, "Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    press(page, "Tab")
    expect(page.locator("#main :focus")).to_have_count(1)


def test_create_a_segment(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path())
    menu = page.get_by_role("navigation", name="Main")
    group = menu.locator("summary", has_text="Customers")
    tab_to(page, group)
    press(page, "Enter")
    tab_to(page, menu.get_by_role("link", name="Segments", exact=True))
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Segments")
    tab_to(page, page.get_by_role("link", name="Create new segment"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Typed by hand")
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Typed by hand")
    tab_to(page, page.get_by_role("radio", name="Add customer"))
    press(page, "ArrowDown", "ArrowDown", "ArrowDown")
    expect(page.get_by_role("radio", name="Later")).to_be_checked()
    tab_to(page, page.get_by_role("button", name="Next"))
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text("“Typed by hand” is created.")


def test_the_manage_menu(portal: Portal, open_page: Opener) -> None:
    number, name = new_segment(portal)
    page = open_page()
    page.goto(portal.path(f"segments/{number}/"))
    button = page.get_by_role("button", name="Manage")
    tab_to(page, button)
    press(page, "Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    press(page, "ArrowDown")
    menu = page.locator(".heading-actions .dropdown-menu")
    expect(menu.get_by_role("link", name="Add customer")).to_be_focused()
    press(page, "Escape")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
    press(page, "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown")
    expect(menu.get_by_role("link", name="Rename")).to_be_focused()
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Rename")
    tab_to(page, page.get_by_label("Name"))
    press(page, "End")
    page.keyboard.type(" (new)")
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text(f"“{name}” is called “{name} (new)” now.")


def test_suggestions(portal: Portal, open_page: Opener) -> None:
    number, name = new_segment(portal)
    page = open_page()
    page.goto(portal.path(f"segments/{number}/add/"))
    field = page.get_by_role("combobox")
    tab_to(page, field)
    page.keyboard.type("hayes", delay=5)
    expect(field).to_have_attribute("aria-expanded", "true")
    press(page, "ArrowDown")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    press(page, "Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(field).to_have_value("hayes")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("listbox")).to_be_visible()
    press(page, "ArrowDown", "ArrowDown")
    second = page.get_by_role("option").nth(1)
    expect(second).to_have_attribute("aria-selected", "true")
    email = second.get_attribute("data-value")
    press(page, "Enter")
    expect(field).to_have_value(str(email))
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text(f"{email} is added to “{name}”.")


def test_remove_a_member(portal: Portal, open_page: Opener) -> None:
    first, second = customers(portal, 2)
    number, _ = new_segment(portal, first, second)
    page = open_page()
    page.goto(portal.path(f"segments/{number}/"))
    action = page.get_by_role("button", name=f"Action for {first}")
    tab_to(page, page.get_by_role("link", name=first))
    tab_to(page, action)
    expect(action).to_have_css("opacity", "1")
    press(page, "Enter", "ArrowDown")
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text(f"{first} is removed")
    expect(members(page)).to_have_count(1)


def test_choose_and_remove(portal: Portal, open_page: Opener) -> None:
    emails = customers(portal, 3)
    number, _ = new_segment(portal, *emails)
    page = open_page()
    page.goto(portal.path(f"segments/{number}/"))
    tab_to(page, page.get_by_label("Select all on this page"))
    press(page, "Space")
    tab_to(page, page.get_by_role("button", name="Remove selected"))
    press(page, "Enter")
    question = page.get_by_role("dialog")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(page.get_by_role("button", name="Remove selected")).to_be_focused()
    press(page, "Enter")
    tab_to(page, question.get_by_role("button", name="Remove"))
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text("3 customers are removed")


def test_the_colours(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("runs/"))
    summary = page.locator("summary", has_text="Your account")
    tab_to(page, summary)
    press(page, "Enter")
    tab_to(page, page.get_by_role("radio", name="Auto"))
    press(page, "ArrowLeft")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    press(page, "Escape")
    expect(summary).to_be_focused()
    expect(page.get_by_role("radio", name="Auto")).to_be_hidden()


def test_the_menu_of_a_small_screen(portal: Portal, open_page: Opener) -> None:
    page = open_page(narrow=True)
    page.goto(portal.path())
    tab_to(page, page.get_by_role("button", name="Menu"))
    press(page, "Enter")
    menu = page.get_by_role("navigation", name="Main")
    tab_to(page, menu.locator("summary", has_text="Customers"))
    press(page, "Enter")
    tab_to(page, menu.get_by_role("link", name="All customers"))
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("All customers")


@pytest.mark.parametrize("rest", ["", "segments/", "customers/", "audit/", "settings/staff/", "customers/import/"])
def test_every_stop_can_be_seen(rest: str, portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path(rest))
    press(page, "Tab")
    for _ in range(30):
        press(page, "Tab")
    assert re.search("juniper", page.url)
