"""Services that are slow, broken or hostile: a call ends in time, with a whole answer or with none."""

from __future__ import annotations

import gzip
import http.client
import random
import socket
import struct
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from urllib3.response import HTTPResponse

from portal.outbound import Garbled, OutboundError, Reply, Session, Temporary, Timeout, Unreachable, connecting, send
from portal.outbound import door as doors
from tests.portal.outside import Authority, Outside, Resolver, Serve, answer, says

Patch = pytest.MonkeyPatch
SHORT = Timeout(connect=0.2, total=0.4)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
REACHED = (AssertionError, pytest.fail.Exception)
removed = pytest.mark.xfail(strict=True, raises=REACHED, reason="the protection is taken away")


def get(url: str, **named: Any) -> Reply:
    usual: dict[str, Any] = {"trusted": True, "service": "Klaviyo", "timeout": Timeout(2, 5)}
    return send("GET", url, **usual | named)


def dripping(*whole: bytes, piece: int = 1, pause: float = 0.03, most: float = 2) -> Serve:
    """Sends the first part at once, and the others in small pieces, until `most` seconds have gone by."""

    def serve(client: socket.socket, request: bytes) -> None:
        client.sendall(whole[0])
        rest, until = b"".join(whole[1:]), time.monotonic() + most
        for at in range(0, len(rest), piece):
            if time.monotonic() > until:
                return
            client.sendall(rest[at : at + piece])
            time.sleep(pause)

    return serve


@contextmanager
def in_time(most: float = 1.6) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < most


