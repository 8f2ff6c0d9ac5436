"""Requests of programs, bent by chance: whatever comes, it is read or refused with a reason, and what is read can be
kept."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from customers.ingest import amplitude, receiving, segment
from customers.ingest.tracked import Tracked, Unfit
from portal import strict_json
from tests.fuzz.oracles import must

RECEIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = "cw_a-key-that-nobody-has"
_AT = "2026-11-22T11:59:00.123Z"
_PERSON: dict[str, Any] = {"userId": "u-1", "anonymousId": "a-1", "messageId": "m-1", "timestamp": _AT}
SEGMENT: list[dict[str, Any]] = [
    {
        **_PERSON,
        "type": "identify",
        "traits": {"email": "anna@example.com", "shopify_id": 77, "address": {"city": "Bonn"}},
    },
    {**_PERSON, "type": "track", "event": "Logged In", "properties": {"revenue": 9.5, "list": [1, "two", None, True]}},
    {**_PERSON, "type": "page", "name": "Home", "category": "Shop", "properties": {"url": "https://example.com/"}},
    {**_PERSON, "type": "screen", "name": "Home", "context": {"campaign": {"source": "x"}, "page": {"referrer": "y"}}},
    {**_PERSON, "type": "group", "groupId": "g", "traits": {"name": "Family"}},
    {**_PERSON, "type": "alias", "previousId": "old", "context": {"sessionId": 1_700_000_000_000}},
]
AMPLITUDE: list[dict[str, Any]] = [
    {"event_type": "Tapped", "user_id": "user-1", "device_id": "device-1", "time": 1_700_000_000_000, "insert_id": "i",
     "session_id": -1, "event_properties": {"a": [1, {"b": None}]}, "revenue": 3.5},
    {"event_type": "$identify", "user_id": "user-1", "user_properties": {"$set": {"email": "anna@example.com"}}},
    {"event_type": "$groupidentify", "device_id": "device-1", "group_properties": {"$set": {"plan": "pro"}}},
]  # fmt: skip
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63), 10**39, 0.1, -0.0, 1e308, 5e-324, "", " ",
    "x" * 300,
    "\u0000", "\ud800", "\udc00\ud800", "\ufeff", "\u202e", "null", "undefined", "{}", [], {}, [[]], {"": ""},
    {"$set": 7}, "1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "2026-11-22T11:59:00", "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59", "2016-12-31T23:59:60Z", "2026-11-22T25:00:00Z", "a@b", "anna@example.com" * 30,
    float("nan"), float("inf"), -math.inf, "x" * 40_000, {str(n): n for n in range(301)}, {"k" * 256: 1},
]  # fmt: skip
SNIPS = [
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 60, b"\\ud800", b"\\u0000", b"\\udfff\\ud800",
    b"\x00",
    b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\x80", b"[" * 50, b'{"a":' * 50, b"]", b"}", b",", b",,", b'"', b"'",
    b"\\", b"//",
    b"\t", b"\n", b"\x0b", b"null", b"true", b"-", b"+1", b"0x1", b"01", b".5", b"1.", b'"a":1,"a":2', b"\xc0\x80",
]  # fmt: skip


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        found.append((value, key))
        _places(value[key], found)
    return found


def bent(rng: Random, body: dict[str, Any]) -> dict[str, Any]:
    """The body with some of its parts changed, taken away, or put deeper."""
    body = copy.deepcopy(body)
    for _ in range(rng.randrange(4)):
        places = _places(body, [])
        if not places:
            break
        place, key = rng.choice(places)
        chance = rng.random()
        if chance < 0.6:
            place[key] = copy.deepcopy(rng.choice(ODD))
        elif chance < 0.75:
            del place[key]
        elif chance < 0.85 and isinstance(place, dict):
            place[rng.choice(["$campaign", "email", "context", "x" * rng.randrange(300), "\u0000", "\ud83d"])] = place[
                key
            ]
        else:
            for _ in range(rng.randrange(1, 14)):
                place[key] = {"in": place[key]} if rng.random() < 0.5 else [place[key]]
    return body


def spoilt(rng: Random, data: bytes) -> bytes:
    """The bytes with some of them changed."""
    for _ in range(rng.randrange(4) if rng.random() < 0.6 else 0):
        at = rng.randrange(len(data) + 1)
        chance = rng.random()
        if chance < 0.5:
            data = data[:at] + rng.choice(SNIPS) + data[at + rng.randrange(3) :]
        elif chance < 0.7:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        elif chance < 0.85:
            data = data[:at] + data[at + rng.randrange(1, 40) :]
        else:
            data = data[:at] + data[max(0, at - rng.randrange(60)) :]
    return data


def written(rng: Random, body: Any) -> bytes:
    """The body as JSON, spoilt now and then."""
    text = json.dumps(body, ensure_ascii=rng.random() < 0.7, separators=rng.choice([(",", ":"), (", ", ": ")]))
    coding = rng.choice(["utf-8"] * 12 + ["utf-16", "utf-8-sig", "utf-32"])
    return spoilt(rng, text.encode(coding, "surrogatepass"))


def read(data: bytes) -> dict[str, Any] | None:
    """As a request is read: None where that is refused."""
    try:
        body = strict_json.read(data)
    except strict_json.NotStrict as error:
        must(str(error), "refused without a reason")
        return None
    must(is_whole(body), f"{data!r:.200} is read as what no database holds")
    must(json.loads(data) == body, f"{data!r:.200} is read as something else")
    return body


def is_whole(value: Any) -> bool:
    """Whether a database can hold it."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, UnicodeEncodeError):
        return False
    return "\\u0000" not in text.replace("\\\\", "")


