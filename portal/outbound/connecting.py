"""Connections to outside services: to addresses that were judged, and within one time limit for all of a call.

The time limit of a socket is for each of its operations: a service that sends a byte every few seconds never meets it.
Here every operation is given what is left of the whole call.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from portal.outbound import addresses
from portal.outbound.errors import Unreachable

_MINE = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))


@dataclass(frozen=True)
class Timeout:
    """Seconds: to be connected to one address, and for the whole call with all of its answer."""

    connect: float = 5
    total: float = 30


@dataclass
class Call:
    """A call that is being made."""

    service: str
    timeout: Timeout
    began: float = field(default_factory=time.monotonic)

    @property
    def passed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def left(self) -> float:
        """Seconds that are left of it. Raises TimeoutError when there are none."""
        seconds = self.timeout.total - self.passed
        if seconds <= 0:
            raise TimeoutError("the call's time is over")
        return seconds

    def left_to_connect(self) -> float:
        return min(self.left(), self.timeout.connect)


_call: ContextVar[Call] = ContextVar("portal.outbound.call")


@contextmanager
def during(call: Call) -> Iterator[None]:
    """Within, connections keep to the time of this call."""
    token = _call.set(call)
    try:
        yield
    finally:
        _call.reset(token)


class _TimedFile(io.RawIOBase):
    """What comes in through a socket, while the call that reads it has time left."""

    def __init__(self, file: Any, sock: Any) -> None:
        self.file, self.sock, self.call = file, sock, _call.get()
        self.is_at_end = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self.sock.settimeout(self.call.left())
        read: int | None = self.file.readinto(buffer)
        self.is_at_end = read == 0
        return read

    def close(self) -> None:
        if not self.closed:
            self.file.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._file = _TimedFile(self.fp.detach(), sock)
        self.fp: Any = io.BufferedReader(self._file)

    def begin(self) -> None:
        super().begin()
        # The library takes headers that break off for all of them.
        if self._file.is_at_end:
            raise http.client.IncompleteRead(b"")


class _Judged:
    """Part of a connection: it looks the name up once, and goes where it was told then. The name stays what the
    certificate is held against, and what the service is told."""

    response_class = _TimedResponse
    trusted = False
    _dns_host: str
    port: int

    def _new_conn(self) -> socket.socket:
        call = _call.get()
        try:
            host = self._dns_host.strip("[]")
            targets = addresses.find(host, self.port, trusted=self.trusted, seconds=call.left_to_connect())
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"{call.service} was not reached: its address could not be looked up.") from error
        failure: OSError | None = None
        for family, target in targets:
            try:
                return _connected(family, target, call)
            except OSError as error:
                failure = error
        raise Unreachable(f"{call.service} was not reached: no connection could be made.") from failure


def _connected(family: socket.AddressFamily, target: tuple[Any, ...], call: Call) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        for option in _MINE:
            sock.setsockopt(*option)
        sock.settimeout(call.left_to_connect())
        sock.connect(target)
        # What follows is the handshake, all of it within this time, and then the question.
        sock.settimeout(call.left_to_connect())
    except BaseException:
        sock.close()
        raise
    return sock


class _JudgedHTTPS(_Judged, HTTPSConnection):  # type: ignore[misc]
    pass


class _TrustedHTTP(_Judged, HTTPConnection):  # type: ignore[misc]
    trusted = True


class _TrustedHTTPS(_Judged, HTTPSConnection):  # type: ignore[misc]
    trusted = True


def _pool(kind: type[Any], connection: type[Any]) -> type[Any]:
    return type(f"{connection.__name__}Pool", (kind,), {"ConnectionCls": connection})


_JUDGED = {"https": _pool(HTTPSConnectionPool, _JudgedHTTPS)}
_TRUSTED = {"https": _pool(HTTPSConnectionPool, _TrustedHTTPS), "http": _pool(HTTPConnectionPool, _TrustedHTTP)}


class _Adapter(HTTPAdapter):
    def __init__(self, pools: dict[str, type[Any]]) -> None:
        self.pools = pools
        super().__init__(pool_connections=4, pool_maxsize=4)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self.pools


class Session:
    """Connections that stay open from one call to the next; close it, or use it in a `with`.

    It keeps no cookies, follows nothing, and takes nothing from the environment: no proxies, no passwords of netrc.
    `authorities`: a file of certificates to believe in place of the usual ones.
    """

    def __init__(self, *, authorities: str | None = None) -> None:
        self.authorities = authorities
        # Apart: what is open to a trusted address must not serve a call to the same address that a person typed.
        self._adapters = {True: _Adapter(_TRUSTED), False: _Adapter(_JUDGED)}

    def adapter(self, *, trusted: bool) -> HTTPAdapter:
        return self._adapters[trusted]

    def close(self) -> None:
        for adapter in self._adapters.values():
            adapter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
