"""The bell that tells the workers of what has arrived: rung about once a second by a process, however much arrives."""

from __future__ import annotations

import threading
import time

import structlog
from celery import current_app

log = structlog.get_logger(__name__)

QUEUE = "activity"
EVERY_SECONDS = 1.0
QUIET_SECONDS = 5.0
"""After a ring that was not heard nobody tries the bell for so long; the clock rings too."""

_turn = threading.Lock()
_next_at = 0.0


def ring() -> bool:
    """Have what waits taken in, unless this process has asked for that just now; whether the bell was rung. A broker
    that is away is no error: the clock asks every few seconds."""
    global _next_at  # noqa: PLW0603
    with _turn:
        if time.monotonic() < _next_at:
            return False
        _next_at = time.monotonic() + EVERY_SECONDS
    try:
        current_app.send_task("customers.tasks.take_in", queue=QUEUE, expires=30)
    except Exception as error:  # noqa: BLE001  (each transport raises errors of its own)
        _next_at = time.monotonic() + QUIET_SECONDS
        log.warning("broker_unreachable", error=type(error).__name__)
        return False
    return True
