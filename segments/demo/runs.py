"""The background runs that the demo's files went through."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from portal.models import Job, SheetUpload
from portal.models.job import JobState


def record(
    subject: SheetUpload,
    kind: str,
    *,
    label: str,
    at: datetime,
    done: int,
    total: int | None,
    phase: str,
    state: JobState = JobState.SUCCEEDED,
    result: dict[str, Any] | None = None,
    error: str = "",
) -> Job:
    """Write a run of the past about `subject`, asked for at `at`, which has ended as `state` says."""
    finished_at = at + timedelta(seconds=2.4 + done / 800)
    job: Job = Job.objects.create_for(
        subject.store,
        kind=kind,
        queue="interactive" if "check" in kind else "bulk",
        state=state,
        label=label,
        subject_type=subject._meta.label_lower,
        subject_id=subject.pk,
        done=done,
        total=total,
        phase=phase,
        result=result or {},
        error=error,
        lease_token=1,
        created_by=subject.created_by,
        created_at=at,
        due_at=at,
        rung_at=at,
        started_at=at + timedelta(milliseconds=400),
        finished_at=finished_at,
        cancel_asked_at=finished_at - timedelta(seconds=1) if state == JobState.CANCELLED else None,
    )
    return job
