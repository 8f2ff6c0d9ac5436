"""Which addresses a person may make the portal call: https, port 443, on the public internet, and what the operator
allows besides.

An address is read once, here, and written anew from what was read; so no other reader of it can find another host. Its
name is looked up once for each connection, each answer is judged, and the connection goes to an answer that was judged.
"""

from __future__ import annotations

import re
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import idna
from django.conf import settings

from portal.outbound.errors import Blocked

Address = IPv4Address | IPv6Address
Target = tuple[socket.AddressFamily, tuple[Any, ...]]
"""A family of sockets, and what they connect to."""

HTTPS_PORT = 443
_PORTS = {"http": 80, "https": HTTPS_PORT}

# Not the flags of `ipaddress`, which call several of these global.
_CLOSED_V4 = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by customers of a provider; clouds keep services of their own here
        "127.0.0.0/8",
        "168.63.129.16/32",  # the host below an Azure machine
        "169.254.0.0/16",  # link-local, with the metadata of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
# Outside of this nothing is given out to the public: so no IPv4 in IPv6 clothes (mapped, compatible, NAT64), no local.
_OPEN_V6 = ip_network("2000::/3")
_CLOSED_V6 = [
    ip_network(text)
    for text in (
        "2001::/23",  # protocols: Teredo, ORCHID, benchmarks, relays
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3ffe::/16",
        "3fff::/20",
    )
]

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]/?#@:%]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?].*)?"
)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\#]|\s")
_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")

NOT_READ = "The address cannot be read: write it like https://service.example/path."
NOT_HTTPS = "The address must begin with https://."
NOT_PORT = "Only the usual port of https, 443, is called."
NOT_PUBLIC = "The address leads into a private or reserved network, and is not called."


@dataclass(frozen=True)
class Place:
    """Where an address leads. `host`: a name in ASCII, or an IP address without brackets; `rest`: path and query."""

    scheme: str
    host: str
    port: int
    rest: str
    address: Address | None = None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.rest}"


def check_url(url: str) -> None:
    """For forms: raise Blocked, with the reason, for an address that will not be called. Nothing is looked up: a name
    that leads to a forbidden place is found out by calling it."""
    read(url, trusted=False)


def read(url: str, *, trusted: bool) -> Place:
    """The address, taken apart. Raises Blocked for one that cannot be read, or, unless it is `trusted`, will not be
    called."""
    found = None if _FORBIDDEN.search(url) else _URL.fullmatch(url)
    scheme = found["scheme"].lower() if found else ""
    if found is None or scheme not in _PORTS:
        raise Blocked(NOT_HTTPS if found else NOT_READ)
    host, address = _host(found["host"])
    place = Place(scheme, host, int(found["port"] or _PORTS[scheme]), found["rest"] or "/", address)
    if not 0 < place.port < 65536:
        raise Blocked(NOT_READ)
    if not trusted:
        _judge(place)
    return place


def _judge(place: Place) -> None:
    if place.scheme != "https":
        raise Blocked(NOT_HTTPS)
    if place.port != HTTPS_PORT and place.port not in {port for _, port in settings.OUTBOUND_ALLOW}:
        raise Blocked(NOT_PORT)
    address = place.address
    if place.host == "localhost" or place.host.endswith(".localhost"):
        address = IPv4Address("127.0.0.1")
    if address is not None and not is_allowed(address, place.port):
        raise Blocked(NOT_PUBLIC)


def _host(text: str) -> tuple[str, Address | None]:
    """The host as it is called, and the address that it is itself: numbers count in every notation that a system's
    resolver would take."""
    try:
        if text.startswith("["):
            address = IPv6Address(text[1:-1])
            return address.compressed, address
        name = text.lower() if text.isascii() else idna.encode(text, uts46=True).decode("ascii").lower()
        name = name.removesuffix(".")
        if _ENDS_IN_A_NUMBER.fullmatch(name):
            plain = IPv4Address(socket.inet_aton(name))
            return str(plain), plain
    except (AddressValueError, idna.IDNAError, UnicodeError, OSError):
        raise Blocked(NOT_READ) from None
    if not _NAME.fullmatch(name):
        raise Blocked(NOT_READ)
    return name, None


def is_allowed(address: Address, port: int = HTTPS_PORT) -> bool:
    """Whether a person may make the portal connect to this: a public address that is not this machine's own, at 443;
    or what the operator allows."""
    if any(port == open_port and address in network for network, open_port in settings.OUTBOUND_ALLOW):
        return True
    return port == HTTPS_PORT and is_public(address) and not is_own(address)


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def is_own(address: Address) -> bool:
    """Whether this machine answers to the address: then a socket may stand on it."""
    nobody = "192.0.2.1" if isinstance(address, IPv4Address) else "2001:db8::1"
    # Some machines let sockets stand anywhere, which tells nothing.
    return _may_stand_on(str(address)) and not _may_stand_on(nobody)


def _may_stand_on(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def find(host: str, port: int, *, trusted: bool, seconds: float) -> list[Target]:
    """Where to connect to for `host`, in the order to try; looked up once.

    Raises OSError when it cannot be looked up, or not within `seconds`; and, unless it is `trusted`, Blocked if a
    single one of the answers is not allowed.
    """
    answers = [answer for answer in _look_up(host, port, seconds) if answer[0] in {socket.AF_INET, socket.AF_INET6}]
    targets: list[Target] = [(family, target) for family, _, _, _, target in answers]
    if not targets:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    if not trusted and not all(_is_target_allowed(target) for _, target in targets):
        raise Blocked(NOT_PUBLIC)
    return targets


def _is_target_allowed(target: tuple[Any, ...]) -> bool:
    try:
        return is_allowed(ip_address(target[0]), target[1])
    except ValueError:
        return False


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """What the system's resolver says; it knows no time limit, so it is asked from a thread of its own."""
    asked: Future[list[Any]] = Future()

    def ask() -> None:
        try:
            asked.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP))
        except Exception as error:  # noqa: BLE001  (raised where it was asked)
            asked.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return asked.result(timeout=seconds)
