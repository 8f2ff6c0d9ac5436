"""Writing what customers did, as providers tell it: each thing once, whatever tells it, and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from django.utils import timezone

from customers.commerce.records import Outcome
from customers.ingest.storing import store_events
from customers.ingest.tracked import Tracked
from customers.models import EventTime, WayIn
from customers.register import hold_customers
from portal.models import Store


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
    now = timezone.now()
    events = [
        Tracked(message_key(source, one.key), one.name, one.at, now, EventTime.AS_SENT, None, one.properties, "",
                customer_id=one.customer_id)
        for one in said
    ]  # fmt: skip
    is_new = store_events(store, way_in, events)
    return [Outcome.CREATED if new else Outcome.UNCHANGED for new in is_new]


def message_key(source: str, key: str) -> str:
    return blake2b(f"{source}\n{key}".encode(), digest_size=16).hexdigest()
