"""A worker that hears nothing any more helps itself.

Jobs are rows, and the broker only rings for them. When no task has come through a worker's queues for a while, and
nobody is at work on them, a thread of the worker does what has been due for long, one job after the other: slower, but
work goes on while the broker is away, refuses messages, or has lost the worker. A worker that stays deaf although the
broker takes messages is ended, for whoever keeps it running to start it anew.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from celery import current_app
from django.conf import settings
from django.db import connections
from django.db.models.functions import Now

from portal import jobs
from portal.leases import is_free
from portal.models import Heartbeat, Job
from portal.models.job import JobState

_helpers: dict[str, Callable[[], int]] = {}
"""Queue → what else is done for it, beside jobs."""
log = structlog.get_logger(__name__)

ROUND_SECONDS = 5.0
GRACE_SECONDS = 15.0


def helps(queue: str, work: Callable[[], int]) -> None:
    """Have a worker of `queue` that hears nothing any more do `work`, which is no job; it says how much was done."""
    _helpers[queue] = work


class StandIn(threading.Thread):
    """Watches over `queues` of this process."""

    def __init__(self, queues: Sequence[str]) -> None:
        super().__init__(name="standin", daemon=True)
        self.queues = list(queues)
        self.silence = settings.STANDIN_SECONDS
        self._since = time.monotonic()
        self._called_at: float | None = None

    def run(self) -> None:
        while not jobs.stopping.wait(ROUND_SECONDS):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001  (whatever it is, the next round comes)
                log.warning("standin_failed", error=type(error).__name__)
            finally:
                connections.close_all()

    def look(self) -> int:
        """One round: how many jobs were done."""
        if self.hears() or self.is_at_work():
            self._since, self._called_at = time.monotonic(), None
            return 0
        if time.monotonic() - self._since < self.silence:
            return 0
        self._call_itself()
        return self._help()

    def hears(self) -> bool:
        """Whether a task came through one of the queues lately."""
        lately = Now() - timedelta(seconds=self.silence)
        return Heartbeat.objects.filter(queue__in=self.queues, at__gte=lately).exists()

    def is_at_work(self) -> bool:
        """Whether somebody works on the queues: a worker that is busy has no ears either."""
        held = Job.everywhere.filter(queue__in=self.queues, state=JobState.RUNNING, lease_until__gte=Now())
        return held.exists()

    def _help(self) -> int:
        done = 0
        while not jobs.stopping.is_set() and not self.hears():
            waiting = Job.everywhere.filter(is_free(), queue__in=self.queues).order_by("due_at")
            job_id = waiting.values_list("pk", flat=True).first()
            if job_id is None:
                break
            if not done:
                log.warning("standin_works", queues=self.queues)
            jobs.run(job_id)
            done += 1
        return done + sum(_helpers[queue]() for queue in self.queues if queue in _helpers)

    def _call_itself(self) -> None:
        """Send a task to one's own queue; end this worker when one that was sent long ago has not come."""
        if self._called_at is not None:
            if time.monotonic() - self._called_at > self.silence:
                end_this_worker()
            return
        try:
            for queue in self.queues:
                current_app.send_task("portal.tasks.heartbeat", (queue,), queue=queue, expires=self.silence)
        except Exception as error:  # noqa: BLE001  (each transport raises errors of its own)
            log.warning("broker_unreachable", error=type(error).__name__)
        else:
            self._called_at = time.monotonic()


def end_this_worker() -> None:
    """Ask this process to end, and make sure that it does."""
    log.error("worker_deaf")
    timer = threading.Timer(GRACE_SECONDS, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()
    os.kill(os.getpid(), signal.SIGTERM)
