"""Looking for what waits to be taken in, store by store, for what was set aside, and for what was kept long enough."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog
from django.db import DatabaseError
from django.db.models import Exists, OuterRef
from django.utils import timezone

from customers.ingest import gaps, idempotency
from customers.ingest.taking_in import take_in
from customers.models import Arrival, ArrivalState, KeyedRequest, NameSetAside
from portal import jobs, sets, wall
from portal.models import Store

log = structlog.get_logger(__name__)

ROUND_SECONDS = 20.0
"""So long a worker goes on before it looks at what else its queue holds; the clock calls it again."""
KEPT, KEPT_WHEN_DONE = timedelta(days=30), timedelta(days=1)
FORGOTTEN_AT_ONCE = 10_000
FORGETTING_SECONDS = 300.0


def take_in_all(seconds: float = ROUND_SECONDS) -> int:
    """Take in what waits in all stores, a portion of each in turn, for so many seconds; how many arrivals."""
    until, taken = time.monotonic() + seconds, 0
    while time.monotonic() < until and not jobs.stopping.is_set():
        this_round = sum(_portion(store) for store in _waiting())
        if not this_round:
            break
        taken += this_round
    return taken


def _waiting() -> list[Store]:
    waits = Arrival.everywhere.filter(store=OuterRef("pk"), state=ArrivalState.WAITING)
    return list(Store.objects.filter(Exists(waits), closed_at=None).order_by("pk"))


def _portion(store: Store) -> int:
    try:
        return take_in(store)
    except DatabaseError as error:
        # Another store's portion may do well; and this one's comes again.
        log.warning("taking_in_put_off", store=store.pk, error=type(error).__name__)
        return 0


def look_through_all(seconds: float = ROUND_SECONDS) -> int:
    """Find whom those requests may be about that could not be taken in, for so many seconds; how many requests."""
    until, looked = time.monotonic() + seconds, 0
    unseen = Arrival.everywhere.filter(store=OuterRef("pk"), state=ArrivalState.POISON, looks_left__gt=0)
    for store in Store.objects.filter(Exists(unseen), closed_at=None).order_by("pk"):
        try:
            looked += gaps.look_through(store, until)
        except DatabaseError as error:
            log.warning("looking_through_put_off", store=store.pk, error=type(error).__name__)
    return looked


def forget(seconds: float = FORGETTING_SECONDS) -> int:
    """Delete arrivals that were settled long ago, with what was kept of those that were ignored or failed, for so many
    seconds at most; how many. What was taken in and could not be told if it came again is of no use after a day, and
    neither is the answer to a request that named its key."""
    until, gone = time.monotonic() + seconds, 0
    for store in Store.objects.order_by("pk"):
        with wall.around(store):
            settled = Arrival.objects.for_store(store).exclude(state=ArrivalState.WAITING)
            now = timezone.now()
            # Before what they point to.
            names = NameSetAside.objects.for_store(store).filter(arrival__settled_at__lt=now - KEPT)
            while time.monotonic() < until and sets.delete_matching(names, most=FORGOTTEN_AT_ONCE):
                continue
            useless = settled.filter(state=ArrivalState.DONE, dedupe_key=None, settled_at__lt=now - KEPT_WHEN_DONE)
            answered = KeyedRequest.objects.for_store(store).filter(begun_at__lt=now - idempotency.KEPT)
            for rows in (useless, settled.filter(settled_at__lt=now - KEPT), answered):
                while time.monotonic() < until and (found := sets.delete_matching(rows, most=FORGOTTEN_AT_ONCE)):
                    gone += found
    return gone
