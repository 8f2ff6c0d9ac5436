"""The one door through which the portal calls outside services: an answer comes whole and soon, or as an error."""

from __future__ import annotations

import http.client
import re
import ssl
import zlib
from collections.abc import Mapping
from typing import Any

import requests
import structlog
import urllib3
from django.conf import settings
from django.db import connection
from requests.structures import CaseInsensitiveDict

from portal.outbound import addresses
from portal.outbound.connecting import Call, Session, Timeout, during
from portal.outbound.errors import Blocked, Garbled, OutboundError, Refused, Unreachable
from portal.outbound.replies import LATER, Reply

log = structlog.get_logger(__name__)

MOST_BYTES = 20_000_000
PIECE = 64 * 1024
USUAL = Timeout()
_SENDABLE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_GZIP = 16 + zlib.MAX_WBITS
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
"""What connecting and reading fail with; ValueError is what a library makes of lines that are no HTTP."""


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    trusted: bool = False,
    timeout: Timeout = USUAL,
    most_bytes: int = MOST_BYTES,
    session: Session | None = None,
    service: str = "The service",
) -> Reply:
    """Call `url`, and return the whole answer, whatever its status; `raise_for` tells what that means.

    Raises Blocked for an address that is not called, Unreachable for no whole answer within `timeout`, Garbled for a
    redirect (which is not followed) and for more than `most_bytes` (unpacked), and Refused for a header that cannot be
    sent. `trusted`: the environment named the address, so http and this machine are as good. `service` is its name for
    staff. Without a `session` the connection is closed afterwards. Within a transaction, whose locks would wait for
    others, nothing is called: that is a RuntimeError.
    """
    _refuse_within_a_transaction()
    place = addresses.read(url, trusted=trusted)
    request = _prepared(method, place, _headers(headers, service), params, json)
    own = session or Session()
    call = Call(service, timeout)
    try:
        with during(call):
            return _call(request, own, call, trusted=trusted, most_bytes=most_bytes)
    except OutboundError as error:
        log.info("outbound_failed", service=service, host=place.host, outcome=type(error).__name__)
        raise
    finally:
        if session is None:
            own.close()


def _refuse_within_a_transaction() -> None:
    # As `atomic(durable=True)` does it: a test's own transaction does not count.
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        raise RuntimeError("An outside service is not called within a transaction.")


def _headers(given: Mapping[str, str] | None, service: str) -> dict[str, str]:
    headers = {"User-Agent": f"Coterie/{settings.VERSION}", "Accept": "application/json"} | dict(given or {})
    if not all(_SENDABLE.fullmatch(value) for value in headers.values()):
        raise Refused(f"The key for {service} has characters or spaces that no key has. Enter it once more.")
    return headers | {"Accept-Encoding": "gzip"}


def _prepared(method: str, place: addresses.Place, headers: Any, params: Any, json: Any) -> requests.PreparedRequest:
    request = requests.Request(method.upper(), place.url, headers=headers, params=params, json=json).prepare()
    # The library reads the address again: it must not find another host in it.
    again = addresses.read(request.url or "", trusted=True)
    if (again.scheme, again.host, again.port) != (place.scheme, place.host, place.port):
        raise Blocked(addresses.NOT_READ)
    return request


def _call(request: Any, session: Session, call: Call, *, trusted: bool, most_bytes: int) -> Reply:
    failure: OutboundError
    answer: requests.Response | None = None
    try:
        limits: Any = urllib3.Timeout(connect=call.left_to_connect(), read=call.left())
        verify = session.authorities or True
        answer = session.adapter(trusted=trusted).send(request, stream=True, timeout=limits, verify=verify)
        if 300 <= answer.status_code < 400:
            raise Garbled(f"{call.service} answered with a redirect, which is not followed ({answer.status_code}).")
        body = _body(answer, call, most_bytes)
        return Reply(answer.status_code, CaseInsensitiveDict(answer.headers), body, call.service)
    except OutboundError as error:
        failure = error
    except _BROKEN as error:
        failure = _failure(error, call)
    if answer is not None:
        # Whatever is still on its way must not be taken for the next answer.
        answer.raw.close()
    # Raised out here: what the libraries say has the address with its query, and would be shown along with it.
    raise failure


def _body(answer: requests.Response, call: Call, most_bytes: int) -> bytes:
    packing = answer.headers.get("Content-Encoding", "").strip().lower()
    if packing not in {"", "identity", "gzip", "x-gzip"}:
        raise Garbled(f"{call.service} packed its answer in a way that was not asked for. {LATER}")
    pieces, size = [], 0
    while piece := answer.raw.read(PIECE, decode_content=False):
        call.left()
        size += len(piece)
        if size > most_bytes:
            raise _too_long(call, most_bytes)
        pieces.append(piece)
    packed = b"".join(pieces)
    return _unpacked(packed, call, most_bytes) if packing in {"gzip", "x-gzip"} and packed else packed


def _unpacked(packed: bytes, call: Call, most_bytes: int) -> bytes:
    """What was packed; at no time is more of it in memory than is wanted."""
    pieces, size = [], 0
    while packed:
        unpacking = zlib.decompressobj(_GZIP)
        try:
            piece = unpacking.decompress(packed, most_bytes - size + 1)
        except zlib.error:
            raise Garbled(f"{call.service} sent an answer that cannot be unpacked. {LATER}") from None
        call.left()
        size += len(piece)
        if size > most_bytes:
            raise _too_long(call, most_bytes)
        if not unpacking.eof:
            raise Unreachable(_CUT.format(call.service))
        pieces.append(piece)
        packed = unpacking.unused_data
    return b"".join(pieces)


_CUT = "{} broke off in the middle of its answer. Nothing of it was used; " + LATER[0].lower() + LATER[1:]


def _too_long(call: Call, most_bytes: int) -> Garbled:
    return Garbled(f"{call.service} sent more than {most_bytes:,} bytes in one answer. Nothing of it was used.")


def _failure(error: Exception, call: Call) -> OutboundError:
    """The error for what a library, or a socket, ended with."""
    causes = _causes(error)
    for one in causes:
        if isinstance(one, ssl.SSLCertVerificationError):
            doubt = one.verify_message.rstrip(".") or "its certificate is not valid"
            return Unreachable(f"{call.service} could not prove who it is (TLS): {doubt}. Nothing was sent.")
    if any(isinstance(one, TimeoutError | requests.Timeout | urllib3.exceptions.TimeoutError) for one in causes):
        return Unreachable(f"{call.service} did not answer in full within {call.passed:.1f} seconds. {LATER}")
    if any(isinstance(one, http.client.IncompleteRead) for one in causes):
        return Unreachable(_CUT.format(call.service))
    return Unreachable(f"The connection to {call.service} broke off. {LATER}")


def _causes(error: BaseException) -> list[BaseException]:
    """The error, what it was made from, and what it was made with."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting and len(found) < 20:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
