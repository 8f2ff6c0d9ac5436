"""Reading a request of a program: whose key it has, and its body, never more of it than may be."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from django.http import HttpRequest

GZIP = 16 + zlib.MAX_WBITS
_PORTION = 64 * 1024


class TooLarge(Exception):
    """The body is larger than it may be."""


class Unreadable(Exception):
    """The body did not come whole, or is not packed as it says."""


def body(request: HttpRequest, most: int) -> bytes:
    """The body, unpacked; at most `most` bytes of it are ever read, packed or unpacked. Raises TooLarge, Unreadable."""
    packing = request.headers.get("Content-Encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip"):
        raise Unreadable("Its Content-Encoding is not gzip.")
    said = request.META.get("CONTENT_LENGTH") or ""
    if said.isascii() and said.isdigit() and int(said) > most:
        raise TooLarge
    data = _read(request, most + 1)
    if len(data) > most:
        raise TooLarge
    return _unpacked(data, most) if packing == "gzip" else data


def _read(request: HttpRequest, most: int) -> bytes:
    # Django takes a request that does not say its length for an empty one; the server beneath knows where it ends.
    is_chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    source: Any = request
    if is_chunked and request.META.get("wsgi.input_terminated"):
        source = request.META["wsgi.input"]
    parts, left = [], most
    try:
        while left > 0 and (part := source.read(min(left, _PORTION))):
            parts.append(part)
            left -= len(part)
    except OSError as error:
        raise Unreadable("It broke off.") from error
    return b"".join(parts)


def _unpacked(data: bytes, most: int) -> bytes:
    unpacking = zlib.decompressobj(GZIP)
    try:
        found = unpacking.decompress(data, most + 1)
    except zlib.error as error:
        raise Unreadable("It is not packed as gzip.") from error
    if len(found) > most:
        raise TooLarge
    if not unpacking.eof or unpacking.unused_data:
        raise Unreadable("It is not packed as gzip.")
    return found


def basic_key(request: HttpRequest) -> str:
    """The user name of Basic authentication, which is the write key; empty where there is none."""
    kind, _, said = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(said.strip(), validate=True).decode("utf-8").partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def without_key(data: bytes, found: dict[str, Any], field: str) -> str:
    """The body as text, without the key that it names in `field`: keys are kept nowhere."""
    text, key = data.decode("utf-8"), found.get(field)
    if not isinstance(key, str) or not key:
        return text
    spelled = json.dumps(key, ensure_ascii=False)
    if spelled in text:
        return text.replace(spelled, '""')
    return json.dumps({**found, field: ""}, ensure_ascii=False)
