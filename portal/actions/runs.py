"""What people may do to background runs."""

from __future__ import annotations

from django.db import transaction

from portal import audit, jobs
from portal.faults import retried
from portal.models import Job, User


@retried
def cancel(job: Job, *, actor: User) -> bool:
    """Ask for the run's end; False when it had ended already."""
    with transaction.atomic():
        asked = jobs.cancel(job)
        if asked:
            audit.record(job.store, "cancelled", job, actor=actor)
    return asked


@retried
def retry(job: Job, *, actor: User) -> bool:
    """Queue a failed or cancelled run again, from where it stood, as the actor's from now on; False when it is in no
    such state."""
    with transaction.atomic():
        queued = jobs.retry(job)
        if queued:
            Job.objects.for_store(job.store).filter(pk=job.pk).update(created_by=actor)
            audit.record(job.store, "tried again", job, actor=actor)
    return queued
