"""Writing what customers did, as providers tell it: each thing once, whatever tells it, and however often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from django.utils import timezone

from customers.commerce.records import Outcome
from customers.models import Event, EventTime, WayIn
from customers.register import hold_customers
from customers.touched import touch
from portal import sets
from portal.models import Store

_COLUMNS = (
    "store", "customer", "visitor", "name", "occurred_at", "received_at", "time_is", "session_id", "properties",
    "message_key", "way_in",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Did:
    """What a customer did; `key` is what it is known by at its source."""

    customer_id: int
    name: str
    at: datetime
    key: str
    properties: dict[str, Any]


def write_events(store: Store, source: str, way_in: WayIn, said: Sequence[Did]) -> list[Outcome]:
    """Write what is not written yet; what became of each, in their order. In the caller's transaction."""
    if not said:
        return []
    hold_customers(store)
    keys = [message_key(source, one.key) for one in said]
    known = _known(store, keys)
    now, rows, outcomes = timezone.now(), [], []
    for one, key in zip(said, keys, strict=True):
        outcomes.append(Outcome.UNCHANGED if key in known else Outcome.CREATED)
        if key not in known:
            known.add(key)
            told = (one.name, one.at, now, EventTime.AS_SENT.value, None, one.properties, key, way_in.pk)
            rows.append((store.pk, one.customer_id, "", *told))
    if rows:
        sets.load(Event, _COLUMNS, rows)
        touch(store, [row[1] for row in rows])
    return outcomes


def message_key(source: str, key: str) -> str:
    return blake2b(f"{source}\n{key}".encode(), digest_size=16).hexdigest()


def _known(store: Store, keys: Iterable[str]) -> set[str]:
    there = Event.objects.for_store(store).filter(message_key__among=sorted(set(keys)))
    return set(there.values_list("message_key", flat=True))
