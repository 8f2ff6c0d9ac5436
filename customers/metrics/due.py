"""What keeps metrics true by itself: customers of whom something changed, at once; all of them, each night.

Called by the clock, as often as it likes. What changed stands in rows: `TouchedCustomer` for what customers bought and
did, and the version with which a customer was added or changed (`Customer.changed_in`), which nobody can forget to
write. The rows are taken away, and the version is noted, in the transaction that writes the metrics.
"""

from __future__ import annotations

import time as clocks
from datetime import datetime, time

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery

from customers.metrics.frame import Those
from customers.metrics.recompute import frame_of, held_if_free, make_anew
from customers.metrics.work import recompute_all
from customers.models import Customer, CustomerMetrics, CustomerRegister, MetricsState, TouchedCustomer
from customers.register import customers_version
from portal import clock, crash, sets, wall
from portal.models import Store

ROUND_SECONDS = 20.0
"""So long a worker is at it before it does other work; the clock calls it again."""
PORTION = 5_000


def _portion() -> int:
    return min(PORTION, sets.reckoned_chunk_size(CustomerMetrics))


def catch_up(now: datetime, seconds: float = ROUND_SECONDS) -> int:
    """Make the metrics of those anew of whom something changed, of all stores; how many customers that were."""
    until, done = clocks.monotonic() + seconds, 0
    for store in _behind():
        with wall.around(store):
            while (count := catch_up_store(store, now)) and clocks.monotonic() < until:
                done += count
            done += count
        if clocks.monotonic() >= until:
            break
    return done


def _behind() -> list[Store]:
    version = CustomerRegister.everywhere.filter(store=OuterRef("pk")).values("version")
    seen = MetricsState.everywhere.filter(store=OuterRef("pk")).values("seen_in")
    touched = TouchedCustomer.everywhere.filter(store=OuterRef("pk"))
    stores = Store.objects.filter(closed_at=None).annotate(version=Subquery(version), seen=Subquery(seen))
    waits = Exists(touched) | Q(version__gt=F("seen")) | Q(version__isnull=False, seen=None)
    return list(stores.filter(waits).order_by("pk"))


def catch_up_store(store: Store, now: datetime) -> int:
    """A portion of the store's changed customers; how many. 0 also while somebody else is at it."""
    with transaction.atomic():
        state = held_if_free(store)
        if state is None:
            return 0
        ids = _take_touched(store) or _take_changed(store, state)
        if ids:
            make_anew(frame_of(store, Those(ids=tuple(sorted(ids))), state, now))
        crash.point("metrics.caught up")
    return len(ids)


def _take_touched(store: Store) -> set[int]:
    """Those in the first of the rows, which are taken away. Rows that others are about to write stay for later."""
    rows = TouchedCustomer.objects.for_store(store)
    first = dict(rows.order_by("pk").values_list("pk", "customer_id")[: _portion()])
    if first:
        sets.delete_matching(rows.filter(pk__among=list(first)))
    return set(first.values())


def _take_changed(store: Store, state: MetricsState) -> set[int]:
    """Customers changed with the next versions after the one seen, which are noted as seen."""
    # First of all: what was changed with a version that is seen now, is seen too.
    version = customers_version(store)
    if version <= state.seen_in:
        return set()
    changed = Customer.objects.for_store(store).filter(changed_in__gt=state.seen_in, changed_in__lte=version)
    # All that was changed with one version goes together: no more than a portion of an import.
    versions = changed.order_by("changed_in").values_list("changed_in", flat=True)
    upto = max(versions[: _portion()], default=version)
    ids = set(changed.filter(changed_in__lte=upto).values_list("pk", flat=True))
    state.seen_in = upto
    state.save(update_fields=["seen_in"])
    return ids


def run_nightly(now: datetime) -> int:
    """Have all metrics made anew of the stores whose night has come; of how many stores."""
    known = MetricsState.everywhere.filter(store=OuterRef("pk"))
    due = Exists(known.filter(next_full_at__lte=now)) | ~Exists(known)
    begun = 0
    for store in Store.objects.filter(due, closed_at=None).order_by("pk"):
        with wall.around(store), transaction.atomic():
            begun += _run(store, now)
    return begun


def follow_changes(now: datetime) -> int:
    """Have all metrics made anew of the stores that got another time zone or currency since they were asked for, by
    whatever way; of how many stores."""
    others = ~Q(time_zone=F("store__time_zone")) | ~Q(currency=F("store__currency"))
    asked = MetricsState.everywhere.filter(others, store__closed_at=None).exclude(time_zone="")
    begun = 0
    for store in Store.objects.filter(pk__in=asked.values("store")).order_by("pk"):
        with wall.around(store), transaction.atomic():
            begun += _run(store, now)
    return begun


def time_of_night(store: Store) -> time:
    """Soon after midnight, when "in 7 days" means other days; not of all stores in the same minute."""
    return time(0, 5 + store.pk * 7 % 50)


def _run(store: Store, now: datetime) -> bool:
    state = held_if_free(store)
    if state is None or (state.next_full_at > now and state.fits(store)):
        return False
    state.time_zone, state.currency = store.time_zone, store.currency
    last = clock.Due(state.last_due_at, state.last_due_on) if state.last_due_at and state.last_due_on else None
    due = clock.next_due(time_of_night(store), store.zone, now=now, last=last)
    last = due if due.at <= now else last or clock.Due(now, store.day(now))
    state.last_due_at, state.last_due_on = last.at, last.day
    state.next_full_at = clock.next_due(time_of_night(store), store.zone, now=now, last=last).at
    state.save(update_fields=["last_due_at", "last_due_on", "next_full_at", "time_zone", "currency"])
    recompute_all(store, actor=None)
    return True
