"""How much may arrive under one key: so much a second, and no more than so much that waits. Beyond that its senders are
asked to come again later; the others are not concerned."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Sum

from customers.models import Arrival, ArrivalState, WayIn
from portal import wall

BURST_SECONDS = 4
REQUEST_COSTS = 10
"""A request costs as much as so many records, beside those that it brings."""
LOOK_EVERY_SECONDS = 1.0
BACKLOG_SECONDS = 5
"""After so long whoever met a backlog may try again."""
KEYS_REMEMBERED = 10_000


class TooFast(Exception):
    """Come again after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass
class _Pace:
    left: float
    at: float
    looked_at: float = -math.inf
    backlog: int = 0


_turn = threading.Lock()
_paces: dict[int, _Pace] = {}


def ask(way_in: WayIn) -> None:
    """Raises TooFast where a request would not be taken now, however small: before anything is spent on reading it."""
    with _turn:
        pace = _pace_now(way_in)
        if pace.backlog > settings.INGEST_BACKLOG and pace.at - pace.looked_at <= LOOK_EVERY_SECONDS:
            raise TooFast(BACKLOG_SECONDS)


def take(way_in: WayIn, records: int) -> None:
    """Count a request of so many records. Raises TooFast; then nothing is counted."""
    with _turn:
        pace = _pace_now(way_in)
        looks = pace.at - pace.looked_at > LOOK_EVERY_SECONDS
        if looks:
            pace.looked_at = pace.at
    if looks:
        pace.backlog = waiting(way_in)
    with _turn:
        if pace.backlog > settings.INGEST_BACKLOG:
            raise TooFast(BACKLOG_SECONDS)
        pace.left -= records + REQUEST_COSTS
        pace.backlog += records


def waiting(way_in: WayIn) -> int:
    """How many records of the way in wait to be taken in."""
    with wall.around(way_in.store):
        mine = Arrival.objects.for_store(way_in.store).filter(way_in=way_in, state=ArrivalState.WAITING)
        return mine.aggregate(records=Sum("records"))["records"] or 0


def forget() -> None:
    """Begin anew with all keys."""
    with _turn:
        _paces.clear()


def _pace_now(way_in: WayIn) -> _Pace:
    per_second = settings.INGEST_RECORDS_PER_SECOND
    pace, now = _pace_of(way_in.pk, per_second), time.monotonic()
    pace.left = min(pace.left + (now - pace.at) * per_second, per_second * BURST_SECONDS)
    pace.at = now
    # Whoever has anything left may go below nothing: a batch that is larger than all of it must come in some time.
    if pace.left <= 0:
        raise TooFast(max(1, math.ceil(-pace.left / per_second)))
    return pace


def _pace_of(key: int, per_second: int) -> _Pace:
    if key not in _paces:
        if len(_paces) >= KEYS_REMEMBERED:
            _paces.clear()
        _paces[key] = _Pace(left=per_second * BURST_SECONDS, at=time.monotonic())
    return _paces[key]
