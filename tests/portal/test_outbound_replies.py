"""What the answer of a service means, in its status, its headers and its body."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from portal import outbound
from portal.outbound import Reply, raise_for, retry_after

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def reply(status: int = 200, body: bytes = b"{}", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, CaseInsensitiveDict(named), body, "Klaviyo")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7), (" 7 ", 7), ("0", 0), ("007", 7), ("1.5", 1.5), ("86400", 86400), ("999999999", 999999999),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30), ("Sunday, 22-Nov-26 12:00:30 GMT", 30), ("Sun Nov 22 12:00:30 2026", 30),
        ("Sun, 22 Nov 2026 14:00:30 +0200", 30), ("Mon, 23 Nov 2026 12:00:00 GMT", 86400),
        ("Sun, 22 Nov 2026 11:59:59 GMT", None), ("Thu, 01 Jan 1970 00:00:00 GMT", None), ("-7", None), ("-0", None),
        ("+7", None), ("", None), (" ", None), ("soon", None), ("7s", None), ("7, 7", None), ("1e3", None),
        ("nan", None), ("inf", None), ("Infinity", None), ("0x7", None), ("٧", None), ("७", None), ("9" * 5000, None),
        ("1.", None), (".5", None), ("1_000", None), ("Sun, 99 Nov 2026 12:00:30 GMT", None),
        ("Sun, 22 Nov 99999 12:00:30 GMT", None),
        ("2026-11-22T12:00:30Z", None), ("\x007", None), ("null", None), ("[7]", None), ("Sun, 22 Nov", None),
    ],
)  # fmt: skip
def test_the_time_to_wait(said: str, seconds: float | None) -> None:
    assert retry_after(reply(429, Retry_After=said), NOW) == seconds


def test_no_time_to_wait_is_said() -> None:
    assert retry_after(reply(429), NOW) is None


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (400, {}, outbound.Rejected), (401, {}, outbound.Refused), (402, {}, outbound.Rejected),
        (403, {}, outbound.Refused), (403, {"cf_mitigated": "challenge"}, outbound.Unreachable),
        (404, {}, outbound.Missing), (405, {}, outbound.Rejected), (408, {}, outbound.Unreachable),
        (409, {}, outbound.Rejected), (410, {}, outbound.Missing), (422, {}, outbound.Rejected),
        (425, {}, outbound.Unreachable), (429, {}, outbound.Throttled), (429, {"retry_after": "7"}, outbound.Throttled),
        (500, {}, outbound.Unreachable), (502, {}, outbound.Unreachable), (503, {}, outbound.Unreachable),
        (503, {"retry_after": "7"}, outbound.Throttled), (503, {"retry_after": "soon"}, outbound.Unreachable),
        (504, {}, outbound.Unreachable), (524, {}, outbound.Unreachable), (599, {}, outbound.Unreachable),
    ],
)  # fmt: skip
def test_the_status_says_what_to_do(status: int, headers: Any, kind: type[outbound.OutboundError]) -> None:
    with pytest.raises(outbound.OutboundError) as caught:
        raise_for(reply(status, b"<html>secret</html>", **headers), "Klaviyo")
    assert type(caught.value) is kind
    assert str(caught.value).startswith(("Klaviyo ", "The protection in front of Klaviyo "))
    assert str(status) in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_success_says_nothing(status: int) -> None:
    raise_for(reply(status), "Klaviyo")


def test_errors_carry_what_their_handlers_need() -> None:
    with pytest.raises(outbound.Throttled) as throttled:
        raise_for(reply(429, Retry_After="86400"), "Klaviyo")
    assert throttled.value.retry_after == 86400
    with pytest.raises(outbound.Throttled) as silent:
        raise_for(reply(429, Retry_After="-1"), "Klaviyo")
    assert silent.value.retry_after is None
    said = reply(400, b'{"errors":[]}')
    with pytest.raises(outbound.Rejected) as rejected:
        raise_for(said, "Klaviyo")
    assert rejected.value.reply is said
    temporary = {outbound.Unreachable, outbound.Garbled, outbound.Throttled}
    for kind in (*temporary, outbound.Refused, outbound.Missing, outbound.Rejected, outbound.Blocked):
        assert issubclass(kind, outbound.Temporary) == (kind in temporary)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}), (b" [1, 2.5, null] ", [1, 2.5, None]), ('{"name": "Zoë 😀"}'.encode(), {"name": "Zoë 😀"}),
        (rb'{"name": "\ud83d\ude00"}', {"name": "😀"}), (rb'["\ud83d", "\ude00x", "\u00e4"]', ["?", "?x", "ä"]),
        (b'"text"', "text"), (b"12345678901234567890", 12345678901234567890), (b"1e5", 1e5),
    ],
)  # fmt: skip
def test_json_is_read(body: bytes, value: Any) -> None:
    found = reply(body=body).json()
    assert found == value
    assert str(found).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "nothing"), (b"  \r\n", "nothing"), (b"<html><h1>Sorry</h1></html>", "a web page"),
        (b"\n <!doctype html>", "a web page"), (b"{", "something unreadable"), (b'{"data": [', "something unreadable"),
        (b'{"a": 1}{"a": 2}', "something unreadable"), (b"{'a': 1}", "something unreadable"),
        (b'{"a": NaN}', "something unreadable"), (b"[Infinity]", "something unreadable"),
        (b"[-Infinity]", "something unreadable"), (b"[1e400]", "something unreadable"),
        (b'{"a": 1,}', "something unreadable"),
        (b'"\xff"', "something unreadable"), ('{"a": 1}'.encode("utf-16"), "something unreadable"),
        (b"[" * 100_000, "something unreadable"), (b"1" * 5000, "something unreadable"),
        (b'"\x00"', "something unreadable"),
        (b"\xef\xbb\xbf{}", "something unreadable"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_told_in_words(body: bytes, words: str) -> None:
    with pytest.raises(outbound.Garbled, match=f"^Klaviyo answered with {words} instead of data"):
        reply(body=body).json()


def test_a_page_is_known_by_what_it_says_of_itself() -> None:
    with pytest.raises(outbound.Garbled, match="a web page"):
        reply(body=b"Sorry", Content_Type="text/html; charset=utf-8").json()


def test_headers_are_found_in_any_case_and_nothing_of_an_answer_is_shown() -> None:
    said = reply(200, b"somebody@shop.example", Set_Cookie="a-secret")
    assert said.headers["set-cookie"] == said.headers["SET-COOKIE"] == "a-secret"
    assert "secret" not in repr(said)
    assert "somebody" not in repr(said)
