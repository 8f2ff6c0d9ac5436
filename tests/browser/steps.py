"""What the guide tells people to do, as a person with a mouse does it; and what a test arranges beforehand."""

from __future__ import annotations

import itertools
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from portal.demo_outside import KLAVIYO_KEY
from segments.sandbox.crowd import Group
from tests.browser.portal import Portal

_numbers = itertools.count(1)


def open_segments(page: Page) -> None:
    """Click Customers and select Segments from the dropdown."""
    page.goto("/s/juniper/")
    menu = page.get_by_role("navigation", name="Main")
    menu.get_by_text("Customers", exact=True).click()
    menu.get_by_role("link", name="Segments", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Segments")


def open_segment(page: Page, name: str) -> None:
    """Click on a specific segment name."""
    open_segments(page)
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def manage(page: Page, choice: str) -> None:
    """Click the Manage button and select `choice`."""
    page.get_by_role("button", name="Manage").click()
    page.locator(".heading-actions .dropdown-menu").get_by_role("link", name=choice, exact=True).click()


def bring_in(page: Page, path: Path) -> None:
    """Choose a file and upload it."""
    page.get_by_label("File", exact=True).set_input_files(path)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(path.name)


def counted(page: Page, outcome: str) -> Locator:
    """The number beside an outcome of a file's report."""
    row = page.locator(".outcome").filter(has=page.get_by_text(outcome, exact=True))
    return row.locator(".outcome-count")


def said(page: Page) -> Locator:
    """What the portal answers above the page."""
    return page.locator(".messages")


def members(page: Page) -> Locator:
    return page.locator("#results tbody tr")


def new_segment(portal: Portal, *emails: str, called: str = "Segment") -> tuple[int, str]:
    """A segment of its own, filled by hand with `emails`; its number and name."""
    name = f"{called} {next(_numbers)}"
    portal.owner.post(portal.path(f"segments/new/how/?name={name}"), {"name": name, "how": "later"})
    number = int(portal.value("SELECT id FROM segments_segment WHERE name = %s", name))
    for email in emails:
        portal.owner.post(portal.path(f"segments/{number}/add/"), {"email": email})
    return number, name


def connect(portal: Portal) -> None:
    """Connect Klaviyo, unless it is, and have the names of its lists known."""
    page = portal.path("settings/connections/")
    if "Connect Klaviyo" in portal.owner.get(page).text:
        portal.owner.post(f"{page}klaviyo/connect/", {"api_key": KLAVIYO_KEY})
    else:
        portal.owner.press(page, f"{page}klaviyo/refresh/")
    portal.settled("SELECT count(*) = 0 FROM portal_job WHERE kind LIKE 'segments.index%' AND finished_at IS NULL")


def disconnect(portal: Portal) -> None:
    """Have Klaviyo be connected no more."""
    page = portal.path("settings/connections/")
    if "Connect Klaviyo" not in portal.owner.get(page).text:
        portal.owner.post(f"{page}klaviyo/disconnect/", {})


def new_list(portal: Portal, *members: str | tuple[str, None], called: str = "List") -> tuple[Group, str]:
    """A list at Klaviyo, whose name the portal does not know yet; the list, and its name."""
    number = next(_numbers)
    name = f"{called} {number}"
    return portal.klaviyo.list(f"LsT{number:03}", name, members), name


def followed(portal: Portal, name: str) -> int:
    """A segment that follows the list of this name, whose names are known; its number."""
    number, _ = new_segment(portal, called="Follows")
    group = portal.value("SELECT id FROM segments_externalgroup WHERE name = %s", name)
    confirm = portal.path(f"segments/{number}/external/confirm/")
    portal.owner.press(f"{confirm}?group={group}", confirm, group=group)
    synced(portal, number)
    return number


def synced(portal: Portal, number: int) -> int:
    """Wait until the segment's last sync has ended; its number."""
    last = "SELECT max(id) FROM segments_sync WHERE segment_id = %s"
    job = "SELECT min(finished_at IS NOT NULL) FROM portal_job WHERE subject_type = 'segments.sync' AND subject_id = %s"
    sync = int(portal.value(last, number))
    portal.settled(job, sync)
    return sync


def customers(portal: Portal, count: int) -> list[str]:
    """E-mail addresses of customers, other ones at each call."""
    query = "SELECT email FROM customers_customer WHERE store_id = (SELECT id FROM portal_store WHERE slug = 'juniper')"
    place = next(_numbers) * 100 % 4_800
    with portal.installation.rows(f"{query} ORDER BY id DESC LIMIT {count} OFFSET {place}") as rows:
        return [row[0] for row in rows]
