"""The audit trail in words that staff understand."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse

from portal.access import Plan, Role
from portal.models import AuditEntry, Store

OBJECT_NAMES = {"job": "run"}
NAMES = {
    "requires_second_factor": "two-step sign-in for all",
    "daily": "daily sync",
    "brake_percent": "share of members (%) that a sync may take away unasked",
    "brake_people": "number of members that a sync may take away unasked",
}
LABELS: dict[str, dict[str, str]] = {"role": dict(Role.choices), "plan": dict(Plan.choices)}
PAGES = {
    "customer": "customers:detail",
    "customer import": "customers:import_detail",
    "erasure": "customers:erasure",
    "segment": "segments:detail",
    "job": "portal:run",
    "store": "portal:store_settings",
    "staff": "portal:staff",
    "invitation": "portal:staff",
    "connection": "segments:connections",
}
"""Type of object → its page; those of a single object take its id."""
WITHOUT_ID = {"portal:store_settings", "portal:staff", "segments:connections"}


def capitalized(words: str) -> str:
    return words[:1].upper() + words[1:]


def object_name(object_type: str) -> str:
    return capitalized(OBJECT_NAMES.get(object_type, object_type))


def kind_name(kind: str) -> str:
    """A kind of run as people read it: `customers.import_file` is "Customers: import file"."""
    return capitalized(kind.replace(".", ": ").replace("_", " "))


def object_words(entry: AuditEntry) -> str:
    """What to call the object: its name then, or its number."""
    return entry.object_label or (f"no. {entry.object_id}" if entry.object_id else "")


def object_url(store: Store, entry: AuditEntry) -> str | None:
    """The page of the object, which may be gone by now; None for objects without a page."""
    page = PAGES.get(entry.object_type)
    if page is None or entry.object_id is None:
        return None
    try:
        return reverse(page, args=(store.slug,) if page in WITHOUT_ID else (store.slug, entry.object_id))
    except NoReverseMatch:
        return None


def changes(entry: AuditEntry) -> list[str]:
    """What changed, a phrase a field: "upload limit from 8,900 to 20,000"."""
    return [_change(name, change) for name, change in entry.changes.items()]


def _change(name: str, change: Any) -> str:
    words = NAMES.get(name, name.replace("_", " "))
    if change in (None, [None, None]):
        return words
    if not (isinstance(change, list) and len(change) == 2):
        return f"{words}: {value_words(name, change)}"
    before, after = change
    if before is None:
        return f"{words}: {value_words(name, after)}"
    if after is None:
        return f"{words}: {value_words(name, before)} (removed)"
    return f"{words} from {value_words(name, before)} to {value_words(name, after)}"


def value_words(name: str, value: Any) -> str:
    """A value of the field `name` as people read it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(value_words(name, part) for part in value) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {value_words(name, part)}" for key, part in value.items()) or "nothing"
    if label := LABELS.get(name, {}).get(str(value)):
        return label
    return f"“{value}”" if value not in (None, "") else "nothing"
