"""The one door through which what happened is written, whatever brought it: each event once, of the customer who is
known by then."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from customers.ingest import accounting
from customers.ingest.identities import Names
from customers.ingest.tracked import Tracked
from customers.models import Event, WayIn
from customers.touched import touch
from portal import sets
from portal.models import Store

TRIES = 3
_COLUMNS = (
    "store", "customer", "visitor", "name", "occurred_at", "received_at", "time_is", "session_id", "properties",
    "message_key", "way_in",
)  # fmt: skip


def store_events(store: Store, way_in: WayIn | None, events: Sequence[Tracked]) -> list[bool]:
    """Write the events that are not here yet, in the caller's transaction; of each in turn, whether it was new.

    Whose an event is its `customer_id` says. Where that is None the names tell, which are learned and followed in the
    order of the events: then the caller holds the store's intake. What nobody is known to have done waits under its
    name for somebody. `way_in` is None for what comes from files.
    """
    fresh: dict[str, Tracked] = {}
    for each in events:
        fresh.setdefault(each.message_key, each)
    named = {key for key, each in fresh.items() if each.customer_id is None}
    for tried in range(1, TRIES + 1):
        for key in _here(store, fresh):
            del fresh[key]
        try:
            with transaction.atomic():
                touched = _load(store, way_in, list(fresh.values()), [fresh[key] for key in fresh if key in named])
            break
        except IntegrityError:
            # Another way in of the store brought one of them between the look and the writing.
            if tried == TRIES:
                raise
    touch(store, touched)
    happened = [each.occurred_at for each in fresh.values() if each.customer_id is not None]
    if happened:
        accounting.note_earliest(store, way_in, min(happened))
    return [fresh.get(each.message_key) is each for each in events]


def _here(store: Store, fresh: dict[str, Tracked]) -> list[str]:
    """Those of the keys that are here already."""
    if not fresh:
        return []
    mine = Event.objects.for_store(store).filter(message_key__among=list(fresh))
    return list(mine.values_list("message_key", flat=True))


def _load(store: Store, way_in: WayIn | None, events: list[Tracked], named: list[Tracked]) -> set[int]:
    """Write the events, and what the `named` ones of them say of names; whose metrics that changes."""
    touched: set[int] = set()
    if named:
        known = Names(store, named)
        for each in named:
            known.follow(each)
        touched = known.save()
    through = way_in.pk if way_in is not None else None
    rows = [
        (
            store.pk, each.customer_id, each.visitor, each.name, each.occurred_at, each.received_at,
            int(each.time_is), each.session_id, each.properties, each.message_key, through,
        )
        for each in events
    ]  # fmt: skip
    if rows:
        sets.load(Event, _COLUMNS, rows)
    return touched | {each.customer_id for each in events if each.customer_id is not None}
