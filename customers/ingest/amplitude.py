"""The Amplitude-compatible tracking API (HTTP V2 and batch): what its events say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from customers import activity_names as names_of_events
from customers.ingest import limits, names, times
from customers.ingest.tracked import Tracked, Unfit, claims_of

HTTPAPI, BATCH = "2/httpapi", "batch"
BYTES = {HTTPAPI: 1_000_000, BATCH: 5_000_000}
EVENTS = 2_000
EVENT_BYTES = 256 * 1024
MIN_ID_LENGTH = 5
ID_LENGTH = 255
_BIGINT = 2**63
FORBIDDEN = frozenset({
    "anonymous", "nil", "none", "null", "n/a", "na", "undefined", "unknown", "empty", "{}", "lmy47d", "0", "-1",
    "00000000-0000-0000-0000-000000000000",
})  # fmt: skip
"""What programs send for a name that they do not have."""
_OF_SALES = ("price", "quantity", "revenue", "productId", "revenueType", "currency")
_UTM = ("source", "medium", "campaign", "term", "content")


MISSING = ("event_missing", "id_missing")
"""Codes of what lacks a field that it must have; all others have one that is wrong."""


def min_id_length(body: dict[str, Any]) -> int:
    options = body.get("options")
    said = options.get("min_id_length") if isinstance(options, dict) else None
    return said if type(said) is int and 1 <= said <= ID_LENGTH else MIN_ID_LENGTH


def read(event: Any, *, received: datetime, shortest: int, fallback: str) -> Tracked:
    """What the event says. `shortest` is how long an id must be to count; `fallback` names the event where it has no
    insert_id. Raises Unfit."""
    if not isinstance(event, dict):
        raise Unfit("invalid_event", "event", "It is not an object.")
    if too_much := limits.excess(event, most_bytes=EVENT_BYTES):
        raise Unfit("event_too_large", "event", too_much)
    kind = event.get("event_type")
    if kind is None or kind == "":
        raise Unfit("event_missing", "event_type", "It has no event_type.")
    if not isinstance(kind, str) or len(kind) > ID_LENGTH:
        raise Unfit("invalid_field", "event_type", f"It is not a text of at most {ID_LENGTH} characters.")
    user, device = (_id(event, field, shortest) for field in ("user_id", "device_id"))
    if not user and not device:
        raise Unfit("id_missing", "user_id", "It has neither a user_id nor a device_id.")
    try:
        told = times.of_milliseconds(event["time"]) if event.get("time") is not None else None
        at, how = times.placed(told, received)
    except times.BadTime as error:
        raise Unfit("invalid_field", "time", str(error)) from None
    name, properties, traits = _said(kind, event)
    visitor = names.digest(names.USER, user) if user else names.digest(names.DEVICE, device)
    key = _message(event, device) or fallback
    return Tracked(
        names.digest("message", key), name, at, received, how, _session(event), properties, visitor,
        joins=((names.digest(names.DEVICE, device), visitor),) if user and device else (),
        claims=claims_of(traits, user),
    )  # fmt: skip


def _said(kind: str, event: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Name and properties of what happened, and what is said of the person."""
    given = _object(event, "user_properties")
    traits: dict[str, Any] = {key: said for key, said in given.items() if not key.startswith("$")}
    for operation in ("$setOnce", "$set"):
        if isinstance(given.get(operation), dict):
            traits |= given[operation]
    if kind == "$identify":
        return names_of_events.IDENTIFY, traits, traits
    if kind == "$groupidentify":
        return names_of_events.GROUP, dict(_object(event, "group_properties")), {}
    properties = dict(_object(event, "event_properties"))
    for field in _OF_SALES:
        if isinstance(event.get(field), str | int | float):
            properties.setdefault(field, event[field])
    campaign = {part: traits[f"utm_{part}"] for part in _UTM if isinstance(traits.get(f"utm_{part}"), str)}
    if campaign:
        # As Segment names it: the campaign's own name is its name.
        campaign["name"] = campaign.pop("campaign", "")
        properties[names_of_events.CAMPAIGN] = campaign
    if isinstance(traits.get("referrer"), str):
        properties[names_of_events.REFERRER] = traits["referrer"]
    return names_of_events.settled(kind), properties, traits


def _id(event: dict[str, Any], field: str, shortest: int) -> str:
    said = event.get(field)
    if said is None or said == "":
        return ""
    if not isinstance(said, str) or len(said) > ID_LENGTH or said.strip().lower() in FORBIDDEN:
        raise Unfit("invalid_field", field, "It is no name that anybody can be known by.")
    return said if len(said) >= shortest else ""


def _message(event: dict[str, Any], device: str) -> str:
    said = event.get("insert_id")
    if said is None or said == "":
        return ""
    if not isinstance(said, str) or len(said) > ID_LENGTH:
        raise Unfit("invalid_field", "insert_id", f"It is not a text of at most {ID_LENGTH} characters.")
    return f"insert {device}\n{said}"


def _object(event: dict[str, Any], field: str) -> dict[str, Any]:
    said = event.get(field)
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise Unfit("invalid_field", field, "It is not an object.")
    return said


def _session(event: dict[str, Any]) -> int | None:
    said = event.get("session_id")
    return said if type(said) is int and 0 < said < _BIGINT else None