def _each(data: bytes, records: list[Any], read: Callable[[Any], Tracked]) -> None:
    for record in records:
        try:
            found = read(record)
        except Unfit as error:
            must(error.code and error.reason, f"{data!r:.200} is refused without a reason")
            continue
        ahead = RECEIVED + timedelta(minutes=5)
        must(datetime(2000, 1, 1, tzinfo=UTC) <= found.occurred_at <= ahead, f"{found.occurred_at} for {data!r:.200}")
        must(0 < len(found.name) <= 255 and len(found.visitor) == len(found.message_key) == 32, f"{found!r:.300}")
        must(found.session_id is None or 0 < found.session_id < 2**63, f"session {found.session_id}")
        must(is_whole([found.name, found.properties]), f"{data!r:.200} holds what no database does")
        must(read(record) == found, f"{data!r:.200} is not read the same again")


def of_segment(rng: Random) -> None:
    call = rng.choice([*segment.CALLS, "batch", "batch", "batch"])
    shared: dict[str, Any] = {"writeKey": KEY, "sentAt": rng.choice([_AT, _AT, None, "x", "1970-01-01T00:00:00Z"])}
    if call == "batch":
        body = bent(rng, {**shared, "batch": rng.sample(SEGMENT, 2), "context": {"ip": "10.0.0.1"}})
    else:
        body = bent(rng, {**rng.choice(SEGMENT), **shared})
    data = written(rng, body)
    found = read(data)
    if found is None:
        return
    kept = receiving.without_key(data, found, "writeKey")
    must(json.loads(kept).get("writeKey") != KEY, "the key is kept")
    try:
        records = segment.records_of(call, found)
    except Unfit as error:
        must(error.code, "refused without a code")
        return
    sent = segment.sent_at(found)
    _each(data, records, lambda record: segment.read(record, received=RECEIVED, sent=sent, fallback="f"))


def of_amplitude(rng: Random) -> None:
    body = bent(
        rng, {"api_key": KEY, "events": rng.sample(AMPLITUDE, 2), "options": {"min_id_length": rng.randrange(8)}}
    )
    data = written(rng, body)
    found = read(data)
    events = found.get("events") if found is not None else None
    if found is None or not isinstance(events, list):
        return
    shortest = amplitude.min_id_length(found)
    must(1 <= shortest <= amplitude.ID_LENGTH, f"ids of {shortest}")
    _each(data, events, lambda event: amplitude.read(event, received=RECEIVED, shortest=shortest, fallback="f"))


TARGETS: dict[str, Callable[[Random], None]] = {"segment": of_segment, "amplitude": of_amplitude}
