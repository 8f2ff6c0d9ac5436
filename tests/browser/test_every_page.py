"""Every page of the portal, wide and narrow, light and dark: nothing broken, nothing cut off, nothing hard to read."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, Opener
from tests.browser.furniture import furnish
from tests.browser.places import DATA, FILES, FRAGMENTS, MORE, NO_PAGES, Place, generated
from tests.browser.portal import Portal
from tests.browser.watch import accessibility, frame
from tests.test_access_matrix import ALL

pytestmark = pytest.mark.browser

SKIPPED: tuple[str, ...] = ()
"""Pages that are not looked at. It stays empty."""

PLACES = [*generated(), *MORE]


@pytest.fixture(scope="session")
def furniture(portal: Portal) -> dict[str, Any]:
    return furnish(portal)


def test_every_route_is_known() -> None:
    assert not SKIPPED
    known = {place.route for place in PLACES} | FRAGMENTS | FILES | DATA | NO_PAGES
    opened = {route.name for route in ALL if "GET" in getattr(route.view, "methods", ("GET",))}
    assert not opened - known
    assert not (FRAGMENTS | FILES | DATA) - opened, "these are no routes any more"


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_page(place: Place, furniture: dict[str, Any], open_page: Opener) -> None:
    page = open_page(place.person)
    url = place.url(furniture)
    answer = page.goto(url)
    assert answer is not None
    if place.may_be_closed and answer.status == 403:
        return  # what is said then is a place of its own
    assert answer.status == place.status, page.url
    found = look(page)
    page.emulate_media(color_scheme="dark")
    if place.has_themes:
        expect(page.locator("html[data-bs-theme=dark]")).to_be_attached()
    found |= {"in the dark": accessibility(page, "color-contrast")}
    page.set_viewport_size(NARROW)
    page.goto(url)
    found |= {f"narrow and dark: {name}": value for name, value in look(page).items()}
    found = {name: value for name, value in found.items() if value}
    assert not found, f"{page.url}\n" + "\n".join(f"{name}:\n  " + "\n  ".join(value) for name, value in found.items())


def look(page: Page) -> dict[str, list[str]]:
    """What is wrong with the page as it stands; kind of trouble → the places."""
    seen = frame(page)
    return {
        "title": [] if seen["title"].removesuffix("Coterie").strip(" ·|") else [f"“{seen['title']}”"],
        "headings": [] if len(seen["headings"]) == 1 and seen["headings"][0] else [str(seen["headings"])],
        "too wide": seen["wide"],
        "accessibility": accessibility(page),
    }
