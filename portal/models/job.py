from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.tenancy import StoreModel


class JobState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Finished"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_STATES = (JobState.QUEUED, JobState.RUNNING)


class Job(StoreModel):
    """A piece of background work: the row is the truth, a message through the broker only rings for it.

    `lease_until` and `lease_token` say which worker holds it; every write of a worker names its token, so one that
    lost the lease changes nothing. `cursor` is where the next step begins; it is written with that step's rows.
    """

    State = JobState
    kinds_to_the_end: ClassVar[set[str]] = set()
    """Kinds of work that nobody may cancel; filled where they are registered."""

    kind = models.CharField(max_length=50)
    # The default is the database's: the release before, which knows nothing of it, goes on to write rows in a deploy.
    version = models.PositiveSmallIntegerField(db_default=1, help_text="Of payload and cursor; portal.work.register.")
    subject_type = models.CharField(max_length=50, blank=True)
    subject_id = models.BigIntegerField(null=True)
    label = models.CharField(max_length=255)
    needs = models.CharField(
        max_length=30, blank=True, help_text="The permission that the person who asked for it must have at its start."
    )
    queue = models.CharField(max_length=20)
    state = models.CharField(max_length=20, choices=JobState.choices, default=JobState.QUEUED)
    phase = models.CharField(max_length=100, blank=True)
    payload = models.JSONField(default=dict)
    cursor = models.JSONField(default=dict)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Starts since the last step that was kept.")
    caution = models.JSONField(default=dict, help_text="What is known of rows that workers die of; portal.portions.")
    lease_token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(default=timezone.now)
    rung_at = models.DateTimeField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey("portal.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(StoreModel.Meta):
        indexes = [
            models.Index(fields=["store", "-created_at", "-id"], name="job_latest"),
            models.Index(fields=["store", "subject_type", "subject_id", "-id"], name="job_of_subject"),
            models.Index(
                fields=["due_at"], name="job_unfinished", condition=Q(state__in=[str(state) for state in ACTIVE_STATES])
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES

    @property
    def may_be_cancelled(self) -> bool:
        return self.kind not in self.kinds_to_the_end

    def portion(self, full: int) -> int:
        """How many rows the next step takes, of the `full` portion that it would; 0 when one row is set aside."""
        return min(full, self.caution.get("rows", full))

    @property
    def percent(self) -> int | None:
        """Whole percent done, or None while the total is not known."""
        if self.state == JobState.SUCCEEDED:
            return 100
        if not self.total:
            return None
        return min(100, self.done * 100 // self.total)

    @property
    def duration(self) -> timedelta | None:
        if self.started_at is None:
            return None
        return (self.finished_at or timezone.now()) - self.started_at

    def is_delayed(self, now: datetime) -> bool:
        """Whether it has waited a minute for a worker."""
        return self.state == JobState.QUEUED and self.due_at < now - timedelta(seconds=60)

    @property
    def waits_long(self) -> bool:
        return self.is_delayed(timezone.now())


class Heartbeat(models.Model):
    """When a small task last came through a queue: a queue that is consumed, not merely a process that is alive."""

    queue = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.queue} at {self.at:%Y-%m-%d %H:%M:%S}"
