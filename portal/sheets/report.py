"""What people are told of an upload: where it stands, and what became of each row."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet

from portal.models import Job, SheetUpload
from portal.paging import walk


class Stage(StrEnum):
    """Where an upload stands; told by its row and its latest job, kept nowhere."""

    CHECKING = "checking"
    REFUSED = "refused"
    READY = "ready"
    IMPORTING = "importing"
    FINISHED = "finished"
    UNDOING = "undoing"
    UNDONE = "undone"
    STOPPED = "stopped"


def look(upload: SheetUpload, job: Job | None) -> Stage:
    """Where `upload` stands; the row is read anew, after its latest job was: one that ended since has written it."""
    upload.refresh_from_db(fields=[*_WRITTEN_BY_JOBS, *(["undone_at"] if hasattr(upload, "undone_at") else [])])
    return stage(upload, job)


_WRITTEN_BY_JOBS = ("refusal", "counts", "row_count", "checked_at", "confirmed_at", "finished_at", "applied_to")


def stage(upload: SheetUpload, job: Job | None) -> Stage:
    """Where `upload` stands, given its latest job. The last part of the job's kind begins with
    what it does: check, import or undo."""
    if job is not None and job.is_active:
        verb = job.kind.rsplit(".", 1)[-1]
        return {"check": Stage.CHECKING, "undo": Stage.UNDOING}.get(verb.split("_")[0], Stage.IMPORTING)
    if upload.refusal:
        return Stage.REFUSED
    if getattr(upload, "undone_at", None):
        return Stage.UNDONE
    if upload.finished_at:
        return Stage.FINISHED
    if job is not None and job.state in (Job.State.FAILED, Job.State.CANCELLED):
        return Stage.STOPPED
    return Stage.READY if upload.checked_at else Stage.CHECKING


REPORT_HEADERS = ("Line", "E-mail", "Result", "Reason")


def report(
    rows: QuerySet[Any], upload: SheetUpload, labels: dict[str, str], outcomes: dict[str, str]
) -> Iterator[tuple[Any, ...]]:
    """The rows of the report that people download: line, value, what became of it, why.

    `labels` puts a verdict into words; `outcomes` as in SheetWork, for the rows that the import has come past.
    """
    found = walk(rows, ("line", "email", "verdict", "reason"), by="line")
    for line, email, verdict, reason in found:
        became = outcomes.get(verdict, verdict) if line <= upload.applied_to else verdict
        yield line, email, labels.get(became, became), reason
