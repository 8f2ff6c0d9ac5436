"""A small HTTP/1.1 server on loopback: a thread a connection, and replies that may break on their way, on purpose."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

HOST = "127.0.0.1"
MOST_HEAD = 65_536
MOST_BODY = 20_000_000
JSON_API = "application/vnd.api+json"
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """What was asked; names of headers are in lower case, `arrived` is of the monotonic clock."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    arrived: float

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(slots=True)
class Reply:
    """What is answered, and how it travels."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON_API
    missing: int = 0
    """Bytes that are announced beyond the body, and never come."""
    pause: float = 0.0
    """Seconds before the first byte."""
    drip: float = 0.0
    """Seconds before each byte of the body."""
    hangs_up: bool = False
    """Whether the connection is closed instead of any answer."""


class Malformed(Exception):
    """What came is no HTTP/1.1 request that this server reads; the message says why."""


class Server:
    """Answers by `handler` on 127.0.0.1, at `port` or, with 0, at a free one, from `start` to `stop`.

    What `handler` raises is answered with 500 and kept in `broken`.
    """

    def __init__(self, handler: Callable[[Request], Reply], port: int = 0) -> None:
        self._handler, self._wanted = handler, port
        self.broken: list[Exception] = []
        self.port = 0
        self._ending = threading.Event()
        self._listener: socket.socket | None = None
        self._wires: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Listen; raises OSError when the port is taken."""
        self._listener = socket.create_server((HOST, self._wanted), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._ending.clear()
        self._doorman = threading.Thread(target=self._accept, args=(self._listener,), name="sandbox", daemon=True)
        self._doorman.start()

    def stop(self) -> None:
        """Close every connection, those that hang too, and wait for their threads."""
        if self._listener is None:
            return
        self._ending.set()
        with contextlib.suppress(OSError):
            # The one who accepts looks up when somebody comes.
            socket.create_connection((HOST, self.port), timeout=1).close()
        self._doorman.join(5)
        self._listener.close()
        self._listener = None
        with self._lock:
            open_now = dict(self._wires)
        for wire in open_now:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        for thread in open_now.values():
            thread.join(5)

    def _accept(self, listener: socket.socket) -> None:
        while not self._ending.is_set():
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._converse, args=(wire,), name="sandbox-wire", daemon=True)
            with self._lock:
                self._wires[wire] = thread
            thread.start()

    def _converse(self, wire: socket.socket) -> None:
        """One connection, from its first request to its end."""
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = b""
        try:
            while not self._ending.is_set():
                request, rest = read_request(wire, rest)
                if request is None:
                    return
                if not self._send(wire, self._answer(request)) or request.headers.get("connection") == "close":
                    return
        except Malformed as error:
            with contextlib.suppress(OSError):
                wire.sendall(head_of(Reply(400, str(error).encode(), content_type="text/plain")) + str(error).encode())
        except OSError:
            return  # the other side has gone
        finally:
            with self._lock:
                self._wires.pop(wire, None)
            wire.close()

    def _answer(self, request: Request) -> Reply:
        try:
            return self._handler(request)
        except Exception as error:  # noqa: BLE001
            self.broken.append(error)
            return Reply(500, f"The sandbox itself broke: {error!r}".encode(), content_type="text/plain")

    def _send(self, wire: socket.socket, reply: Reply) -> bool:
        """Send `reply`; whether the connection may be used again."""
        if reply.pause and self._ending.wait(reply.pause):
            return False
        if reply.hangs_up:
            return False
        if not reply.drip:
            wire.sendall(head_of(reply) + reply.body)
            return not reply.missing
        wire.sendall(head_of(reply))
        for place in range(len(reply.body)):
            if self._ending.wait(reply.drip):
                return False
            wire.sendall(reply.body[place : place + 1])
        return not reply.missing


def head_of(reply: Reply) -> bytes:
    """The status line and the headers, to the empty line."""
    lines = [
        f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, 'Unknown')}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body) + reply.missing}",
    ]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def read_request(wire: socket.socket, rest: bytes) -> tuple[Request | None, bytes]:
    """The next request and what came behind it; None when the other side is done. Raises Malformed."""
    while (end := rest.find(b"\r\n\r\n")) < 0:
        if len(rest) > MOST_HEAD:
            raise Malformed("The head of the request is too long.")
        if not (more := wire.recv(65_536)):
            return None, b""
        rest += more
    method, target, headers = parse_head(rest[:end].decode("latin-1"))
    body, arrived = rest[end + 4 :], time.monotonic()
    if "transfer-encoding" in headers:
        raise Malformed("A body needs a Content-Length here.")
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MOST_BODY:
        raise Malformed("That Content-Length is no number, or too much.")
    while len(body) < int(length):
        if not (more := wire.recv(65_536)):
            return None, b""
        body += more
    return Request(method, target, headers, body[: int(length)], arrived), body[int(length) :]


def parse_head(text: str) -> tuple[str, str, dict[str, str]]:
    """Method, target and headers."""
    first, *lines = text.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in {"HTTP/1.1", "HTTP/1.0"} or not words[1].startswith("/"):
        raise Malformed("The first line is not that of an HTTP/1.1 request.")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise Malformed("A header has no colon.")
        headers[name.lower()] = value.strip()
    return words[0], words[1], headers
