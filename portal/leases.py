"""The lease of a job: taking it, and writing the job's row as its holder.

Every write names the lease's token. A worker that lost its lease, or whose job was ended, changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from portal import crash
from portal.models import Job, Store
from portal.models.job import ACTIVE_STATES, JobState


class Fenced(Exception):
    """The lease went to another worker, or the job was ended, while a step ran; the step is rolled back."""


def lease_end() -> Any:
    """Till when a lease that is taken or renewed now holds, by the database's clock."""
    return Now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)


def claim(job_id: int) -> Job | None:
    """Take the job's lease: exactly one caller gets it, and only when the job is due or its lease has run out.

    The attempt is counted before the work, so that work which kills its worker is given up in the end.
    """
    # One transaction: a worker that froze between the two statements must not read the token of its successor.
    with transaction.atomic():
        crash.point("job.claiming")
        taken = Job.everywhere.filter(is_free(), pk=job_id).update(
            state=JobState.RUNNING,
            lease_token=F("lease_token") + 1,
            lease_until=lease_end(),
            attempts=F("attempts") + 1,
            started_at=Coalesce("started_at", Now()),
        )
        job = Job.everywhere.select_related("store", "created_by").get(pk=job_id) if taken else None
    crash.point("job.claimed")
    return job


def is_free() -> Q:
    """The jobs that a worker may take; none of a store that is closed."""
    return is_of_open_store() & (
        Q(state=JobState.QUEUED, due_at__lte=Now()) | Q(state=JobState.RUNNING, lease_until__lt=Now())
    )


def is_of_open_store() -> Q:
    # No join: what else is asked must be asked of the very row again that another worker has just taken.
    return ~Q(store__in=Store.objects.filter(closed_at__isnull=False))


def revoke(store: Store) -> int:
    """End all of the store's work that has not ended, also what a worker is at: its step is rolled back. How many."""
    now: dict[str, Any] = {"finished_at": Now(), "cancel_asked_at": Now()}
    unfinished = Job.objects.for_store(store).filter(state__in=ACTIVE_STATES)
    return unfinished.update(
        state=JobState.CANCELLED, lease_token=F("lease_token") + 1, lease_until=None, rung_at=None, **now
    )


def held(job: Job) -> models.QuerySet[Job]:
    """The job's row, while the lease that `job` was claimed with is the one that counts; in a closed store none is."""
    return Job.everywhere.filter(is_of_open_store(), pk=job.pk, lease_token=job.lease_token, state=JobState.RUNNING)


def write(job: Job, **fields: Any) -> None:
    """Change the job's row as the holder of its lease; raises Fenced when that is another by now."""
    if not held(job).update(**fields):
        raise Fenced


def confirm(job: Job) -> None:
    """Before something that cannot be rolled back: raises Fenced when the lease is another's, or the job was ended."""
    if not held(job).exists():
        raise Fenced


def ends_as_asked(job: Job) -> bool:
    """End the job if someone asked for it; whether it has ended."""
    asked = held(job).filter(cancel_asked_at__isnull=False)
    crash.point("job.ending")
    return bool(asked.update(state=JobState.CANCELLED, finished_at=Now(), lease_until=None))


def fail(job: Job, message: str) -> None:
    """End the job, in words for its people."""
    crash.point("job.failing")
    held(job).update(state=JobState.FAILED, error=message, finished_at=Now(), lease_until=None)


def put_back(job: Job, message: str, *, wait: float, **fields: Any) -> None:
    """Queue the job again as if it had not been tried."""
    queue_again(job, message, wait=wait, attempts=max(job.attempts - 1, 0), **fields)


def queue_again(job: Job, message: str, *, wait: float, **fields: Any) -> None:
    """Leave the job for a worker `wait` seconds from now."""
    again = {"state": JobState.QUEUED, "due_at": Now() + timedelta(seconds=wait), "rung_at": None, "lease_until": None}
    held(job).update(**again, error=message, **fields)
