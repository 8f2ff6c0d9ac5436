"""The answer of an outside service, and what its status means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from django.utils import timezone

from portal.outbound.errors import (
    Garbled,
    Missing,
    OutboundError,
    Refused,
    Rejected,
    Temporary,
    Throttled,
    Unreachable,
)
from portal.strict_json import finite, refuse_constant

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
LATER = "This may pass by itself."


@dataclass(frozen=True)
class Reply:
    """A whole answer. `headers` are found in any case; `body` is unpacked."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    service: str = "The service"

    def json(self) -> Any:
        """What the body says. Raises Garbled unless it is JSON of the strict kind: UTF-8, without NaN or Infinity."""
        try:
            text = self.body.decode("utf-8")
            found = json.loads(text, parse_constant=refuse_constant, parse_float=finite)
            return _with_whole_letters(found) if _HALF_PAIR.search(text) else found
        except (ValueError, RecursionError):
            pass
        raise Garbled(f"{self.service} answered with {self._looks()} instead of data. {LATER}")

    def _looks(self) -> str:
        if not self.body.strip():
            return "nothing"
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return "a web page" if kind == "text/html" or self.body.lstrip()[:1] == b"<" else "something unreadable"


def _with_whole_letters(found: Any) -> Any:
    """The same, with a question mark for each half of a letter: neither of our databases would take it."""
    return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))


def raise_for(reply: Reply, service: str) -> None:
    """Raise what the status means, in words that name the service; nothing for a success."""
    if not 200 <= reply.status < 300:
        raise _temporary(reply, service) or _final(reply, service)


def _temporary(reply: Reply, service: str) -> Temporary | None:
    status, wait = reply.status, retry_after(reply, timezone.now())
    if status == 429 or (status == 503 and wait is not None):
        return Throttled(f"{service} asks for fewer calls ({status}). The portal waits, and goes on.", wait)
    if status >= 500:
        return Unreachable(f"{service} has trouble of its own ({status}). {LATER}")
    if status in {408, 425}:
        return Unreachable(f"{service} did not take the question in time ({status}). {LATER}")
    # A doorkeeper before the service wants to see a browser; its challenge says nothing about the key.
    if status == 403 and "cf-mitigated" in reply.headers:
        return Unreachable(f"The protection in front of {service} turned the call away ({status}). {LATER}")
    return None


def _final(reply: Reply, service: str) -> OutboundError:
    status = reply.status
    if status == 401:
        return Refused(
            f"{service} does not accept the key ({status}): it is wrong or was revoked. A new one is needed."
        )
    if status == 403:
        return Refused(f"{service} does not let this key do that ({status}): it lacks a permission, or was restricted.")
    if status in {404, 410}:
        return Missing(f"{service} does not have what was asked for ({status}); it may have been deleted there.")
    return Rejected(f"{service} did not accept the request ({status}). Trying again would not change that.", reply)


def retry_after(reply: Reply, now: datetime) -> float | None:
    """The seconds from `now` that the answer asks to wait for, however many: said as a number or as a date.

    None if it does not say, or says what is no time to come.
    """
    said = reply.headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(said):
        return float(said)
    try:
        date = parsedate_to_datetime(said)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    return seconds.total_seconds() if seconds.total_seconds() > 0 else None
