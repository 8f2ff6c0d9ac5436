"""Taking in once more what was ignored, or could not be taken in, after what was wrong has been mended."""

from __future__ import annotations

from collections import Counter

from django.db import transaction

from customers.ingest import bell, gaps
from customers.ingest.accounting import count
from customers.ingest.looking import LEFT
from customers.models import Arrival, ArrivalState, WayIn
from portal import audit
from portal.actions import Refusal
from portal.faults import retried
from portal.models import User

AT_ONCE = 1_000
GONE = "There is nothing to take in once more: it was taken in meanwhile, or was kept for thirty days."


@retried
def replay(way_in: WayIn, arrival_id: int | None = None, *, actor: User) -> int:
    """Have this arrival wait again, or AT_ONCE of those that are left; how many. Raises Refusal when there are none."""
    with transaction.atomic():
        mine = Arrival.objects.for_store(way_in.store).filter(way_in=way_in, state__in=LEFT).exclude(body="")
        if arrival_id is not None:
            mine = mine.filter(pk=arrival_id)
        rows = list(mine.order_by("pk").select_for_update(of=("self",)).defer("body")[:AT_ONCE])
        if not rows:
            raise Refusal(GONE)
        for row in rows:
            if row.state == ArrivalState.IGNORED:
                # It is counted anew with what becomes of it now.
                day = way_in.store.day(row.received_at)
                count(way_in, day, Counter(received=-row.records, ignored=-row.records))
        numbers = [row.pk for row in rows]
        Arrival.objects.for_store(way_in.store).filter(pk__in=numbers).update(
            state=ArrivalState.WAITING, attempts=0, reason="", settled_at=None
        )
        gaps.forget(way_in.store, numbers)
        audit.record(way_in.store, "replayed", way_in, actor=actor, changes={"requests": [None, len(rows)]})
    bell.ring()
    return len(rows)
