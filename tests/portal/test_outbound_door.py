"""Calls to outside services: where they go, what they take along, and what is told of them."""

from __future__ import annotations

import gzip
import logging
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db.transaction import atomic

from portal.outbound import (
    Garbled,
    OutboundError,
    Refused,
    Session,
    Timeout,
    send,
)
from tests.portal.outside import Outside, answer, says

Patch = pytest.MonkeyPatch


def get(url: str, **named: Any) -> Any:
    return send("GET", url, trusted=True, service="Klaviyo", timeout=Timeout(2, 3), **named)


def test_an_answer_comes_whole(plain: Outside) -> None:
    headers = {"Authorization": "Klaviyo-API-Key pk_1"}
    reply = get(f"{plain.url}/api/lists?a=1", params={"page[size]": 10}, headers=headers)
    assert (reply.status, reply.json(), reply.headers["x-said"]) == (200, {"ok": True}, "yes")
    head = plain.requests[0].decode()
    assert head.startswith("GET /api/lists?a=1&page%5Bsize%5D=10 HTTP/1.1\r\n")
    assert "Authorization: Klaviyo-API-Key pk_1\r\n" in head
    assert "Accept-Encoding: gzip\r\n" in head
    assert f"Host: 127.0.0.1:{plain.port}\r\n" in head


def test_what_is_sent_is_json(plain: Outside) -> None:
    send("post", plain.url, json={"query": "ä"}, trusted=True)
    assert plain.requests[0].startswith(b"POST / HTTP/1.1\r\n")
    assert b"Content-Type: application/json\r\n" in plain.requests[0]
    assert plain.requests[0].endswith(b'{"query": "\\u00e4"}')


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "400 X", "401 X", "404 X", "429 X", "500 X", "503 X"])
def test_answers_of_every_status_are_returned(status: str) -> None:
    with Outside(says(answer(b"", status))) as outside:
        assert get(outside.url).status == int(status[:3])


@pytest.mark.django_db
def test_nobody_calls_while_holding_locks(plain: Outside) -> None:
    get(plain.url)
    with atomic(), pytest.raises(RuntimeError, match="transaction"):
        get(plain.url)
    get(plain.url)
    assert plain.accepted == 2


def test_what_is_packed_is_unpacked(plain: Outside) -> None:
    twice = gzip.compress(b'{"a": ') + gzip.compress(b'"b"}')
    plain.serve = says(answer(twice, "200 OK", "Content-Encoding: GZIP"))
    assert get(plain.url).json() == {"a": "b"}
    plain.serve = says(answer(b"", "200 OK", "Content-Encoding: gzip"))
    assert get(plain.url).body == b""


def test_a_session_keeps_its_connection_and_no_cookies(plain: Outside) -> None:
    plain.serve = says(answer(b"{}", "200 OK", "Set-Cookie: a=b; Path=/"))
    with Session() as session:
        for _ in range(5):
            get(plain.url, session=session)
    assert (plain.accepted, len(plain.requests)) == (1, 5)
    assert not any(b"Cookie" in request for request in plain.requests)
    get(plain.url)
    assert plain.accepted == 2


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("target", ["http://127.0.0.1:{}/", "file:///etc/passwd", "//127.0.0.1:{}/", "gopher://x:1/"])
def test_redirects_are_not_followed(status: int, target: str, plain: Outside) -> None:
    location = f"Location: {target.format(plain.port)}"
    with Outside(says(answer(b"", f"{status} X", location))) as outside, pytest.raises(Garbled, match="redirect"):
        get(outside.url)
    assert plain.accepted == 0


def test_nothing_is_taken_from_the_environment(plain: Outside, tmp_path: Path, monkeypatch: Patch) -> None:
    (tmp_path / ".netrc").write_text("default login somebody password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Outside(says(answer())) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.lower(), proxy.url)
        get(plain.url)
    assert proxy.accepted == 0
    assert b"Authorization" not in plain.requests[0]


SECRET = "pk_0123456789abcdef0123456789"


def failures(plain: Outside) -> dict[str, Callable[[], Any]]:
    def call(**named: Any) -> Any:
        usual: dict[str, Any] = {"url": plain.url, "params": {"key": SECRET}, "trusted": True}
        return send("GET", **usual | {"headers": {"Authorization": f"Klaviyo-API-Key {SECRET}"}} | named)

    def serving(*responses: bytes) -> Any:
        plain.serve = says(*responses)
        return call()

    return {
        "refused": lambda: call(url="http://127.0.0.1:1/"),
        "blocked": lambda: call(url="https://127.0.0.1/", trusted=False),
        "unreadable": lambda: call(url=f"https://{SECRET}@127.0.0.1/"),
        "cut": lambda: serving(answer(SECRET.encode(), length=900)[:-3]),
        "no http": lambda: serving(b"what?\r\n\r\n"),
        "bad header": lambda: serving(b"HTTP/1.1 200 OK\r\nno header\r\n\r\n").json(),
        "bad length": lambda: serving(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nx"),
        "redirect": lambda: serving(answer(b"", "302 X", f"Location: https://x.example/{SECRET}")),
        "no json": lambda: serving(answer(SECRET.encode())).json(),
        "newline": lambda: call(headers={"Authorization": f"Klaviyo-API-Key {SECRET}\r\nX: y"}),
        "space": lambda: call(headers={"Authorization": f"Klaviyo-API-Key {SECRET} "}),
        "letters": lambda: call(headers={"Authorization": f"Klaviyo-API-Key {SECRET}ä"}),
        "nothing": lambda: call(headers={"Authorization": ""}),
    }


@pytest.mark.parametrize("name", failures(None))  # type: ignore[arg-type]
def test_nothing_secret_is_told(name: str, plain: Outside, caplog: Any, monkeypatch: Patch) -> None:
    monkeypatch.setattr(plain, "_talk", once(plain))
    caplog.set_level(logging.INFO)
    with pytest.raises(OutboundError) as caught:
        failures(plain)[name]()
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert SECRET not in told
    assert "?" not in str(caught.value)
    if name in {"newline", "space", "letters", "nothing"}:
        assert isinstance(caught.value, Refused)
        assert plain.accepted == 0


def once(outside: Outside) -> Callable[[socket.socket], None]:
    """Answers one request and hangs up."""

    def talk(client: socket.socket) -> None:
        with client:
            outside.serve(client, client.recv(65536))

    return talk


def test_the_log_of_libraries_does_not_show_addresses_with_their_queries(settings: Any) -> None:
    assert settings.LOGGING["loggers"]["urllib3"]["level"] == "ERROR"
