"""That the watch over the pages bites: each fault, put into a page on purpose, is found."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.portal import Portal
from tests.browser.watch import Watch, accessibility, frame

pytestmark = pytest.mark.browser


@pytest.fixture
def watch(portal: Portal) -> Watch:
    return Watch(urlsplit(portal.base).netloc)


@pytest.fixture
def page(new_context: Callable[..., BrowserContext], watch: Watch) -> Page:
    context = new_context()
    watch.over(context)
    page = context.new_page()
    page.goto("/accounts/login/")
    assert not watch.problems
    return page


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("() => { document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>') }", "content policy"),
        ("() => { setTimeout(() => { throw new Error('broken') }) }", "script error: broken"),
        ("() => { console.error('oh no') }", "console error: oh no"),
        ("() => { fetch('/no/such/page/') }", "404 for GET"),
        ("() => { location.assign('http://127.0.0.1:1/') }", "a request left the host"),
    ],
)
def test_complaints(fault: str, complaint: str, watch: Watch, page: Page) -> None:
    page.evaluate(fault)
    for _ in range(50):
        if any(complaint in problem for problem in watch.problems):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{complaint} is not among {watch.problems}")


def test_what_is_hard_to_read(page: Page) -> None:
    assert accessibility(page) == []
    page.locator("h1").evaluate("(heading) => { heading.style.color = '#eeeeee' }")
    page.get_by_label("E-mail").evaluate("(field) => field.removeAttribute('id')")
    found = accessibility(page)
    assert {problem.partition(":")[0] for problem in found} == {"color-contrast", "label"}


def test_what_is_too_wide(page: Page) -> None:
    assert frame(page)["wide"] == []
    page.locator("h1").evaluate("(heading) => { heading.style.width = '3000px' }")
    assert frame(page)["wide"]
    page.locator("body").evaluate("(body) => { body.style.overflowX = 'hidden' }")
    assert frame(page)["wide"]
