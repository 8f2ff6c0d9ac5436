"""The tracking APIs, as Segment's and Amplitude's own libraries speak to them; what they say stands in `openapi`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from customers.ingest import amplitude, inbox, keys, openapi, pace, receiving, segment
from customers.ingest.accounting import refuse
from customers.ingest.outcomes import Refused
from customers.ingest.tracked import Unfit
from customers.ingest.tracking import read_each
from customers.models import WayIn, WayInKind
from customers.views.answering import answer, for_programs
from customers.views.once import Settle, once
from portal import strict_json, wall


class _Turned(Exception):
    """The request is not taken: status, code, what is wrong."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


# --- Segment


def _say_segment(status: int, code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


@for_programs(_say_segment)
def segment_call(request: HttpRequest, call: str) -> HttpResponse:
    """One call, or a batch of them."""
    try:
        return _segment(request, segment.SHORT.get(call, call))
    except _Turned as turned:
        said = _say_segment(turned.status, turned.code, turned.message)
        return answer(turned.status, said, **turned.headers)


def _segment(request: HttpRequest, call: str) -> HttpResponse:
    way_in = None
    if key := receiving.basic_key(request):
        way_in = _opened(key, WayInKind.SEGMENT)
    data, body = _read_segment(request, call, way_in)
    if way_in is None:
        way_in = _opened(body.get("writeKey"), WayInKind.SEGMENT)
    records, refused = _checked_segment(call, body, way_in)
    if refused and call != "batch":
        _write_down(way_in, call, refused, records=1)
        raise _Turned(400, refused[0].code, refused[0].reason)
    said: dict[str, Any] = {"success": True}
    if refused:
        said["rejected"] = [{"index": each.position, "code": each.code, "message": each.reason} for each in refused]
    if not records:
        return answer(200, said)
    _pace(way_in, records)
    text = receiving.without_key(data, body, "writeKey")

    def keep(settle: Settle | None) -> None:
        inbox.receive(way_in, call, text, records=records, settle=settle)

    return once(request, way_in, call, data, keep=keep, said=said, say=_say_segment)


def _read_segment(request: HttpRequest, call: str, way_in: WayIn | None) -> tuple[bytes, dict[str, Any]]:
    most = segment.BATCH_BYTES if call == "batch" else segment.CALL_BYTES
    try:
        data = receiving.body(request, most)
        return data, strict_json.read(data)
    except receiving.TooLarge:
        code, words = "payload_too_large", f"It is larger than {most // 1024} KB."
    except receiving.Unreadable as error:
        code, words = "invalid_encoding", str(error)
    except strict_json.NotStrict as error:
        code, words = "invalid_json", str(error)
    if way_in is not None:
        _write_down(way_in, call, [Refused(0, "", words, code)], records=1)
    raise _Turned(400, code, words)


def _checked_segment(call: str, body: dict[str, Any], way_in: WayIn) -> tuple[int, list[Refused]]:
    """How many records there are, and why some of them will not be taken in."""
    now, sent = timezone.now(), segment.sent_at(body)
    try:
        records = segment.records_of(call, body)
    except Unfit as error:
        _write_down(way_in, call, [Refused(0, error.field, error.reason, error.code)], records=1)
        raise _Turned(400, error.code, error.reason) from None
    found = read_each(records, lambda _, record: segment.read(record, received=now, sent=sent, fallback="?"))
    return len(records), found.refused


def _opened(key: Any, kind: WayInKind) -> WayIn:
    if not isinstance(key, str) or not key:
        raise _Turned(401, "missing_write_key", "It names no write key.")
    way_in = keys.find(key, [kind])
    if way_in is None:
        raise _Turned(401, "invalid_write_key", "The write key is not known here, or was revoked.")
    with _told_when_too_fast():
        pace.ask(way_in)
    return way_in


def _pace(way_in: WayIn, records: int) -> None:
    with _told_when_too_fast():
        pace.take(way_in, records)


@contextmanager
def _told_when_too_fast() -> Iterator[None]:
    try:
        yield
    except pace.TooFast as error:
        headers = {"Retry-After": str(error.seconds), "X-RateLimit-Reset": str(error.seconds)}
        raise _Turned(429, "too_many_requests", "Too much arrives under this key.", **headers) from None


def _write_down(way_in: WayIn, topic: str, refused: list[Refused], *, records: int) -> None:
    _pace(way_in, records)
    with wall.around(way_in.store):
        refuse(way_in, topic, refused, records=records)


# --- Amplitude


def _say_amplitude(status: int, code: str, message: str) -> dict[str, Any]:
    return {"code": status, "error": message}


_TOO_LARGE = "Payload too large"
_INVALID = "Invalid field values on some events"
_LACKING = "Request missing required field"


@for_programs(_say_amplitude)
def amplitude_call(request: HttpRequest, call: str) -> HttpResponse:
    try:
        data = receiving.body(request, amplitude.BYTES[call])
    except receiving.TooLarge:
        return answer(413, {"code": 413, "error": _TOO_LARGE})
    except receiving.Unreadable:
        return answer(400, {"code": 400, "error": "Invalid JSON request body"})
    if not data:
        return answer(400, {"code": 400, "error": "Missing request body"})
    try:
        return _amplitude(request, call, data, strict_json.read(data))
    except strict_json.NotStrict:
        return answer(400, {"code": 400, "error": "Invalid JSON request body"})


def _amplitude(request: HttpRequest, call: str, data: bytes, body: dict[str, Any]) -> HttpResponse:
    for field in ("api_key", "events"):
        if body.get(field) in (None, ""):
            return answer(400, {"code": 400, "error": _LACKING, "missing_field": field})
    way_in = keys.find(body["api_key"], [WayInKind.AMPLITUDE]) if isinstance(body["api_key"], str) else None
    if way_in is None:
        return answer(400, {"code": 400, "error": f"Invalid API key: {str(body['api_key'])[: keys.LONGEST]}"})
    events = body["events"]
    if not isinstance(events, list):
        return answer(400, {"code": 400, "error": _LACKING, "missing_field": "events"})
    if len(events) > amplitude.EVENTS:
        return answer(413, {"code": 413, "error": _TOO_LARGE})
    try:
        pace.ask(way_in)
        return _taken(request, call, way_in, data, body)
    except (pace.TooFast, _Turned) as error:
        seconds = error.seconds if isinstance(error, pace.TooFast) else int(error.headers["Retry-After"])
        return _slow_down(len(events), seconds)


def _taken(request: HttpRequest, call: str, way_in: WayIn, data: bytes, body: dict[str, Any]) -> HttpResponse:
    now, shortest = timezone.now(), amplitude.min_id_length(body)
    lacking: dict[str, list[int]] = {}
    invalid: dict[str, list[int]] = {}
    events = body["events"]
    refused = read_each(
        events, lambda _, event: amplitude.read(event, received=now, shortest=shortest, fallback="?")
    ).refused
    if refused:
        for each in refused:
            fields = lacking if each.code in amplitude.MISSING else invalid
            fields.setdefault(each.field, []).append(each.position)
        _write_down(way_in, call, refused, records=len(refused))
        maps = {"events_with_invalid_fields": invalid, "events_with_missing_fields": lacking}
        return answer(400, {"code": 400, "error": _INVALID if invalid else _LACKING, **maps})
    taken = {"events_ingested": len(events), "payload_size_bytes": len(data)}
    said: dict[str, Any] = {"code": 200, **taken, "server_upload_time": int(time.time() * 1000)}
    if not events:
        return answer(200, said)
    pace.take(way_in, len(events))
    text = receiving.without_key(data, body, "api_key")

    def keep(settle: Settle | None) -> None:
        inbox.receive(way_in, call, text, records=len(events), settle=settle)

    return once(request, way_in, call, data, keep=keep, said=said, say=_say_amplitude)


def _slow_down(events: int, seconds: int) -> HttpResponse:
    said = {
        "code": 429,
        "error": "Too many requests for some devices and users",
        "eps_threshold": 0,
        "throttled_devices": {},
        "throttled_users": {},
        "throttled_events": list(range(events)),
    }
    return answer(429, said, **{"Retry-After": str(seconds)})


# --- What all of it is


@csrf_exempt
@require_safe
@cache_control(public=True, max_age=3600)
def description(request: HttpRequest) -> HttpResponse:
    """The OpenAPI description of the tracking APIs."""
    response = HttpResponse(openapi.as_json(settings.PUBLIC_URL), content_type="application/json")
    response["Access-Control-Allow-Origin"] = "*"
    return response
