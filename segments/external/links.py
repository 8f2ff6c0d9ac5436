"""Which segment follows which list elsewhere: linking, syncing at any time, deciding what is held, unlinking."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from portal import audit, jobs, letters, sets
from portal.access import Permission
from portal.actions import Refusal, edits
from portal.faults import retried
from portal.jobs import GiveUp
from portal.models import Job, Store, User
from portal.queries import at_work
from segments import membership
from segments.external import outcome, schedule
from segments.external.syncs import begin, running
from segments.models import Connection, ExternalGroup, ExternalLink, ExternalMember, Segment, Sync
from segments.models.external import LinkState, SyncCause, SyncOutcome
from segments.sources import kind_label, label_of

UNLINK = "segments.unlink"
CHANGED = "changed the sync of"
"""What the audit trail says of settings."""
SOON = timedelta(hours=1)
"""When a sync that came to nothing for a while is tried again."""


def link_of(segment: Segment) -> ExternalLink | None:
    """The list that the segment follows."""
    found = ExternalLink.objects.for_store(segment.store).filter(segment=segment).select_related("connection")
    return found.first()


def hold(link: ExternalLink) -> ExternalLink:
    """The link as it is now, kept from others until the transaction ends. Raises GiveUp when it is gone."""
    mine = ExternalLink.objects.for_store(link.store).filter(pk=link.pk)
    found: ExternalLink | None = mine.select_for_update(no_key=True, of=("self",)).first()
    if found is None:
        raise GiveUp("The segment was unlinked meanwhile.")
    found.store = link.store
    return found


@retried
def link_segment(segment: Segment, group: ExternalGroup, *, actor: User) -> Sync:
    """Have the segment follow this list or segment from now on, and read it. Raises Refusal and SegmentGone."""
    with transaction.atomic():
        membership.lock(segment)
        _refuse_linked(segment)
        connection = _connected(segment, group.connection_id)
        now = timezone.now()
        link = ExternalLink.objects.create_for(
            segment.store,
            segment=segment,
            connection=connection,
            kind=group.kind,
            group_id=group.group_id,
            name=group.name,
            created_by=actor,
            created_at=now,
            # The import is the sync of its day.
            last_due_at=now,
            last_due_on=segment.store.day(now),
        )
        link.store, link.connection = segment.store, connection
        schedule.plan(link, now=now)
        changes = {"list": [None, link.name], "from": [None, kind_label(connection.source, link.kind)]}
        audit.record(segment.store, "linked", segment, actor=actor, changes=changes)
        return begin(link, segment, SyncCause.FIRST, actor=actor)


def _refuse_linked(segment: Segment) -> None:
    if (link := link_of(segment)) is not None:
        raise Refusal(f"This segment follows “{link.name}” already. Unlink it first, or create another segment.")
    if at_work(segment, UNLINK) is not None:
        raise Refusal("The list that this segment followed before is just being unlinked. Try again in a moment.")


def _connected(segment: Segment, connection_id: int) -> Connection:
    connection: Connection | None = Connection.objects.for_store(segment.store).filter(pk=connection_id).first()
    if connection is None or not connection.is_connected:
        raise Refusal("The account of this list is not connected any more. Connect it again in Settings ▸ Connections.")
    return connection


@retried
def sync_now(segment: Segment, *, actor: User) -> Sync:
    """Read the list and have the segment follow it. Raises Refusal, one that says since when it is read already among
    them, and SegmentGone."""
    with transaction.atomic():
        membership.lock(segment)
        link = _followed(segment)
        if (busy := running(segment)) is not None:
            raise Refusal(f"A sync is running already, since {_time(segment, busy.sync.created_at)}.")
        _connected(segment, link.connection_id)
        return begin(link, segment, SyncCause.BY_HAND, actor=actor)


@retried
def decide(sync: Sync, *, approve: bool, actor: User) -> None:
    """Apply a reading that was held, or let it go.

    Raises SegmentGone, and Refusal when it is held no more, or is to be applied while the list is being read anew.
    """
    with transaction.atomic():
        membership.lock(sync.segment)
        row: Sync = Sync.objects.for_store(sync.store).select_related("link").get(pk=sync.pk)
        if row.outcome != SyncOutcome.HELD or row.link is None:
            raise Refusal("This sync waits for no decision any more: somebody decided, or a later sync took its place.")
        if approve and (busy := running(sync.segment)) is not None:
            since = _time(sync.segment, busy.sync.created_at)
            raise Refusal(f"The list is being read anew, since {since}. Wait for what comes of that.")
        row.store = row.segment.store = sync.store
        link = _held(row.link, sync.segment)
        row.decided_by, row.decided_at = actor, timezone.now()
        row.outcome = row.outcome if approve else SyncOutcome.DISCARDED
        row.save(update_fields=["decided_by", "decided_at", "outcome"])
        counts = {"would leave": [None, row.counts.get("going", 0)], "would enter": [None, row.counts.get("coming", 0)]}
        verb = "approved a sync of" if approve else "discarded a sync of"
        audit.record(sync.store, verb, sync.segment, actor=actor, changes=counts)
        if approve:
            outcome.accept(row, link, actor=actor)


@retried
def change_link(segment: Segment, *, seen: dict[str, Any], wanted: dict[str, Any], actor: User) -> dict[str, list[Any]]:
    """Turn the `daily` sync on or off, and say from when on one is held (`brake_percent`, `brake_people`), as far as
    what is `wanted` differs from what the person has `seen`; field → [old, new]. Raises Refusal and ChangedMeanwhile.
    """
    with transaction.atomic():
        link = _followed(segment)
        standing = {name: getattr(link, name) for name in wanted} | {"daily": link.is_synced_daily}
        changes = edits.changes(standing, seen=seen, wanted=wanted)
        for name in changes:
            setattr(link, name, wanted[name])
        link.save(update_fields=list(changes))
        schedule.plan(link, now=timezone.now())
        if changes:
            audit.record(segment.store, CHANGED, segment, actor=actor, changes=changes)
    return changes


@retried
def unlink(segment: Segment, *, keep_members: bool, actor: User) -> Job:
    """Have the segment follow its list no more. Those whom it brought in stay, held by hand, or leave unless something
    else holds them. Raises Refusal and SegmentGone."""
    with transaction.atomic():
        membership.lock(segment)
        link = _followed(segment)
        busy = running(segment)
        if busy is not None and not jobs.cancel(busy.job):
            raise Refusal("A sync is just being applied. Try again when it has ended.")
        changes = {"list": [link.name, None], "members": [None, "kept" if keep_members else "removed"]}
        audit.record(segment.store, "unlinked", segment, actor=actor, changes=changes)
        payload = {"keep": keep_members}
        Sync.objects.for_store(segment.store).filter(link=link).update(link=None)
        link.delete()
        label = f"Unlink {segment.name} from {link.name}"
        return jobs.enqueue(
            segment.store, UNLINK, label=label, subject=segment, payload=payload, actor=actor,
            needs=Permission.EDIT_SEGMENTS,
        )  # fmt: skip


def note_missing(link: ExternalLink) -> None:
    """The list is not at the source any more: the members stay, and the owners are told once."""
    now = timezone.now()
    mine = ExternalLink.objects.for_store(link.store).filter(pk=link.pk, state=LinkState.ACTIVE)
    with transaction.atomic():
        if mine.update(state=LinkState.MISSING, missing_since=now):
            audit.record(link.store, "lost its list", link.segment, actor=None, changes={"list": [link.name, None]})
            _tell_owners(link)


def _tell_owners(link: ExternalLink) -> None:
    store, segment = link.store, link.segment
    source = label_of(link.connection.source)
    context = {
        "source": source,
        "kind": kind_label(link.connection.source, link.kind),
        "list": link.name,
        "segment": segment.name,
        "page": reverse("segments:detail", args=(store.slug, segment.pk)),
    }
    label = f"Letter to the owners: {link.name} is gone at {source}"
    letters.enqueue(store, "segments/mail/list_gone", label=label, context=context, to=letters.owners(store))


def try_soon(link: ExternalLink) -> bool:
    """Plan a sync within the hour: the last one came to nothing for reasons that pass. False for a link that is synced
    by hand alone."""
    if not link.is_synced_daily:
        return False
    soon = timezone.now() + SOON
    later = Q(next_sync_at__gt=soon) | Q(next_sync_at=None)
    ExternalLink.objects.for_store(link.store).filter(later, pk=link.pk).update(next_sync_at=soon)
    return True


def forget_old_readings(link: ExternalLink, besides: Sync | None = None) -> int:
    """Delete a portion of what readings left that count no more, `besides` one that is at work; how many rows."""
    keep = [link.synced_id or 0, besides.pk if besides else 0]
    old = Sync.objects.for_store(link.store).filter(segment_id=link.segment_id).exclude(pk__in=keep)
    return forget(link.store, old.exclude(outcome=SyncOutcome.HELD))


def forget(store: Store, syncs: QuerySet[Sync]) -> int:
    """Delete a portion of the profiles that these syncs read; how many."""
    rows = ExternalMember.objects.for_store(store).filter(sync_id__in=list(syncs.values_list("pk", flat=True)))
    return sets.delete_matching(rows, most=sets.chunk_size(ExternalMember))


def _followed(segment: Segment) -> ExternalLink:
    """What the segment follows, kept from others until the transaction ends. Raises Refusal where that is nothing."""
    link = link_of(segment)
    if link is None:
        raise Refusal("This segment follows no list elsewhere.")
    try:
        return _held(link, segment)
    except GiveUp as gone:
        raise Refusal(str(gone)) from gone


def _held(link: ExternalLink, segment: Segment) -> ExternalLink:
    connection = link.connection
    link = hold(link)
    link.connection, link.store, link.segment = connection, segment.store, segment
    connection.store = segment.store
    return link


def _time(segment: Segment, at: datetime) -> str:
    return f"{at.astimezone(segment.store.zone):%H:%M}"
