"""Calls to outside services. No service is known here: what it is called, and how fast, is said by who calls."""

from portal.outbound.addresses import check_url
from portal.outbound.budget import Pace, backoff, held, hold_off, wait_for
from portal.outbound.connecting import Session, Timeout
from portal.outbound.door import MOST_BYTES, send
from portal.outbound.errors import (
    Blocked,
    CursorExpired,
    Garbled,
    Missing,
    OutboundError,
    Refused,
    Rejected,
    Temporary,
    Throttled,
    Unreachable,
)
from portal.outbound.replies import Reply, raise_for, retry_after

__all__ = [
    "MOST_BYTES",
    "Blocked",
    "CursorExpired",
    "Garbled",
    "Missing",
    "OutboundError",
    "Pace",
    "Refused",
    "Rejected",
    "Reply",
    "Session",
    "Temporary",
    "Throttled",
    "Timeout",
    "Unreachable",
    "backoff",
    "check_url",
    "held",
    "hold_off",
    "raise_for",
    "retry_after",
    "send",
    "wait_for",
]
