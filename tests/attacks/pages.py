"""Pages as an attacker reads them: their forms, their links, and every name that a field goes by."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Form:
    """A form: `fields` as they would be sent untouched, `offered` what else may be chosen."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    offered: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    required: set[str] = field(default_factory=set)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.fields + self.offered} | set(self.files)

    def data(self) -> dict[str, Any]:
        """What is sent by somebody who fills in no more than has to be: words, or an address."""
        values: dict[str, Any] = {}
        for name, value in self.fields:
            told = "fresh@maple.example" if "email" in name else "Fresh words"
            values.setdefault(name, []).append(value or (told if name in self.required else ""))
        return values


@dataclass
class Read:
    """A page taken apart."""

    forms: list[Form] = field(default_factory=list)
    links: set[str] = field(default_factory=set)
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    scripts: list[tuple[dict[str, str], str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base, self.page = base, Read()
        self.by_id: dict[str, Form] = {}
        self.loose: list[tuple[str, dict[str, str]]] = []
        self.form: Form | None = None
        self.select: tuple[Form | None, str, list[str], list[str]] | None = None
        self.area: tuple[Form | None, str] | None = None
        self.raw: list[tuple[dict[str, str], str]] = []
        self.in_raw = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.page.tags.append((tag, given))
        for name in ("href", "hx-get"):
            if name in given and tag != "link":
                self.page.links.add(urljoin(self.base, given[name]))
        for name in ("hx-post", "formaction"):
            if name in given:
                self.page.forms.append(Form(urljoin(self.base, given[name]), "post"))
        if tag == "form":
            self.form = Form(urljoin(self.base, given.get("action") or self.base), given.get("method", "get").lower())
            self.page.forms.append(self.form)
            self.by_id[given.get("id", "")] = self.form
        elif tag in ("input", "button", "textarea", "select") and "name" in given:
            self._field(tag, given)
        elif tag == "option" and self.select:
            (self.select[2] if "selected" in given else self.select[3]).append(given.get("value", ""))
        self.in_raw = tag in ("script", "style")
        if self.in_raw:
            self.page.scripts.append((given, ""))

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form = self.by_id.get(given["form"]) if "form" in given else self.form
        if form is not None and "required" in given:
            form.required.add(given["name"])
        if form is None:
            self.loose.append((tag, given))
        elif given.get("type") == "file":
            form.files.append(given["name"])
        elif tag == "select":
            self.select = (form, given["name"], [], [])
        elif tag == "textarea":
            form.fields.append((given["name"], ""))
        else:
            ticked = given.get("type") in ("checkbox", "radio", "submit") or tag == "button"
            is_left = ticked and "checked" not in given
            said = given.get("value", "on" if ticked else "")
            (form.offered if is_left else form.fields).append((given["name"], said))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "select" and self.select:
            form, name, chosen, others = self.select
            if form is not None:
                form.fields.append((name, (chosen or others or [""])[0]))
                form.offered += [(name, value) for value in chosen + others]
            self.select = None
        self.in_raw = False

    def handle_data(self, data: str) -> None:
        if self.in_raw:
            given, before = self.page.scripts[-1]
            self.page.scripts[-1] = (given, before + data)

    def handle_comment(self, data: str) -> None:
        self.page.comments.append(data)

    def finish(self) -> Read:
        # A control may name a form that comes after it in the page.
        for _, given in self.loose:
            form = self.by_id.get(given.get("form", ""))
            if form is not None:
                form.offered.append((given["name"], given.get("value", "on")))
        return self.page


def read(html: str, base: str) -> Read:
    """The page that stands at the path `base`."""
    reader = _Reader(base)
    reader.feed(html)
    reader.close()
    return reader.finish()


def path_of(address: str) -> str | None:
    """The path and query of an address of ours; None for one that leads elsewhere."""
    parts = urlsplit(address)
    if parts.netloc not in ("", "testserver") or parts.scheme not in ("", "http", "https"):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
