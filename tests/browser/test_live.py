"""What happens on a page without a reload: searching, work that goes on, colours, the chart."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener
from tests.browser.portal import Portal
from tests.browser.steps import members
from tests.browser.watch import accessibility

pytestmark = pytest.mark.browser

MARK = "() => { window.isTheSamePage = true; }"
IS_MARKED = "() => window.isTheSamePage === true"
SLOW_WORK = """
INSERT INTO portal_job (
  store_id, kind, label, needs, queue, state, phase, payload, cursor, caution, done, total, result, error,
  subject_type, attempts, lease_token, lease_until, due_at, created_at
)
SELECT id, 'test.slow', 'Slow work', '', 'bulk', 'running', 'Counting', '{}', '{}', '{}', 1200, 4800, '{}', '', '', 1,
  1, '2099-01-01', '2026-01-01', '2026-01-01'
FROM portal_store WHERE slug = 'juniper'
"""
FIRST_COLOURS = """
document.addEventListener("readystatechange", () => {
  window.firstColours ??= document.documentElement.dataset.bsTheme;
});
"""


def test_search_follows_typing(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("segments/"))
    page.evaluate(MARK)
    expect(members(page)).not_to_have_count(1)
    everything = members(page).count()
    box = page.get_by_role("searchbox", name="Search segments")
    box.press_sequentially("spend", delay=20)
    expect(members(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=spend$"))
    expect(page.locator("[data-said]")).to_contain_text("1 segment")
    expect(box).to_be_focused()
    assert page.evaluate(IS_MARKED)
    box.fill("no such segment")
    expect(page.get_by_text("No segment is called that")).to_be_visible()
    assert accessibility(page) == []
    page.get_by_role("link", name="Show all segments").click()
    expect(members(page)).to_have_count(everything)
    page.go_back()
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?q=spend$"))
    expect(members(page)).to_have_count(1)
    expect(page.get_by_role("searchbox", name="Search segments")).to_have_value("spend")


def test_pages_turn_and_come_back(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("customers/"))
    page.evaluate(MARK)
    first = members(page).first.inner_text()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("link", name="Previous")).to_be_visible()
    expect(members(page).first).not_to_have_text(first, use_inner_text=True)
    assert page.evaluate(IS_MARKED)
    page.go_back()
    expect(members(page).first).to_have_text(first, use_inner_text=True)
    page.get_by_role("link", name="E-mail").click()
    expect(page).to_have_url(re.compile("sort="))
    emails = [text.casefold() for text in members(page).locator(".table-main").all_inner_texts()]
    assert emails == sorted(emails)


def test_filters_narrow_the_list(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("customers/"))
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Marketing consent").select_option(label="Unsubscribed")
    assert accessibility(page) == []
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("consent=unsubscribed"))
    expect(page.get_by_role("button", name="Filters")).to_contain_text("1")
    told = {text.strip() for text in members(page).locator(".mark").all_inner_texts()}
    assert told == {"Unsubscribed"}


def test_progress_is_live_and_ends(portal: Portal, open_page: Opener) -> None:
    """The run's row is written by the test in place of a worker, so that each step can be seen."""
    portal.write(SLOW_WORK)
    number = portal.value("SELECT max(id) FROM portal_job WHERE kind = 'test.slow'")
    page = open_page()
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/progress/" in request.url else None)
    page.goto(portal.path(f"runs/{number}/"))
    page.evaluate(MARK)
    numbers = page.locator(".run-numbers")
    expect(numbers).to_contain_text("1,200 of 4,800")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "25")
    assert accessibility(page) == []
    portal.write("UPDATE portal_job SET done = 3600 WHERE id = ?", number)
    page.clock.run_for(1100)
    expect(numbers).to_contain_text("3,600 of 4,800")
    expect(page.locator("[data-run-said]")).to_have_text(re.compile("75 percent"))
    assert page.evaluate(IS_MARKED)
    portal.write(
        "UPDATE portal_job SET done = 4800, state = 'succeeded', finished_at = '2026-01-02' WHERE id = ?", number
    )
    page.clock.run_for(1100)
    expect(page.locator("[data-state=succeeded]").first).to_be_visible()
    count = len(asked)
    page.clock.run_for(10_000)
    assert len(asked) == count


def choose_colours(page: Page, name: str) -> None:
    page.get_by_text("Your account").locator("..").click()
    page.get_by_text(name, exact=True).click()


def test_the_choice_of_colours_stays(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("segments/"))
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "light")
    choose_colours(page, "Dark")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    assert accessibility(page) == []
    page.add_init_script(FIRST_COLOURS)
    page.reload()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    assert page.evaluate("() => window.firstColours") == "dark"
    # The script that chooses holds up the first paint.
    boot = page.locator("head script").first
    expect(boot).to_have_attribute("src", re.compile("theme-boot"))
    assert not boot.evaluate("(script) => script.async || script.defer || script.type === 'module'")
    choose_colours(page, "Light")
    expect(root).to_have_attribute("data-bs-theme", "light")


def test_the_chart_and_its_table(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("segments/"))
    page.get_by_role("link", name="Big Spenders", exact=True).click()
    expect(page.locator("[data-chart] svg path").first).to_be_attached()
    table = page.locator("[data-chart] table")
    expect(table).to_be_hidden()
    page.get_by_text("Show as a table").click()
    expect(table).to_be_visible()
    expect(table.locator("tbody tr")).to_have_count(90)
    latest = table.locator("tbody tr").first.locator("td")
    expect(latest).to_have_text(page.locator(".segment-figure").inner_text())
    assert accessibility(page) == []
    page.get_by_role("link", name="30 days").click()
    expect(page.locator("[data-chart] table tbody tr")).to_have_count(30)


def test_times_and_numbers_are_told_for_people(portal: Portal, open_page: Opener) -> None:
    page = open_page()
    page.goto(portal.path("segments/"))
    row = members(page).filter(has_text="Tea lovers")
    expect(row).to_contain_text(re.compile(r"\d,\d{3}"))
    time = row.locator("time").first
    expect(time).to_have_attribute(
        "title", re.compile(r"^\d{1,2} \w{3} \d{4}, \d\d:\d\d:\d\d \(America/Los_Angeles\)$")
    )
    expect(time).to_have_attribute("datetime", re.compile(r"-0[78]:00$"))
    page.goto("/s/corner/customers/")
    expect(members(page).first.locator("time").first).to_have_attribute("title", re.compile(r"\(Europe/London\)$"))
    expect(page.get_by_text("times in Europe/London")).to_be_visible()
