"""The bell that tells workers of jobs. It may be out of order: then it is left alone for a while, and nobody waits."""

from __future__ import annotations

import time

import structlog
from celery import current_app

from portal.models import Job

log = structlog.get_logger(__name__)

QUIET_SECONDS = 5.0
"""After a ring that was not heard nobody tries the bell for so long: who clicks must not wait for every one."""

_out_of_order_until = 0.0


def ring(job_id: int, queue: str) -> bool:
    """Tell a worker of the job. A broker that is away is no error: False, and the next sweep rings again."""
    global _out_of_order_until  # noqa: PLW0603
    try:
        if time.monotonic() < _out_of_order_until:
            raise ConnectionError("not tried again so soon")
        current_app.send_task("portal.tasks.run_job", (job_id,), queue=queue)
    except Exception as error:  # noqa: BLE001  (each transport raises errors of its own)
        _out_of_order_until = max(_out_of_order_until, time.monotonic() + QUIET_SECONDS)
        log.warning("broker_unreachable", job=job_id, error=type(error).__name__)
        Job.everywhere.filter(pk=job_id).update(rung_at=None)
        return False
    return True
