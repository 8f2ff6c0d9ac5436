"""So many seconds for the database, and no more, in all that a request asks of it.

Some of those who call wait for seconds only, and take no answer for a loss: whatever the database is busy with, they
are told in time that it could not be done. A statement is given up by the server first, so that the connection can be
used again; a server that says nothing is given up by `portal.postgres`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.signals import connection_created

STATEMENT_SHARE = 0.8
"""How much of the time one statement may take, or wait for a lock."""
_SHORTEST = 0.05
_SHORTEN = "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)"
_AS_BEFORE = "RESET statement_timeout; RESET lock_timeout"

_thread = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Within, what is asked of the database may take so many seconds in all; whatever else takes time does not count.
    What takes longer raises an OperationalError.

    Where the database is a file, that is about how long one waits for another who writes.
    """
    _thread.left, _thread.share = seconds, seconds * STATEMENT_SHARE
    try:
        connection.close_if_health_check_failed()
        # One that is made just now is told by the signal.
        if connection.connection is not None:
            _tell(connection)
        yield
    finally:
        _end()


def left() -> float | None:
    """How many seconds this thread's database has left, a few hundredths at least; None where nobody limits it."""
    seconds: float | None = getattr(_thread, "left", None)
    return None if seconds is None else max(_SHORTEST, seconds)


@contextmanager
def counted() -> Iterator[None]:
    """Count the time within against what is left."""
    began = time.monotonic()
    try:
        yield
    finally:
        _thread.left -= time.monotonic() - began


def _tell(connection: Any, **_: Any) -> None:
    share: float | None = getattr(_thread, "share", None)
    if share is None:
        return
    milliseconds = f"{share * 1000:.0f}"
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            connection.connection.execute(_SHORTEN, [milliseconds, milliseconds])
        else:
            connection.connection.execute(f"PRAGMA busy_timeout = {milliseconds}")


def _end() -> None:
    _thread.share = None
    try:
        if connection.connection is not None:
            _as_before(connection)
    except (DatabaseError, InterfaceError):
        # In a transaction that failed nothing can be set; rolling it back brings back what was before it. Any other
        # connection that cannot be told is not used again.
        if not connection.in_atomic_block:
            connection.close()
    finally:
        _thread.left = None


def _as_before(connection: Any) -> None:
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            connection.connection.execute(_AS_BEFORE)
        else:
            seconds = connection.settings_dict["OPTIONS"].get("timeout", 5)
            connection.connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")


connection_created.connect(_tell, dispatch_uid="portal.deadline")
