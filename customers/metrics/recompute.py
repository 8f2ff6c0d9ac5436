"""Making metrics anew: one statement for as many customers as one likes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Value
from django.utils import timezone

from customers.metrics import expected, registry
from customers.metrics.frame import Frame, Those
from customers.metrics.metric import INSTANT, WHOLE, of
from customers.metrics.thresholds import thresholds_of
from customers.models import Customer, CustomerMetrics, MetricsState
from portal import sets
from portal.models import Store

EVERYBODY = Those()


def held(store: Store) -> MetricsState:
    """The store's state of metrics, held to the end of the transaction: by whoever makes some of them anew, one after
    the other, and by the eraser of people."""
    found: MetricsState = _of(store).select_for_update(no_key=True).get()
    return found


def held_if_free(store: Store) -> MetricsState | None:
    """The same; None while somebody else holds it."""
    found: MetricsState | None = _of(store).select_for_update(no_key=True, skip_locked=True).first()
    return found


def _of(store: Store) -> QuerySet[Any]:
    rows = MetricsState.objects.for_store(store)
    if not rows.exists():
        rows.get_or_create(defaults={"store_id": store.pk})
    return rows


def recompute(store: Store, ids: Iterable[int] | None, now: datetime) -> int:
    """Make the metrics of these customers of the store anew, or of all, as of the store's day of `now`; in how many
    rows something came out differently. Within a transaction, which holds the store's state from here on."""
    state = held(store)
    those = EVERYBODY if ids is None else Those(ids=tuple(sorted(set(ids))))
    return make_anew(frame_of(store, those, state, now))


def frame_of(store: Store, those: Those, state: MetricsState, now: datetime) -> Frame:
    """What is asked of them. The caller holds the store's state."""
    # A worker may have had the store at hand since before it got another currency, or another time zone.
    store.refresh_from_db(fields=("time_zone", "currency"))
    return Frame(store, those, store.day(now), thresholds_of(store), state.cuts, state.fit)


class Wording:
    """The metrics in the words of the database: found once for all portions of customers that are reckoned alike."""

    def __init__(self) -> None:
        self._for: tuple[Frame, str, str] | None = None
        self._listed = sets.Listed({})

    def of(self, frame: Frame) -> sets.Listed:
        alike = replace(frame, those=EVERYBODY), frame.store.time_zone, frame.store.currency
        if alike != self._for:
            metrics = {name: registry.METRICS[name].reckoned(frame) for name in registry.STORED}
            self._for, self._listed = alike, sets.Listed(metrics)
        return self._listed


def make_anew(frame: Frame, wording: Wording | None = None) -> int:
    """In how many rows something came out differently. The caller holds the store's state; who makes portion after
    portion anew keeps the wording from one to the next."""
    if frame.those.ids == ():
        return 0
    names = ("store", "customer", "computed_at", *registry.STORED)
    some = nullcontext() if frame.those == EVERYBODY else sets.by_indexes(CustomerMetrics)
    with some:
        return sets.upsert_from(
            CustomerMetrics,
            names,
            selection(frame, wording or Wording()),
            key=("store", "customer"),
            update=registry.STORED,
            touch=("computed_at",),
            plainly=True,
        )


def selection(frame: Frame, wording: Wording) -> sets.Joined:
    """What the metrics of the frame's customers are."""
    customer = of("customer")
    people = frame.rows(Customer, "pk").filter(erased_at=None).values("id", "signed_up_at", "acquisition_channel")
    columns = {
        "store": Value(frame.store.pk, WHOLE),
        "customer": customer("id", WHOLE),
        "computed_at": Value(timezone.now(), INSTANT),
    }
    parts = registry.parts(frame) | expected.parts(frame)
    return sets.Joined(people, "customer", "id", parts, columns, wording.of(frame))
