"""Bodies that are not what they should be: refused soon, in JSON, and nothing of them is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import RequestFactory

from customers.ingest import receiving
from customers.models import Arrival, Event, Rejection
from portal import strict_json
from tests.customers.ingest.conftest import Source, track
from tests.customers.ingest.test_segment import basic

pytestmark = pytest.mark.django_db(transaction=True)

EVENT = '{"type": "track", "event": "e", "userId": "u", "properties": %s}'
HOSTILE = {
    "open lists": b"[" * 100_000,
    "open objects": b'{"a":' * 60_000,
    "NaN": EVENT % '{"a": NaN}',
    "Infinity": EVENT % '{"a": -Infinity}',
    "1e400": EVENT % '{"a": 1e400}',
    "5,000 digits": EVENT % ('{"a": %s}' % ("9" * 5_000)),
    "duplicate keys": EVENT % '{"a": 1, "a": 2}',
    "lone surrogate": EVENT % r'{"a": "\ud800"}',
    "reversed pair": EVENT % r'{"\udc00\ud800": 1}',
    "NUL": EVENT % r'{"a": "\u0000"}',
    "NUL in a name": EVENT % r'{"\u0000": 1}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": (EVENT % "{}").encode("utf-16"),
    "UTF-32": (EVENT % "{}").encode("utf-32"),
    "Latin-1": (EVENT % '{"a": "é"}').encode("latin-1"),
    "encoded surrogate": b'{"event": "\xed\xa0\x80"}',
    "trailing comma": EVENT % '{"a": 1,}',
    "a string": '"x"',
    "null": "null",
    "a list": "[]",
    "a number": "1",
    "nothing": "",
    "spaces": "   ",
    "two values": "{}{}",
    "single quotes": "{'a': 1}",
    "a comment": "{} // x",
    "control character": '{"a": "\x01"}',
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("is_batch", [False, True])
def test_what_is_no_json_is_refused(segment: Source, name: str, is_batch: bool) -> None:
    body = HOSTILE[name]
    if is_batch and isinstance(body, str) and body.startswith('{"type"'):
        body = f'{{"batch": [{EVENT % "{}"}, {body}]}}'
    data = body.encode("utf-8") if isinstance(body, str) else body
    began = time.process_time()
    answer = segment.post("/v1/batch" if is_batch else "/v1/track", data[:500_000], Authorization=basic(segment.key))
    assert time.process_time() - began < 0.5
    assert (answer.status_code, set(answer.json())) == (400, {"code", "message"})
    assert not Arrival.everywhere.exists()
    assert not Event.everywhere.exists()
    assert segment.counts()["invalid"] == segment.counts()["received"] == Rejection.everywhere.count() == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_so_it_is_at_the_other_api(amplitude: Source, name: str) -> None:
    body = HOSTILE[name]
    answer = amplitude.post("/2/httpapi", body)
    assert answer.status_code == 400
    assert answer.json()["code"] == 400


@pytest.mark.parametrize("name", [name for name, body in HOSTILE.items() if isinstance(body, str) and len(body) > 60])
def test_pythons_own_reader_would_take_some_of_it(name: str) -> None:
    """The teeth: what is refused here is what a plain json.loads lets through, or fails on."""
    with pytest.raises(strict_json.NotStrict):
        strict_json.read(str(HOSTILE[name]).encode())


@pytest.mark.xfail(strict=True, reason="What the strict reader is there for.")
@pytest.mark.parametrize("name", ["NaN", "Infinity", "1e400", "duplicate keys", "lone surrogate", "NUL"])
def test_teeth(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        json.loads(str(HOSTILE[name]))


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("properties", "is_fine"),
    [
        (nested(9), True),
        (nested(10), False),
        ({str(number): 1 for number in range(300)}, True),
        ({str(number): 1 for number in range(301)}, False),
        ({"k" * 255: 1}, True),
        ({"k" * 256: 1}, False),
        ({"a": "x" * 32_000}, True),
        ({"a": "x" * 32_768}, False),
        ({"a": "é" * 17_000}, False),
        ({"a": [1] * 20_000}, False),
    ],
)
def test_limits_of_one_event_leave_the_others_alone(
    segment: Source, take_in: Callable[[], int], properties: Any, is_fine: bool
) -> None:
    answer = segment.track(track(messageId="1"), track(messageId="2", properties=properties), track(messageId="3"))
    assert answer.status_code == 200
    assert [each["index"] for each in answer.json().get("rejected", [])] == ([] if is_fine else [1])
    take_in()
    assert len(segment.events()) == (3 if is_fine else 2)


def test_a_call_and_a_batch_have_their_sizes(segment: Source) -> None:
    large = {"a": "x" * 30_000}
    assert segment.segment("track", **track(properties=large)).status_code == 200
    assert (
        segment.segment("track", **track(properties={**large, "b": "x" * 3_000})).json()["code"] == "payload_too_large"
    )
    assert segment.track(*[track(properties=large)] * 16).status_code == 200
    assert segment.track(*[track(properties=large)] * 18).json()["code"] == "payload_too_large"
    assert segment.track(*[track()] * 2_501).json()["code"] == "batch_too_long"


def test_no_more_is_read_than_may_be() -> None:
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            self.given += size
            return b"x" * size

    source = Endless()
    request = RequestFactory().generic("POST", "/v1/batch", b"", HTTP_TRANSFER_ENCODING="chunked")
    request.META |= {"wsgi.input": source, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    with pytest.raises(receiving.TooLarge):
        receiving.body(request, 500_000)
    assert source.given == 500_001


def test_unknown_packing(segment: Source) -> None:
    answer = segment.post("/v1/batch", b"{}", Content_Encoding="br")
    assert answer.json()["code"] == "invalid_encoding"
