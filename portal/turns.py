"""Waiting for one's turn to call an outside service: at the pace that is kept for a key, and as long as it wants to be
left alone. For background work, which lets others go ahead meanwhile."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable

from portal import jobs
from portal.jobs import GiveUp, Later
from portal.outbound import Pace, Throttled, backoff, held, hold_off, wait_for

chance = random.Random()  # noqa: S311

WAIT_AT_MOST = 65.0
"""Seconds that work sits out by itself; for longer it is put down."""
GIVE_WAY = 4.0
"""Who waits for longer lets other work of the queue have the worker meanwhile, and looks for it as often."""
DEFER_AFTER = 900.0
"""Seconds; who asks us to come again later than that is asked again another day."""


class Deferred(GiveUp):
    """The service does not want to be asked for long; another day it is asked again."""


def sit_out(key: str, pace: Pace, *, service: str, queue: str) -> None:
    """Return when it is one's turn under `key`. Raises Later when that is long from now, when others of the `queue`
    would not have to wait, and when the worker is to go."""
    seconds = wait_for(key, pace, most=WAIT_AT_MOST)
    if seconds > WAIT_AT_MOST:
        raise Later(waiting_for(service), seconds=seconds)
    _wait(seconds, service, queue)
    if seconds and (quiet := held(key)):
        raise Later(waiting_for(service), seconds=quiet)


def _wait(seconds: float, service: str, queue: str) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if left > GIVE_WAY and jobs.are_waiting(queue):
            raise Later(waiting_for(service), seconds=left)
        if jobs.stopping.wait(min(left, GIVE_WAY)):
            raise Later(waiting_for(service), seconds=0)


def held_off(keys: Iterable[str], error: Throttled, *, service: str) -> Exception:
    """Have nobody call under `keys` for as long as the service asks; what to raise for that: Later, or Deferred."""
    seconds = backoff(1, chance) if error.retry_after is None else error.retry_after
    for key in keys:
        hold_off(key, min(seconds, DEFER_AFTER))
    if seconds > DEFER_AFTER:
        return Deferred(f"{service} asks us not to come again before long. The next sync tries again.")
    return Later(waiting_for(service), seconds=seconds)


def waiting_for(service: str) -> str:
    return f"Waiting for {service}, which limits how much it is asked."
