"""A pytest plugin that keeps every test on this machine: connecting beyond loopback, or asking for a name, fails."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

# A server that the person running the tests named is theirs to use, wherever it stands.
NAMED = {urlsplit(os.environ.get(name, "")).hostname for name in ("DATABASE_URL", "CELERY_BROKER_URL", "REDIS_URL")}
ALLOWED_NAMES = {"localhost", ""} | NAMED | {None}
_answers: set[str] = set()


class NetworkUseError(RuntimeError):
    """A test reached for a machine other than this one."""


def _host(address: Any) -> str | None:
    host = address[0] if isinstance(address, tuple) else None
    return host.decode() if isinstance(host, bytes) else host


def _is_allowed(host: str | None) -> bool:
    if host in ALLOWED_NAMES or host in _answers:
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_beyond_loopback(host: str | None) -> None:
    if not _is_allowed(host):
        raise NetworkUseError(f"Tests stay on this machine; this one reached for {host!r}.")


@pytest.fixture(scope="session", autouse=True)
def network_guard() -> Iterator[None]:
    """Replace the socket calls for the whole run; sockets of the file system family stay free."""
    real_connect, real_connect_ex = socket.socket.connect, socket.socket.connect_ex
    real_sendto, real_getaddrinfo = socket.socket.sendto, socket.getaddrinfo

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            _refuse_beyond_loopback(_host(address))
        return real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            _refuse_beyond_loopback(_host(address))
        return real_connect_ex(self, address)

    def sendto(self: socket.socket, data: bytes, *rest: Any) -> int:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            _refuse_beyond_loopback(_host(rest[-1]))
        return real_sendto(self, data, *rest)

    def getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        _refuse_beyond_loopback(name)
        found = real_getaddrinfo(host, *rest, **named)
        _answers.update(str(entry[4][0]) for entry in found)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", connect_ex)
        patch.setattr(socket.socket, "sendto", sendto)
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield
