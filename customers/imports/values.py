"""What the cells of a customer file mean: each reader takes a cell's text and gives a value, or says what is wrong."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

from customers.imports.dates import read_date
from customers.imports.layouts import ATTRIBUTE_NAME_LENGTH
from customers.models import Consent

TAG_LENGTH = 100
TAGS_AT_MOST = 250
ATTRIBUTE_LENGTH = 5_000

BLANKS = frozenset({"-", "–", "n/a", "na", "null", "none", "nan", "#n/a"})
_SAYS: dict[str, str] = {
    "yes y true 1 subscribed opted-in opt-in ja oui sí": Consent.SUBSCRIBED,
    "no n false 0 unsubscribed not-subscribed opted-out opt-out nein non": Consent.UNSUBSCRIBED,
    "unknown not-asked pending never-subscribed": "",
}
_CONSENT = {word: value for words, value in _SAYS.items() for word in words.split()}
_GLOBAL_ID = re.compile(r"gid://shopify/\w+/(\d+)")
# Line breaks and tabs part words; other control characters, and those that turn the direction of text, mean nothing.
_CLEANING: dict[int, str | None] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x061C, 0xFEFF)),
    **dict.fromkeys(map(ord, "\t\n\r\x0b\x0c\x85"), " "),
}


class BadValue(ValueError):
    """The cell cannot be read; the message says why, for the person who brought the file."""


def clean(text: str) -> str:
    """The text in one line, without control characters and outer space, in one Unicode form."""
    if not text.isprintable():
        text = text.translate(_CLEANING).encode("utf-8", "replace").decode()
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", text).strip()


def clean_lines(text: str) -> str:
    """The text as by `clean`, but with its line breaks."""
    return "\n".join(map(clean, text.splitlines())).strip() if "\n" in text else clean(text)


def read_text(label: str, most: int, cleaned: Callable[[str], str] = clean) -> Callable[[str], str]:
    """A reader of text of at most `most` characters; `label` names it in the complaint."""

    def read(cell: str) -> str:
        text = cleaned(cell)
        if len(text) > most:
            raise BadValue(f"{label} has {len(text):,} characters; at most {most:,} fit.")
        return text

    return read


def read_moment(
    zone: tzinfo, now: datetime, day_first: bool | None = None, label: str = "Signed up", *, ahead: bool = False
) -> Callable[[str], datetime | None]:
    """A reader of dates and times, those without a zone in `zone`; none before 1970, and none after tomorrow unless
    they may lie `ahead`. `day_first` says how 03/04/2024 is meant, None that it is not known."""

    def read(cell: str) -> datetime | None:
        text = clean(cell)
        if not text or text.casefold() in BLANKS:
            return None
        try:
            at = read_date(text, zone, day_first)
        except ValueError as error:
            raise BadValue(f"{label}: {error}") from error
        if not 1970 <= at.year < (2100 if ahead else 9999) or (at > now + timedelta(days=1) and not ahead):
            raise BadValue(f"{label}: “{text[:40]}” is not a day since 1970.")
        return at

    return read


def read_tags(cell: str) -> list[str] | None:
    """Words set apart by commas, each once; None for an empty cell."""
    tags = list(dict.fromkeys(filter(None, map(clean, cell.split(",")))))
    if len(tags) > TAGS_AT_MOST:
        raise BadValue(f"There are {len(tags):,} tags; at most {TAGS_AT_MOST} fit.")
    if any(len(tag) > TAG_LENGTH for tag in tags):
        raise BadValue(f"A tag has more than {TAG_LENGTH} characters.")
    return tags or None


def read_consent(cell: str) -> str:
    """A value of Consent; '' when the cell says nothing. "No" is an unsubscribe: nobody is mailed by mistake."""
    text = clean(cell)
    if not text or text.casefold() in BLANKS:
        return ""
    said = _CONSENT.get(text.casefold().replace(" ", "-").replace("_", "-"))
    if said is None:
        raise BadValue(f"Marketing consent: “{text[:40]}” is neither yes nor no.")
    return said


def read_id(label: str, most: int = 50) -> Callable[[str], str]:
    """A reader of another system's id, also out of `{"ecommerce": "123"}` and `gid://shopify/Customer/123`."""
    plain = read_text(label, most)

    def read(cell: str) -> str:
        if cell.isdigit():
            return plain(cell)
        wrapped = _GLOBAL_ID.fullmatch(cell)
        if wrapped:
            return plain(wrapped[1])
        if cell.startswith("{"):
            return plain(str(json_object(cell, label).get("ecommerce") or ""))
        return plain(cell)

    return read


def read_attributes(cell: str) -> dict[str, Any]:
    """What our own export wrote in its column of attributes: a JSON object."""
    if not cell:
        return {}
    found = json_object(cell, "Attributes")
    attributes: dict[str, Any] = {}
    for given, value in found.items():
        name = clean(given)[:ATTRIBUTE_NAME_LENGTH]
        if not name:
            raise BadValue("Attributes: one of them has no name.")
        if name in attributes:
            raise BadValue(f"Attributes: “{name[:40]}” is there twice.")
        attributes[name] = None if value is None else _attribute(value)
    return {name: value for name, value in attributes.items() if value is not None}


def _attribute(value: Any) -> Any:
    if isinstance(value, str) and len(value) <= ATTRIBUTE_LENGTH:
        return clean_lines(value)
    if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < 1e15):
        return value
    raise BadValue("Attributes: only texts, numbers, true and false may stand in it.")


def json_object(cell: str, label: str) -> dict[str, Any]:
    """The JSON object that the cell holds, no name twice. Raises BadValue."""

    def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names: dict[str, Any] = {}
        for name, value in pairs:
            if name in names:
                raise BadValue(f"{label}: “{clean(name)[:40]}” is there twice.")
            names[name] = value
        return names

    try:
        found = json.loads(cell, object_pairs_hook=without_repeats)
    except BadValue:
        raise
    except (ValueError, RecursionError) as error:
        raise BadValue(f"{label}: this is not JSON.") from error
    if not isinstance(found, dict):
        raise BadValue(f"{label}: this is not a JSON object.")
    return found


def split_name(text: str) -> tuple[str, str]:
    """First and last name of a full one: the last word is the last name, unless a comma says which is."""
    last, comma, first = text.partition(",")
    if comma:
        return first.strip(), last.strip()
    first, _, last = text.rpartition(" ")
    return (first.strip(), last) if first else (last, "")
