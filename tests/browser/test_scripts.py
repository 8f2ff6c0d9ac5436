"""Markup in names and files, in a real browser: nothing of it runs, and the content policy has nothing to refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.browser.conftest import Opener
from tests.browser.portal import Portal

pytestmark = pytest.mark.browser

PAYLOADS = (
    "<script>window.__x=1</script>",
    "<img src=x onerror=window.__x=1>",
    '"><svg onload=window.__x=1>',
    "'autofocus onfocus='window.__x=1",
    "</script><script>window.__x=1</script>",
    "<style>*{background:url(//elsewhere.example)}</style>",
    "<iframe srcdoc='<script>parent.__x=1</script>'></iframe>",
    "<base href=//elsewhere.example><b style='color:red'>",
)


PATHS = (
    "",
    "customers/",
    "customers/{person}/",
    "segments/",
    "segments/{segment}/",
    "segments/{segment}/add/",
    "segments/{segment}/delete/",
    "customers/?q=%3Cscript%3Ewindow.__x=1%3C/script%3E",
)
SEGMENT = """
SELECT segment.id FROM segments_segment AS segment JOIN portal_store AS store ON store.id = segment.store_id
WHERE store.slug = 'juniper' AND deleted_at IS NULL AND member_count > 8
"""
PEOPLE = "SELECT customer_id FROM segments_membership WHERE segment_id = ? ORDER BY added_at DESC LIMIT 1 OFFSET ?"
NAMES = "SELECT json_array(first_name, last_name, phone, id) FROM customers_customer WHERE id = ?"
RENAME = "UPDATE customers_customer SET first_name = ?, last_name = ?, phone = ? WHERE id = ?"
DESCRIBE = "UPDATE segments_segment SET name = ?, description = ? WHERE id = ?"


@pytest.fixture
def littered(portal: Portal) -> Iterator[dict[str, int]]:
    """The ids of a segment and of one of its members, which have payloads for names meanwhile."""
    segment = portal.value(SEGMENT)
    name = portal.value("SELECT name FROM segments_segment WHERE id = ?", segment)
    people = [portal.value(PEOPLE, segment, at) for at in range(len(PAYLOADS))]
    before = [json.loads(portal.value(NAMES, person)) for person in people]
    portal.write(DESCRIBE, PAYLOADS[2], PAYLOADS[1], segment)
    for person, text in zip(people, PAYLOADS, strict=True):
        portal.write(RENAME, text, text, text[:50], person)
    yield {"segment": segment, "person": people[1]}
    portal.write(DESCRIBE, name, "", segment)
    for each in before:
        portal.write(RENAME, *each)


def test_nothing_written_runs(portal: Portal, littered: dict[str, int], open_page: Opener) -> None:
    """The watch over the pages fails the test for a refusal of the content policy, and for a request that leaves."""
    page = open_page("owner")
    for path in PATHS:
        page.goto(portal.path(path.format(**littered)))
        assert page.evaluate("() => window.__x") is None, path
        assert page.locator("iframe, base").count() == 0
    page.goto(portal.path("segments/{segment}/add/".format(**littered)))
    page.get_by_role("combobox").first.fill("script")
    page.wait_for_timeout(1_500)
    assert page.evaluate("() => window.__x") is None
