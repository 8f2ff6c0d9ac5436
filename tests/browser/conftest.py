"""A browser, and people of the demo who sit at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, ViewportSize, expect

from portal.demo import PASSWORD
from tests.browser.portal import Portal, running
from tests.browser.watch import Watch

WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 375, "height": 812}
PATIENCE = 15_000

Opener = Callable[..., Page]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    executable = os.environ.get("COTERIE_TEST_CHROMIUM") or shutil.which("chromium")
    given = {"executable_path": executable} if executable else {}
    return {**browser_type_launch_args, **given, "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    # The browser's event loop stays for the rest of the run, and Django would refuse its database beside one.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE)
    with running(tmp_path_factory.mktemp("portal")) as made:
        yield made


@pytest.fixture(scope="session")
def base_url(portal: Portal) -> str:
    return portal.base


@pytest.fixture(scope="session")
def sessions(browser: Browser, portal: Portal) -> Callable[[str], StorageState]:
    """The cookies of a person who has signed in once, at the page."""
    kept: dict[str, StorageState] = {}

    def session(person: str) -> StorageState:
        if person not in kept:
            context = browser.new_context(base_url=portal.base)
            sign_in(context.new_page(), person)
            kept[person] = context.storage_state()
            context.close()
        return kept[person]

    return session


def sign_in(page: Page, person: str) -> None:
    """Sign in by the form, and wait for the page that follows."""
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(f"{person}@demo.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


@pytest.fixture
def open_page(
    new_context: Callable[..., BrowserContext], portal: Portal, sessions: Callable[[str], StorageState]
) -> Iterator[Opener]:
    """Open a page as a person, or as nobody (None). Whatever the browser complains of meanwhile fails the test."""
    watches: list[Watch] = []

    def opened(person: str | None = "owner", *, narrow: bool = False, **options: Any) -> Page:
        state = {"storage_state": sessions(person)} if person else {}
        context = new_context(viewport=NARROW if narrow else WIDE, reduced_motion="reduce", **state, **options)
        context.set_default_timeout(PATIENCE)
        watch = Watch(urlsplit(portal.base).netloc)
        watch.over(context)
        watches.append(watch)
        return context.new_page()

    yield opened
    problems = [problem for watch in watches for problem in watch.problems]
    assert not problems, "\n".join(problems)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file to upload."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
