"""Files of events: whose, what, when, and with which properties; a row is an event, known by its id or all it says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from customers.activity_names import settled
from customers.imports.layouts import (
    IN_DAYS_FIRST,
    IN_MONTHS_FIRST,
    OTHER,
    TEMPLATE,
    Layout,
    attribute_name,
    with_orders_of_dates,
)
from customers.imports.orders import as_template, guess
from customers.imports.readers import PEOPLE, CellReader, Reader, missing, row_of
from customers.imports.values import BadValue, json_object, read_id, read_moment, read_text
from customers.ingest import limits, names, times
from customers.models import EventTime
from customers.models.activity import NAME_LENGTH
from portal.tabular import EMAIL_NAMES

FIELDS = {
    **PEOPLE,
    "name": "Event",
    "occurred_at": "Time",
    "event_id": "Event id",
    "all_properties": "Properties",
}
READINGS = with_orders_of_dates(FIELDS, ("occurred_at",))
TEMPLATE_FIELDS = tuple(FIELDS)
SOURCES = {TEMPLATE: "Coterie's template for events", OTHER: "Another file of events"}
REST = "Property"
MOST_CHARACTERS = 20_000
_GUESSES: dict[str, Sequence[str]] = {
    "email": EMAIL_NAMES,
    "shopify_id": ("shopify customer id", "customer id", "user id", "userid"),
    "recharge_id": ("recharge customer id",),
    "name": ("event", "event name", "event type", "action", "name"),
    "occurred_at": ("time", "occurred at", "timestamp", "date", "datetime", "event time", "created at", "at"),
    "event_id": ("event id", "message id", "messageid", "insert id", "id", "uuid"),
    "all_properties": ("properties", "event properties"),
}


def recognise(headers: Sequence[str]) -> Layout:
    """The layout of a file with these headers; a guess, with `source` OTHER, when it is not our template."""
    ours = as_template(headers, FIELDS, "name", "occurred_at")
    if ours:
        return ours
    fields = guess(headers, _GUESSES).fields
    rest = {
        attribute_name(header): index for index, header in enumerate(headers) if header and index not in fields.values()
    }
    return Layout(OTHER, fields, rest)


def read_properties(cell: str) -> dict[str, Any]:
    """A JSON object. Raises BadValue."""
    found = json_object(cell, FIELDS["all_properties"])
    if len(cell) > MOST_CHARACTERS:
        raise BadValue(f"Properties: more than {MOST_CHARACTERS:,} characters.")
    try:
        text = json.dumps(found, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise BadValue("Properties: they hold what cannot be kept.") from error
    if "\\u0000" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise BadValue("Properties: they hold what is no character.")
    return found


class EventReader:
    """Reads the rows of a file of events; times without a zone are in `zone`, and none may lie beyond `now`."""

    def __init__(self, layout: Layout, zone: ZoneInfo, now: datetime, currency: str) -> None:
        label = FIELDS["occurred_at"]
        readers: dict[str, Reader] = {
            "shopify_id": read_id(FIELDS["shopify_id"]),
            "recharge_id": read_id(FIELDS["recharge_id"]),
            "name": read_text(FIELDS["name"], NAME_LENGTH),
            "event_id": read_text(FIELDS["event_id"], 255),
            "occurred_at": read_moment(zone, now, label=label),
            "occurred_at" + IN_DAYS_FIRST: read_moment(zone, now, day_first=True, label=label),
            "occurred_at" + IN_MONTHS_FIRST: read_moment(zone, now, day_first=False, label=label),
            "all_properties": read_properties,
        }
        self._cells = CellReader(layout, readers, REST)
        self._now = now
        self._email_at = layout.fields.get("email")

    def read(self, cells: Sequence[str]) -> tuple[list[Any], str, bool]:
        """The values for COLUMNS, what is wrong with them or '', and False: no row goes on with another."""
        values, rest, wrong = self._cells.read(cells)
        wrong = wrong or missing(values, FIELDS, "name", "occurred_at")
        at = values["occurred_at"].isoformat() if "occurred_at" in values else ""
        said = {"name": values.get("name", ""), "at": at, "properties": {**values.get("all_properties", {}), **rest}}
        key = self._key(cells, values, said)
        return row_of(values, key, said), wrong or self._settle(said, values), False

    def _key(self, cells: Sequence[str], values: dict[str, Any], said: dict[str, Any]) -> str:
        """What the event is known by among all events of the store: the id that its source gave it, whatever brings
        the event, or else all that the row says."""
        if "event_id" in values:
            return names.digest("message", values["event_id"])
        email = cells[self._email_at].casefold() if self._email_at is not None else ""
        whose = [email, values.get("shopify_id", ""), values.get("recharge_id", "")]
        return names.digest("file", json.dumps([*whose, said], sort_keys=True))

    def _settle(self, said: dict[str, Any], values: dict[str, Any]) -> str:
        """Put what the row says as every event is kept; what is wrong with it, or ''."""
        said["name"] = settled(said["name"])
        if too_much := limits.excess(said["properties"]):
            return f"{FIELDS['all_properties']}: {too_much}"
        if "occurred_at" not in values:
            return ""
        try:
            at, how = times.placed(values["occurred_at"], self._now)
        except times.BadTime as error:
            return f"{FIELDS['occurred_at']}: {error}"
        if how != EventTime.AS_SENT:
            said |= {"at": at.isoformat(), "time_is": int(how)}
        return ""