SLOW: dict[str, Serve] = {
    "nothing": lambda client, _: time.sleep(2),
    "status": dripping(b"HT", HEAD + b"\r\n" + b"x" * 99),
    "headers": dripping(HEAD, b"X-Long: " + b"x" * 999),
    "many headers": dripping(HEAD, b"A: b\r\n" * 999, piece=6),
    "many answers before it": dripping(
        b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 99, piece=25
    ),
    "body": dripping(HEAD + b"Content-Length: 1000\r\n\r\n", b"x" * 1000),
    "body without end": dripping(HEAD + b"\r\n", b"x" * 1000),
    "pieces": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 500, piece=6),
    "length of a piece": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 500),
    "packed": dripping(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 999\r\n\r\n", gzip.compress(b"x") * 40),
    "error": dripping(b"HTTP/1.1 500 X\r\nContent-Length: 1000\r\n\r\n", b"x" * 1000),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_answer_is_given_up_in_time(name: str) -> None:
    with (
        Outside(SLOW[name]) as outside,
        in_time(),
        pytest.raises(Unreachable, match=r"in full within [01]\.\d seconds"),
    ):
        get(outside.url, timeout=SHORT)


@pytest.mark.parametrize("name", ["headers", "body", "pieces"])
def test_a_slow_answer_over_tls_is_given_up_in_time(name: str, authority: Authority, session: Session) -> None:
    with Outside(SLOW[name], authority.server("127.0.0.1")) as outside, in_time(), pytest.raises(Unreachable):
        get(outside.url, session=session, timeout=SHORT)


@pytest.mark.teeth
@removed
@pytest.mark.parametrize("name", ["headers", "body"])
def test_with_the_time_limit_of_sockets_alone_it_is_not(name: str, monkeypatch: Patch) -> None:
    monkeypatch.setattr(connecting._Judged, "response_class", http.client.HTTPResponse)
    # The clock between two pieces, too, is a protection: it does not tick while one piece is put together.
    test_a_slow_answer_is_given_up_in_time(name)


def test_a_handshake_without_end_is_given_up_in_time() -> None:
    with Outside(says(b"")) as outside, in_time(), pytest.raises(Unreachable, match=r"within [01]\.\d seconds"):
        get(f"https://127.0.0.1:{outside.port}", timeout=SHORT)


def test_a_handshake_that_drips_is_given_up_in_time(monkeypatch: Patch) -> None:
    record = b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc" + b"\0" * 900

    def drip(client: socket.socket) -> None:
        with suppress(OSError):
            client.recv(65536)
            dripping(b"", record)(client, b"")
        client.close()

    monkeypatch.setattr(Outside, "_talk", lambda self, client: drip(client))
    with Outside(says(b"")) as outside, in_time(), pytest.raises(Unreachable, match=r"within [01]\.\d seconds"):
        get(f"https://127.0.0.1:{outside.port}", timeout=SHORT)


def test_a_connection_that_is_not_made_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        time.sleep(0.05)
        with in_time(), pytest.raises(Unreachable, match="no connection could be made"):
            get(f"http://127.0.0.1:{full.getsockname()[1]}", timeout=SHORT)
        for one in waiting:
            one.close()


def test_the_second_address_is_tried_when_the_first_does_not_answer(plain: Outside, monkeypatch: Patch) -> None:
    real = connecting._connected
    tried: list[str] = []

    def connected(family: Any, target: Any, call: Any) -> socket.socket:
        tried.append(target[0])
        if len(tried) == 1:
            raise TimeoutError
        return real(family, ("127.0.0.1", plain.port), call)

    monkeypatch.setattr(connecting, "_connected", connected)
    Resolver(monkeypatch, ["203.0.113.1", "127.0.0.1"])
    assert get("http://shop.example").status == 200
    assert tried == ["203.0.113.1", "127.0.0.1"]


def resets(client: socket.socket, request: bytes) -> None:
    client.sendall(HEAD + b"Content-Length: 100\r\n\r\nx")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def hangs_up(*sent: bytes) -> Serve:
    def serve(client: socket.socket, request: bytes) -> None:
        client.sendall(b"".join(sent))
        client.shutdown(socket.SHUT_RDWR)

    return serve


PAGE = b'{"data": [], "links": {"next": null}}'
PACKED = gzip.compress(PAGE * 20)
CUT: dict[str, Serve] = {
    "nothing": hangs_up(),
    "in the status": hangs_up(b"HTTP/1.1 20"),
    "in the headers": hangs_up(HEAD, b"Content-Le"),
    "after the headers": hangs_up(HEAD, b"Content-Length: 100\r\n\r\n"),
    "in the body": hangs_up(answer(PAGE, length=len(PAGE) + 1)),
    "in a piece": hangs_up(HEAD, b"Transfer-Encoding: chunked\r\n\r\n", b"25\r\n", PAGE[:-1]),
    "after a piece": hangs_up(HEAD, b"Transfer-Encoding: chunked\r\n\r\n", b"25\r\n", PAGE, b"\r\n"),
    "with a length that is none": hangs_up(HEAD, b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", PAGE),
    "in what is packed": hangs_up(answer(PACKED[:-9], "200 OK", "Content-Encoding: gzip")),
    "before the sum of what is packed": hangs_up(answer(PACKED[:-1], "200 OK", "Content-Encoding: gzip")),
    "by a reset": resets,
}


@pytest.mark.parametrize("name", CUT)
def test_an_answer_that_is_cut_short_is_none(name: str) -> None:
    with Outside(CUT[name]) as outside, in_time(), pytest.raises(Unreachable, match="broke off"):
        get(outside.url)


@pytest.mark.teeth
@removed
def test_without_the_length_half_an_answer_is_taken_for_a_whole_one(monkeypatch: Patch) -> None:
    begin = HTTPResponse.__init__

    def lax(self: Any, *args: Any, **named: Any) -> None:
        begin(self, *args, **named | {"enforce_content_length": False})

    monkeypatch.setattr(HTTPResponse, "__init__", lax)
    test_an_answer_that_is_cut_short_is_none("in the body")


@pytest.mark.parametrize("body", [b"<html>Sorry</html>", PAGE[:-1], b"", b"{'data': []}"])
def test_what_is_no_json_is_never_a_page(body: bytes) -> None:
    with Outside(says(answer(body))) as outside, pytest.raises(Garbled):
        get(outside.url).json()


@pytest.mark.parametrize("packing", ["br", "zstd", "deflate", "compress", "gzip, gzip", "gzip, br", "x"])
def test_what_is_packed_otherwise_is_not_unpacked(packing: str) -> None:
    with Outside(says(answer(PACKED, "200 OK", f"Content-Encoding: {packing}"))) as outside, pytest.raises(Garbled):
        get(outside.url)


@pytest.mark.parametrize(
    "packed",
    [b"no gzip at all", PACKED[:40] + b"\0" * 40 + PACKED[80:], PACKED + b"more"],
    ids=["not packed", "damaged", "more after its end"],
)
def test_what_cannot_be_unpacked_is_garbled(packed: bytes) -> None:
    with Outside(says(answer(packed, "200 OK", "Content-Encoding: gzip"))) as outside, pytest.raises(Garbled):
        get(outside.url)


def bomb(megabytes: int, members: int = 1) -> bytes:
    return gzip.compress(b"\0" * (megabytes * 1_000_000 // members)) * members


@pytest.mark.parametrize("members", [1, 50])
def test_a_bomb_is_not_unpacked(members: int) -> None:
    with Outside(says(answer(bomb(100, members), "200 OK", "Content-Encoding: gzip"))) as outside:
        tracemalloc.start()
        try:
            with pytest.raises(Garbled, match="more than 2,000,000 bytes"):
                get(outside.url, most_bytes=2_000_000, timeout=Timeout(1, 5))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 8_000_000


@pytest.mark.teeth
@removed
def test_without_the_bound_it_is(monkeypatch: Patch) -> None:
    def unpacked(packed: bytes, call: Any, most_bytes: int) -> bytes:
        body = zlib.decompress(packed, 31)
        if len(body) > most_bytes:
            raise doors._too_long(call, most_bytes)
        return body

    monkeypatch.setattr(doors, "_unpacked", unpacked)
    test_a_bomb_is_not_unpacked(1)


def endless(head: bytes, piece: bytes) -> Serve:
    def serve(client: socket.socket, request: bytes) -> None:
        client.sendall(head)
        while True:
            client.sendall(piece)

    return serve


ENDLESS = {
    "body": endless(HEAD + b"\r\n", b"x" * 65536),
    "said length": endless(HEAD + b"Content-Length: 99999999999\r\n\r\n", b"x" * 65536),
    "pieces": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "packed nothing": endless(HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 1000),
    "line": endless(HEAD + b"A: ", b"x" * 65536),
    "headers": endless(HEAD, b"A: b\r\n" * 1000),
    "status": endless(b"HTTP/1.1 200 ", b"x" * 65536),
    "answers before it": endless(b"", CONTINUE * 1000),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_without_end_is_given_up(name: str) -> None:
    with Outside(ENDLESS[name]) as outside, in_time(4), pytest.raises(Temporary):
        get(outside.url, most_bytes=1_000_000, timeout=Timeout(2, 0.7))


def test_twenty_megabytes_are_the_most_as_a_rule() -> None:
    with Outside(says(answer(bomb(21), "200 OK", "Content-Encoding: gzip"))) as outside:
        with pytest.raises(Garbled, match="more than 20,000,000 bytes"):
            get(outside.url, timeout=Timeout())
        outside.serve = says(answer(bomb(20), "200 OK", "Content-Encoding: gzip"))
        assert len(get(outside.url, timeout=Timeout()).body) == 20_000_000


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """The response with a few bytes changed, left out, doubled or moved."""
    got = bytearray(whole)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(got) - 1)
        match rng.randrange(4):
            case 0:
                got[at] = rng.randrange(256)
            case 1:
                del got[at : at + rng.randint(1, 8)]
            case 2:
                got[at:at] = got[at : at + rng.randint(1, 30)]
            case _:
                got[at:at] = rng.choice(
                    [b"\r\n", b"\0", b": ", b"-1", b"99999999999999999999", b"\xff\xfe", b"\r\n\r\n"]
                )
    return bytes(got)


def test_whatever_comes_back_is_an_answer_or_an_error() -> None:
    rng = random.Random(5)
    chunked = HEAD + b"Transfer-Encoding: chunked\r\nX: y\r\n\r\n25\r\n" + PAGE + b"\r\n0\r\nA: b\r\n\r\n"
    wholes = [answer(PAGE, "200 OK", "X: y"), answer(PACKED, "200 OK", "Content-Encoding: gzip"), chunked]
    met = {"answer": 0, "error": 0}
    with Outside(says(b"")) as outside:
        for _ in range(600):
            outside.serve = hangs_up(damaged(rng.choice(wholes), rng))
            try:
                get(outside.url)
                met["answer"] += 1
            except OutboundError:
                met["error"] += 1
    assert min(met.values()) > 100
