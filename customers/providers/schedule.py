"""When accounts are looked at by themselves: once in each night of the store, at a time of the account's own. Those
whose history is not to be read have their webhooks checked alone."""

from __future__ import annotations

import hashlib
from datetime import datetime, time

from django.db import transaction

from customers.models import WayIn
from customers.providers import history
from customers.providers.accounts import KINDS
from portal import clock, wall

FIRST_HOUR, HOURS = 1, 4
_AT_ONCE = 1_000


def time_of_night(way_in: WayIn) -> time:
    """In whole minutes, spread over the night by account."""
    digest = hashlib.sha256(f"{way_in.kind} {way_in.account} {way_in.pk}".encode()).digest()
    minute = int.from_bytes(digest[:8], "big") % (HOURS * 60)
    return time(FIRST_HOUR + minute // 60, minute % 60)


def run_due(now: datetime) -> int:
    """Begin the readings and checks that are due; how many. Called by the clock, as often as it likes."""
    due = WayIn.everywhere.filter(next_reconcile_at__lte=now, revoked_at=None, kind__in=KINDS, store__closed_at=None)
    begun = 0
    for way_in in due.select_related("store").order_by("next_reconcile_at", "pk")[:_AT_ONCE]:
        with wall.around(way_in.store), transaction.atomic():
            begun += _run(way_in, now)
    return begun


def plan(way_in: WayIn, *, now: datetime) -> None:
    """Have the account read in the night to come. With its row held."""
    way_in.next_reconcile_at = clock.next_due(time_of_night(way_in), way_in.store.zone, now=now, last=None).at
    way_in.save(update_fields=["next_reconcile_at"])


def _run(seen: WayIn, now: datetime) -> bool:
    mine = WayIn.objects.for_store(seen.store).filter(pk=seen.pk, next_reconcile_at__lte=now)
    way_in: WayIn | None = mine.select_for_update(no_key=True, skip_locked=True, of=("self",)).first()
    if way_in is None:
        return False
    way_in.store = seen.store
    plan(way_in, now=now)
    return history.begin(way_in, actor=None, only_webhooks=not way_in.reads_history) is not None
