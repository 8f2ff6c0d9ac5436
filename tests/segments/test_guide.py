"""The guide to managing segments, step by step: every word that it names is there, and leads where it says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from portal.models import Store, User
from segments.models import Segment
from tests.conftest import make_customer
from tests.segments.conftest import as_file, emails_in

pytestmark = pytest.mark.django_db


class Page(HTMLParser):
    """The links and buttons of a page by the words on them, and the forms that the buttons send."""

    def __init__(self, client: Client, answer: Any) -> None:
        super().__init__()
        self.client, self.answer, self.text = client, answer, answer.content.decode()
        self.links: dict[str, str] = {}
        self.buttons: dict[str, dict[str, Any]] = {}
        self.forms: list[dict[str, Any]] = []
        self.open: tuple[str, dict[str, str]] | None = None
        self.words = ""
        self.feed(self.text)

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        attrs = {name: value or "" for name, value in pairs}
        if tag == "form":
            self.forms.append({"action": attrs.get("action", ""), "method": attrs.get("method", "get"), "data": {}})
        elif tag == "input" and self.forms and attrs.get("name"):
            is_off = attrs.get("type") in {"radio", "checkbox"} and "checked" not in attrs
            if not is_off:
                self.forms[-1]["data"][attrs["name"]] = attrs.get("value", "")
        elif tag in {"a", "button", "summary"}:
            self.open, self.words = (tag, attrs), ""

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_endtag(self, tag: str) -> None:
        if self.open is None or self.open[0] != tag:
            return
        words, attrs = " ".join(self.words.split()), self.open[1]
        if tag == "a":
            self.links.setdefault(words, attrs.get("href", ""))
        else:
            form = self.forms[-1] if self.forms else {}
            self.buttons.setdefault(words, {"form": form, "attrs": attrs})
        self.open = None

    def click(self, words: str) -> Page:
        """Follow the link with these words."""
        return Page(self.client, self.client.get(self.links[words], follow=True))

    def press(self, words: str, **data: Any) -> Page:
        """Press the button with these words, having filled in `data`."""
        form = self.buttons[words]["form"]
        assert form["method"] == "post"
        where = form["action"] or self.answer.request["PATH_INFO"]
        return Page(self.client, self.client.post(where, {**form["data"], **data}, follow=True))


@pytest.fixture
def start(client: Client, store: Store) -> Page:
    """Where a person lands after signing in."""
    return Page(client, client.get(f"/s/{store.slug}/"))


@pytest.fixture
def ada(store: Store) -> Any:
    return make_customer(store, "ada@x.example", first_name="Ada", last_name="Byron")


def to_segments(page: Page) -> Page:
    """Click Customers and select Segments from the dropdown."""
    assert "Customers" in page.buttons
    assert "All customers" in page.links
    return page.click("Segments")


def test_create_a_segment(start: Page, store: Store) -> None:
    page = to_segments(start).click("Create new segment").press("Next", name="Free Gift")
    for way in ("Add customer", "Bulk import customers", "Import external segment"):
        assert way in page.text
    page = page.press("Next", how="add")
    assert "Add customer" in page.text
    assert Segment.objects.for_store(store).get().name == "Free Gift"
    assert "Free Gift" in to_segments(page).links


def test_manually_add_a_customer(start: Page, segment: Segment, ada: Any) -> None:
    page = to_segments(start).click("Big Spenders")
    assert "Manage" in page.buttons
    page = page.click("Add customer").press("Add", email="ada@x.example")
    assert "ada@x.example" in page.links
    assert emails_in(segment) == {"ada@x.example"}


def test_upload_a_csv(start: Page, segment: Segment, ada: Any, run_jobs: Any) -> None:
    page = to_segments(start).click("Big Spenders").click("Bulk import customers")
    template: Any = page.client.get(page.links["Download template"])
    assert "attachment" in template["Content-Disposition"]
    header = b"".join(template.streaming_content)
    completed = header + b"ada@x.example,Countess Ada,555 0100\r\nnobody@x.example,,\r\n"
    page = page.press("Upload", file=as_file(completed, "template.csv"))
    run_jobs()
    page = Page(page.client, page.client.get(page.answer.request["PATH_INFO"])).press("Import")
    run_jobs()
    page = page.click("See the segment")
    assert "ada@x.example" in page.links
    assert "Countess Ada" in page.text
    assert "555 0100" in page.text
    assert "nobody@x.example" not in page.text


def test_import_an_external_segment(start: Page, segment: Segment) -> None:
    page = to_segments(start).click("Big Spenders").click("Import external segment")
    assert "Connect Klaviyo first" in page.text


def test_delete_a_segment(start: Page, segment: Segment, run_jobs: Any) -> None:
    page = to_segments(start).click("Big Spenders").click("Delete Segment")
    assert "permanent and cannot be undone" in page.text
    page = page.press("Delete Segment", confirm="Big Spenders")
    assert "Big Spenders" not in page.links
    run_jobs()
    assert not Segment.everywhere.exists()


def test_remove_a_customer(start: Page, segment: Segment, ada: Any, owner: User) -> None:
    page = to_segments(start).click("Big Spenders").click("Add customer").press("Add", email="ada@x.example")
    row = re.search(rf'<tr[^>]*data-member="{ada.pk}".*?</tr>', page.text, re.DOTALL)
    assert row
    assert re.search(r">Action<span[^>]*> for ada@x.example<", row.group())
    page = page.press("Delete")
    assert "ada@x.example" not in page.links
    assert emails_in(segment) == set()
