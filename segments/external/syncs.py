"""Readings of lists elsewhere, as rows: asking for one, and what is at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from portal import jobs
from portal.access import Permission
from portal.models import Job, Store, User
from portal.models.job import ACTIVE_STATES
from segments.models import Connection, ExternalLink, Segment, Sync
from segments.models.external import SyncCause, SyncOutcome
from segments.sources import kind_label

SYNC = "segments.sync"


@dataclass(frozen=True)
class Running:
    """A sync of the link that has not ended; when it began."""

    sync: Sync
    job: Job


def work_on(store: Store, syncs: QuerySet[Sync]) -> QuerySet[Job]:
    """The unfinished jobs about these syncs of the store."""
    found: QuerySet[Job] = Job.objects.for_store(store).filter(
        subject_type=Sync._meta.label_lower, subject_id__in=syncs.values("pk"), state__in=ACTIVE_STATES
    )
    return found


def running(segment: Segment) -> Running | None:
    """What is at work on the segment's link."""
    syncs = Sync.objects.for_store(segment.store).filter(segment=segment)
    job = work_on(segment.store, syncs).order_by("-pk").first()
    if job is None:
        return None
    return Running(syncs.select_related("asked_by").get(pk=job.subject_id), job)


def work_with(connection: Connection) -> QuerySet[Job]:
    """The unfinished jobs that read, or apply, something of the account."""
    return work_on(connection.store, Sync.objects.for_store(connection.store).filter(link__connection=connection))


def held_before(store: Store, syncs: Sequence[Sync]) -> dict[int, Sync]:
    """Link → the earlier reading that waits for a decision, for those of `syncs`, each the latest of its link, that
    have come to no end: one that has would have taken its place."""
    undecided = [sync.link_id for sync in syncs if not sync.outcome]
    if not undecided:
        return {}
    found = Sync.objects.for_store(store).filter(link__in=undecided, outcome=SyncOutcome.HELD)
    return {sync.link_id: sync for sync in found}


def begin(
    link: ExternalLink, segment: Segment, cause: SyncCause, *, actor: User | None, day: date | None = None
) -> Sync:
    """Write down that the list is read, for a job to do. The caller holds the segment or the link."""
    sync: Sync = Sync.objects.create_for(
        link.store,
        segment=segment,
        link=link,
        source=link.connection.source,
        kind=link.kind,
        group_name=link.name,
        cause=cause,
        day=day,
        asked_by=actor,
    )
    label = f"Read {kind_label(link.connection.source, link.kind)} {link.name} for {segment.name}"
    jobs.enqueue(link.store, SYNC, label=label, subject=sync, actor=actor, needs=Permission.EDIT_SEGMENTS)
    return sync
