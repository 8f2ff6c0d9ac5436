"""When lists are read by themselves: once on each day of the store's calendar, at a time of day of the account's own.

The time is spread over the day by account, so that not all of them are asked at midnight. What is due stands in the
links (`next_sync_at`); the clock only looks. Days that were missed are caught up with one sync.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, time, timedelta

from django.db import transaction

from portal import clock, wall
from portal.access import Feature
from segments.external.syncs import begin, work_with
from segments.models import Connection, ExternalLink
from segments.models.external import SyncCause

ASKED_WHILE_MISSING = timedelta(days=3)
"""So long a list that is gone is still asked for; it may have been taken away by mistake."""
_LOOKED_AT = 10_000


def time_of_day(connection: Connection) -> time:
    """The account's own time of day, in whole minutes."""
    digest = hashlib.sha256(connection.budget_key.encode()).digest()
    minute = int.from_bytes(digest[:8], "big") % (24 * 60)
    return time(minute // 60, minute % 60)


def plan(link: ExternalLink, *, now: datetime) -> None:
    """Write down when the link is synced next; never, where it is not synced daily."""
    link.next_sync_at = _next(link, now) if _is_wanted(link, now) else None
    link.save(update_fields=["next_sync_at"])


def run_due(now: datetime) -> int:
    """Begin the syncs that are due, one of each account; how many. Called by the clock, as often as it likes."""
    due = ExternalLink.everywhere.filter(next_sync_at__lte=now, store__closed_at=None).order_by("next_sync_at", "pk")
    first: dict[int, int] = {}
    for pk, connection in due.values_list("pk", "connection")[:_LOOKED_AT]:
        first.setdefault(connection, pk)
    begun = 0
    for link in due.filter(pk__in=list(first.values())).select_related("store", "connection", "segment"):
        link.connection.store = link.segment.store = link.store
        with wall.around(link.store), transaction.atomic():
            begun += _run(link, now)
    return begun


def _run(seen: ExternalLink, now: datetime) -> bool:
    mine = ExternalLink.objects.for_store(seen.store).filter(pk=seen.pk, next_sync_at__lte=now)
    link = mine.select_for_update(no_key=True, skip_locked=True, of=("self",)).first()
    # One list of an account after the other, so that none waits for another at the source's limits.
    if link is None or work_with(seen.connection).exists():
        return False
    link.store, link.connection, link.segment = seen.store, seen.connection, seen.segment
    if not _is_wanted(link, now):
        plan(link, now=now)
        return False
    due = clock.next_due(time_of_day(link.connection), link.store.zone, now=now, last=_last(link))
    day = due.day if due.at <= now else None  # before its time: what failed lately is tried again
    if day is not None:
        link.last_due_at, link.last_due_on = due.at, due.day
    link.next_sync_at = _next(link, now)
    link.save(update_fields=["last_due_at", "last_due_on", "next_sync_at"])
    if not link.store.has(Feature.SEGMENTS):
        return False  # its plan may hold them again tomorrow
    begin(link, link.segment, SyncCause.DAILY, actor=None, day=day)
    return True


def _is_wanted(link: ExternalLink, now: datetime) -> bool:
    if not link.is_synced_daily or not link.connection.is_connected or link.segment.deleted_at is not None:
        return False
    return link.missing_since is None or link.missing_since >= now - ASKED_WHILE_MISSING


def _next(link: ExternalLink, now: datetime) -> datetime:
    return clock.next_due(time_of_day(link.connection), link.store.zone, now=now, last=_last(link)).at


def _last(link: ExternalLink) -> clock.Due | None:
    if link.last_due_at is None or link.last_due_on is None:
        return None
    return clock.Due(link.last_due_at, link.last_due_on)


def resume(connection: Connection, *, now: datetime) -> None:
    """Plan the links of an account that is connected again."""
    links = ExternalLink.objects.for_store(connection.store).filter(connection=connection)
    for link in links.select_related("segment"):
        link.store, link.connection = connection.store, connection
        plan(link, now=now)
