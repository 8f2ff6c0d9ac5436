"""What goes wrong around the portal rather than in it: told apart here, and tried again where that is safe."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import structlog
from django.conf import settings
from django.db import Error, InterfaceError, InternalError, OperationalError, connection

P = ParamSpec("P")
R = TypeVar("R")
log = structlog.get_logger(__name__)

TRIES = 3
PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 12
"""How long after its beginning an action is begun anew at the latest: somebody waits for it."""

_IN_THE_WAY = {"40P01", "40001", "55P03"}
"""SQLSTATE of a deadlock, a transaction that cannot be put in order with others, a lock that did not come in time."""
_AWAY_CLASSES = {"08", "53", "57", "58"}
"""Classes of SQLSTATE: connections, resources, an operator's doing and statements that took too long, the system."""
_READ_ONLY = {"25006", "25P03"}
_SQLITE_AWAY = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_NOMEM", "SQLITE_PROTOCOL")


class Fault(StrEnum):
    """What is the matter; the value names it in logs."""

    AWAY = "database_unavailable"
    IN_THE_WAY = "database_busy"
    NO_SPACE = "no_space_left"
    NO_ROOM = "too_much_open"


def fault_of(error: BaseException | None) -> Fault | None:
    """What `error` says about the machinery; None for an error that is ours."""
    if isinstance(error, Error):
        return _of_database(error)
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Fault.NO_SPACE
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return Fault.NO_ROOM
    return None


def _of_database(error: Error) -> Fault | None:
    if not isinstance(error, InterfaceError | InternalError | OperationalError):
        return None
    cause = error.__cause__ or error
    if name := getattr(cause, "sqlite_errorname", ""):
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return Fault.IN_THE_WAY
        return Fault.AWAY if name.startswith(_SQLITE_AWAY) else None
    state = getattr(cause, "sqlstate", None) or ""
    if state in _IN_THE_WAY:
        return Fault.IN_THE_WAY
    if state[:2] in _AWAY_CLASSES or state in _READ_ONLY:
        return Fault.AWAY
    # A connection that breaks has no code.
    return Fault.AWAY if not state and not isinstance(error, InternalError) else None


def retried(action: Callable[P, R]) -> Callable[P, R]:
    """Decorator of an action, which is one transaction: begun up to three times when others were in its way.

    Called within a transaction it is tried once: only the whole can be done anew.
    """

    @wraps(action)
    def patient(*args: P.args, **kwargs: P.kwargs) -> R:
        began = time.monotonic()
        for tried in range(1, TRIES + 1):
            try:
                return action(*args, **kwargs)
            except OperationalError as error:
                is_over = tried == TRIES or time.monotonic() - began > PATIENCE_SECONDS
                if is_over or fault_of(error) is not Fault.IN_THE_WAY or connection.in_atomic_block:
                    raise
                log.info("action_retried", action=action.__name__, tried=tried)
                # By chance: two that met must not meet again.
                time.sleep(random.uniform(0.5, 1.5) * PAUSE_SECONDS * tried)  # noqa: S311
        raise AssertionError("unreachable")

    patient.is_retried = True  # type: ignore[attr-defined]
    return patient


def as_json(request: Any) -> bool:
    """Whether the one who asks is a program that wants JSON."""
    accepts = request.headers.get("Accept", "")
    is_for_programs = request.path.startswith(("/api/", *settings.COOKIELESS))
    return is_for_programs or ("json" in accepts and "text/html" not in accepts)
