"""Time as a store has it: its zone, and when something that happens once a day is due there."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import structlog

log = structlog.get_logger(__name__)

LONGEST = timedelta(hours=36)
"""What lies between two days' work at most, also when the store moves to the other side of the date line."""
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of this name; UTC, with a warning, for a name that this machine does not know."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        log.warning("unknown_time_zone", zone=name)
        return zoneinfo.ZoneInfo("UTC")


@dataclass(frozen=True, order=True)
class Due:
    """The instant `at` (UTC) at which the work of the store's `day` is due. Work has one row for each day."""

    at: datetime
    day: date


def due_on(day: date, at: time, where: zoneinfo.ZoneInfo) -> datetime | None:
    """The instant at which the clocks show `at` on this day: the first one where they show it twice.

    A time that the clocks leap over is due as long after the leap; if that would be another day, in the last second
    before the leap. None for a day that a place has left out.
    """
    instant = datetime.combine(day, at, tzinfo=where).replace(fold=0).astimezone(UTC)
    if instant.astimezone(where).date() == day:
        return instant
    # Somewhere in the day and a half before it, the clocks leapt.
    early, late = instant - 1.5 * _DAY, instant
    while late - early > _SECOND:
        middle = early + (late - early) / 2
        early, late = (early, middle) if middle.astimezone(where).date() > day else (middle, late)
    last = early.replace(microsecond=0)
    return last if last.astimezone(where).date() == day else None


def next_due(at: time, where: zoneinfo.ZoneInfo, *, now: datetime, last: Due | None) -> Due:
    """When the work is due that happens once on each day at `at`; `last` is what was done last.

    Of days that were missed only the latest counts, and its instant lies in the past then. The day is always a later
    one than `last`'s, whatever zone that was done in, and its instant at most LONGEST after it.
    """
    if last is None:
        return next(due for due in _from(now, at, where) if due.at >= now)
    coming = (due for due in _from(min(now, last.at), at, where) if due.day > last.day and due.at > last.at)
    chosen = next(coming)
    for due in coming:
        if due.at > now:
            break
        chosen = due
    if chosen.at > max(last.at + LONGEST, now):
        return Due(last.at + LONGEST, last.day + _DAY)
    return chosen


def _from(instant: datetime, at: time, where: zoneinfo.ZoneInfo) -> Iterator[Due]:
    day = instant.astimezone(where).date() - _DAY
    while True:
        due = due_on(day, at, where)
        if due is not None:
            yield Due(due, day)
        day += _DAY
