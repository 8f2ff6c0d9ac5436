"""What is done for connections by themselves: refused ones are tried once a day, and names of lists read anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from portal import wall
from segments.external.connections import ask_for_check, index
from segments.external.groups import STALE_AFTER
from segments.models import Connection
from segments.models.external import ConnectionState

PROBE_EVERY = timedelta(days=1)
_AT_ONCE = 100


def run(now: datetime) -> int:
    """Ask for the checks and readings that are due; how many."""
    refused = Q(state=ConnectionState.REFUSED, checked_at__lt=now - PROBE_EVERY)
    stale = Q(indexed_at__lt=now - STALE_AFTER, state=ConnectionState.CONNECTED)
    begun = 0
    due = Connection.everywhere.filter(refused | stale, store__closed_at=None)
    for connection in due.select_related("store").order_by("pk")[:_AT_ONCE]:
        with wall.around(connection.store), transaction.atomic():
            begun += _see_to(connection)
    return begun


def _see_to(seen: Connection) -> bool:
    held = Connection.objects.for_store(seen.store).select_for_update(no_key=True, skip_locked=True, of=("self",))
    connection: Connection | None = held.filter(pk=seen.pk, state=seen.state).first()
    if connection is None:
        return False
    connection.store = seen.store
    if connection.is_connected:
        return index(connection, actor=None) is not None
    return ask_for_check(connection, actor=None) is not None
