"""Keeping the lease of a job while a step lasts longer than it: from a thread beside the work, as long as that lives.

A process that was killed or frozen renews nothing, and neither does one whose lease another holds by now: the renewal
names the token, like every write of a worker. A step that does not end is given up on after a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, connections

log = structlog.get_logger(__name__)


class Pulse:
    """Calls `renew` every third of a lease, over a connection of its own, until `stop`.

    `renew` says how many rows it changed; after none the lease is another's. `step_was_kept` starts the time anew
    after which a step is taken for endless (settings.JOB_STEP_SECONDS_MOST).
    """

    def __init__(self, job_id: int, renew: Callable[[], int]) -> None:
        self._job_id, self._renew = job_id, renew
        self._over = threading.Event()
        self._since = time.monotonic()
        self._thread = threading.Thread(target=self._beat, name=f"lease of job {job_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        # One that waits for the database is left to itself: what it changes then is a row that it does not hold.
        self._thread.join(timeout=5)

    def step_was_kept(self) -> None:
        self._since = time.monotonic()

    def _beat(self) -> None:
        every = settings.JOB_LEASE_SECONDS / 3
        while not self._over.wait(every):
            lasts = time.monotonic() - self._since
            if lasts > settings.JOB_STEP_SECONDS_MOST:
                log.error("job_step_endless", job=self._job_id, seconds=round(lasts))
                return
            if lasts >= every and not self._renewed():
                return

    def _renewed(self) -> bool:
        """Whether there is still something to renew."""
        try:
            return bool(self._renew())
        except DatabaseError as error:
            log.warning("lease_not_renewed", job=self._job_id, error=type(error).__name__)
            return True
        finally:
            # Every ten seconds a connection anew costs nothing, and none is left behind however this ends.
            connections.close_all()


@contextmanager
def kept(job_id: int, renew: Callable[[], int]) -> Iterator[Pulse | None]:
    """Within, the lease is renewed; None where a step keeps every other writer out anyway.

    SQLite has one writer: nobody can take the job while its step writes, and the step's own accounting renews it.
    """
    if not connection.features.has_select_for_update:
        yield None
        return
    with _beating(job_id, renew) as pulse:
        yield pulse


@contextmanager
def kept_meanwhile(job_id: int, renew: Callable[[], int]) -> Iterator[None]:
    """Within, where other systems are waited for and nothing is written, the lease is renewed also where `kept` leaves
    it to the step."""
    if connection.features.has_select_for_update:
        yield
        return
    with _beating(job_id, renew):
        yield


@contextmanager
def _beating(job_id: int, renew: Callable[[], int]) -> Iterator[Pulse]:
    pulse = Pulse(job_id, renew)
    pulse.start()
    try:
        yield pulse
    finally:
        pulse.stop()
