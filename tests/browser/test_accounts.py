"""A person's own account in a real browser: two-step sign-in from the picture to the code, sessions, and leaving."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from allauth.mfa.totp.internal import auth as totp
from playwright.sync_api import Page, expect

from portal.demo import PASSWORD
from tests.browser.conftest import NARROW, WIDE, Opener, sign_in
from tests.browser.portal import Portal
from tests.browser.test_every_page import look
from tests.browser.watch import accessibility

pytestmark = pytest.mark.browser
PERSON = "manager"


def code(secret: str, later: int = 0) -> str:
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + later))


def looks_right(page: Page) -> None:
    """Wide and narrow, light and dark."""
    found = look(page)
    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="dark")
    found |= {f"narrow and dark: {name}": value for name, value in look(page).items()}
    found |= {"in the dark": accessibility(page, "color-contrast")}
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    assert not [value for value in found.values() if value], found


def confirm(page: Page) -> None:
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    looks_right(page)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()


def set_up(page: Page, tmp_path: Path) -> tuple[str, list[str]]:
    """Turn two-step sign-in on; the key, and the recovery codes."""
    page.goto("/s/juniper/")
    page.locator("summary.shell-person-button").click()
    page.get_by_role("link", name="My account").click()
    page.get_by_role("link", name="Two-step sign-in").click()
    looks_right(page)
    page.get_by_role("link", name="Set it up").click()
    confirm(page)
    picture = page.get_by_role("img", name="The key below, as a picture")
    expect(picture).to_be_visible()
    assert picture.evaluate("picture => picture.naturalWidth > 50")
    looks_right(page)
    secret = page.locator("#totp-secret").inner_text()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("This code is not right")).to_be_visible()
    assert page.locator("#totp-secret").inner_text() == secret
    page.get_by_label("Code").fill(code(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    looks_right(page)
    codes = page.locator(".recovery-codes li").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "codes.txt")
    assert re.findall(r"^\d{8}$", (tmp_path / "codes.txt").read_text(), re.MULTILINE) == codes
    page.get_by_role("link", name="I have saved them").click()
    return secret, codes


@pytest.mark.parametrize("with_scripts", [True, False])
def test_two_steps(portal: Portal, open_page: Opener, tmp_path: Path, with_scripts: bool) -> None:
    page = open_page(None)
    sign_in(page, PERSON)
    secret, codes = set_up(page, tmp_path)
    page.close()
    other = open_page(None, java_script_enabled=with_scripts)
    other.goto("/accounts/login/?next=/s/juniper/segments/")
    other.get_by_label("E-mail").fill(f"{PERSON}@demo.example")
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.get_by_role("button", name="Sign in", exact=True).click()
    expect(other.get_by_role("heading", name="Enter your code")).to_be_visible()
    if with_scripts:
        looks_right(other)
    other.get_by_label("Code").fill(code(secret, later=1))
    other.get_by_role("button", name="Sign in", exact=True).click()
    other.wait_for_url("**/s/juniper/segments/")
    turn_off(other, codes[0], with_scripts=with_scripts)


def turn_off(page: Page, recovery_code: str, *, with_scripts: bool) -> None:
    page.goto("/accounts/2fa/")
    if with_scripts:
        looks_right(page)
    page.get_by_role("link", name="Turn off").click()
    page.get_by_label("Code").fill(recovery_code)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Turn off two-step sign-in?")).to_be_visible()
    if with_scripts:
        looks_right(page)
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_text("Two-step sign-in is off.")).to_be_visible()


def test_ending_another_session(portal: Portal, open_page: Opener) -> None:
    here, there = open_page(None), open_page(None)
    sign_in(here, PERSON)
    sign_in(there, PERSON)
    here.goto("/accounts/sessions/")
    looks_right(here)
    here.get_by_role("button", name="End all others").click()
    expect(here.get_by_text("You are signed out everywhere else.")).to_be_visible()
    there.goto("/s/juniper/")
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()
    here.goto("/accounts/activity/")
    expect(here.get_by_text("Sessions ended: All others")).to_be_visible()
    looks_right(here)


def test_a_store_that_asks_for_it(portal: Portal, open_page: Opener) -> None:
    page = open_page(None)
    sign_in(page, PERSON)
    portal.write("UPDATE portal_store SET requires_second_factor = 1 WHERE slug = 'juniper'")
    try:
        page.goto("/s/juniper/segments/")
        expect(page.get_by_role("heading", name="Set up two-step sign-in")).to_be_visible()
        expect(page.get_by_text("asks everybody who works there for it")).to_be_visible()
        looks_right(page)
    finally:
        portal.write("UPDATE portal_store SET requires_second_factor = 0 WHERE slug = 'juniper'")
    page.goto("/s/juniper/segments/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Segments")
