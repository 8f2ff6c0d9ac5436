"""Keeping what arrives: one row in one transaction, and nothing else, before it is answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from django.db import IntegrityError, transaction
from django.utils import timezone

from customers.ingest import bell
from customers.models import Arrival, WayIn
from portal import crash, wall


class Received(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"


def receive(
    way_in: WayIn,
    topic: str,
    body: str,
    *,
    records: int,
    dedupe_key: str | None = None,
    received_at: datetime | None = None,
    settle: Callable[[], None] | None = None,
) -> Received:
    """Keep the request `body` of `records` records under `topic`, to be taken in soon. Once this returns it is durable.

    `dedupe_key` (64 characters at most) is what the same request is known by when it comes again: then it is a
    DUPLICATE, and nothing is kept. `settle` is called in the same transaction, and what it raises undoes it. Raises the
    database's errors; the caller answers them with 503 and Retry-After.
    Call it outside of any transaction, with a `way_in` that has its store.
    """
    fields = {"topic": topic[:100], "body": body, "records": records, "dedupe_key": dedupe_key}
    store = way_in.store
    with wall.around(store):
        try:
            with transaction.atomic(durable=True):
                at = received_at or timezone.now()
                Arrival.objects.create_for(store, way_in=way_in, received_at=at, **fields)
                if settle is not None:
                    settle()
                crash.point("inbox.received")
        except IntegrityError:
            if dedupe_key is None:
                raise
            return Received.DUPLICATE
    crash.point("inbox.kept")
    bell.ring()
    return Received.STORED
