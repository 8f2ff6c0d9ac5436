"""The Segment-compatible tracking API: what its records say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from customers import activity_names as events
from customers.ingest import limits, names, times
from customers.ingest.tracked import Tracked, Unfit, claims_of, session_of

CALLS = ("identify", "track", "page", "screen", "group", "alias")
SHORT = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": "batch"}
"""What the browser's library calls them in addresses."""
CALL_BYTES = 32 * 1024
BATCH_BYTES = 500 * 1024
BATCH_RECORDS = 2_500
ID_LENGTH = 255


def sent_at(body: dict[str, Any]) -> datetime | None:
    """When the sender's clock says that the request was sent; None where it does not, or nothing that can be read."""
    try:
        return times.parse(body.get("sentAt"))
    except times.BadTime:
        return None


def records_of(call: str, body: dict[str, Any]) -> list[Any]:
    """The records of a request, each with what the batch says for all of them. Raises Unfit."""
    if call != "batch":
        return [{**body, "type": call}]
    batch = body.get("batch")
    if not isinstance(batch, list):
        raise Unfit("invalid_batch", "batch", "It is not a list of calls.")
    if len(batch) > BATCH_RECORDS:
        raise Unfit("batch_too_long", "batch", f"It holds more than {BATCH_RECORDS:,} calls.")
    shared = body.get("context")
    if not isinstance(shared, dict) or not shared:
        return batch
    return [_with_context(record, shared) for record in batch]


def _with_context(record: Any, shared: dict[str, Any]) -> Any:
    if not isinstance(record, dict) or not isinstance(record.get("context", {}), dict):
        return record
    return {**record, "context": {**shared, **(record.get("context") or {})}}


def read(record: Any, *, received: datetime, sent: datetime | None, fallback: str) -> Tracked:
    """What the record says. `fallback` names it where it has no messageId. Raises Unfit."""
    if not isinstance(record, dict):
        raise Unfit("invalid_event", "", "It is not an object.")
    if too_much := limits.excess(record):
        raise Unfit("event_too_large", "", too_much)
    call = record.get("type")
    if call not in CALLS:
        raise Unfit("unknown_type", "type", "It is none of " + ", ".join(CALLS) + ".")
    user, anonymous = _name(record, "userId"), _name(record, "anonymousId")
    if not user and not anonymous:
        raise Unfit("no_user_anon_id", "userId", "It has neither a userId nor an anonymousId.")
    name, properties, traits = _said(call, record)
    context = _object(record, "context")
    try:
        told = times.parse(record["timestamp"]) if record.get("timestamp") is not None else None
        at, how = times.placed(told, received, sent)
    except times.BadTime as error:
        raise Unfit("invalid_timestamp", "timestamp", str(error)) from None
    _add_place(properties, context)
    visitor = names.digest(names.USER, user) if user else names.digest(names.ANONYMOUS, anonymous)
    return Tracked(
        names.digest("message", _message(record) or fallback), name, at, received, how,
        session_of(context, properties), properties, visitor,
        joins=_joins(call, record, user, anonymous, visitor),
        claims=claims_of(traits or _object(context, "traits"), user),
    )  # fmt: skip


def _said(call: str, record: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Name and properties of what happened, and what is said of the person."""
    if call == "track":
        return _event(record), dict(_object(record, "properties")), {}
    if call in ("page", "screen"):
        parts = {part: record[part] for part in ("name", "category") if isinstance(record.get(part), str)}
        return (events.PAGE if call == "page" else events.SCREEN), {**parts, **_object(record, "properties")}, {}
    traits = _object(record, "traits")
    if call == "identify":
        return events.IDENTIFY, dict(traits), traits
    if call == "group":
        if not _name(record, "groupId"):
            raise Unfit("no_group_id", "groupId", "It has no groupId.")
        return events.GROUP, {**traits, "$group_id": _name(record, "groupId")}, {}
    if not _name(record, "previousId") or not _name(record, "userId"):
        raise Unfit("no_previous_id", "previousId", "It needs a previousId and a userId.")
    return events.ALIAS, {}, {}


def _event(record: dict[str, Any]) -> str:
    event = record.get("event")
    if not isinstance(event, str) or not event.strip():
        raise Unfit("event_missing", "event", "It has no event.")
    if len(event) > ID_LENGTH:
        raise Unfit("event_too_long", "event", f"Its event is longer than {ID_LENGTH} characters.")
    return events.settled(event.strip())


def _joins(call: str, record: dict[str, Any], user: str, anonymous: str, visitor: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    if call == "alias":
        before = _name(record, "previousId")
        found += [(names.digest(kind, before), visitor) for kind in (names.ANONYMOUS, names.USER)]
    if user and anonymous:
        found.append((names.digest(names.ANONYMOUS, anonymous), visitor))
    return tuple(pair for pair in found if pair[0] != pair[1])


def _name(record: dict[str, Any], field: str) -> str:
    said = record.get(field)
    if said is None:
        return ""
    if type(said) is int:
        said = str(said)
    if not isinstance(said, str) or len(said) > ID_LENGTH:
        raise Unfit("invalid_id", field, f"It is not a text of at most {ID_LENGTH} characters.")
    return said.strip()


def _message(record: dict[str, Any]) -> str:
    said = record.get("messageId")
    if said is None or said == "":
        return ""
    if not isinstance(said, str) or len(said) > ID_LENGTH:
        raise Unfit("invalid_message_id", "messageId", f"It is not a text of at most {ID_LENGTH} characters.")
    return said


def _object(record: dict[str, Any], field: str) -> dict[str, Any]:
    said = record.get(field)
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise Unfit("invalid_" + field, field, "It is not an object.")
    return said


def _add_place(properties: dict[str, Any], context: dict[str, Any]) -> None:
    """Keep with the event by which campaign, and from which page, it came about."""
    campaign = context.get("campaign")
    if isinstance(campaign, dict) and campaign:
        properties[events.CAMPAIGN] = campaign
    page = context.get("page")
    if isinstance(page, dict):
        for part, kept in (("referrer", events.REFERRER), ("url", events.ADDRESS)):
            if isinstance(page.get(part), str) and page[part]:
                properties[kept] = page[part]
