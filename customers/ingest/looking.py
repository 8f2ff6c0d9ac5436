"""What staff see of the ways in: how much has come, what became of it, and what went wrong last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, QuerySet, Sum
from django.utils import timezone

from customers.models import Arrival, ArrivalDay, ArrivalState, Rejection, WayIn, WayInKind
from portal.models import Store

DAYS = 30
QUIET = timedelta(days=2)
"""A source of which nothing came for so long, and which sent before, may have stopped."""
COUNTED_AT_MOST = 1_000
LEFT = (ArrivalState.IGNORED, ArrivalState.POISON)


@dataclass(frozen=True)
class Waiting:
    """Records that came and are not taken in, arrivals that could not be, and when the last of all came."""

    records: int
    poison: int
    last_at: datetime | None


def ways_in(store: Store) -> QuerySet[WayIn]:
    """All of the store, those in use first."""
    mine: QuerySet[WayIn] = WayIn.objects.for_store(store).select_related("created_by")
    return mine.order_by("revoked_at", "label", "pk")


def today(store: Store, now: datetime) -> dict[int | None, ArrivalDay]:
    """Way in → what became today of what came; None for the events in files."""
    days = ArrivalDay.objects.for_store(store).filter(day=store.day(now))
    return {day.way_in_id: day for day in days}


def waiting(store: Store) -> dict[int, Waiting]:
    """Way in → what waits, for those of which something does."""
    # Apart, as each has an index of its own.
    found: dict[int, Waiting] = {}
    for state in (ArrivalState.WAITING, ArrivalState.POISON):
        rows = Arrival.objects.for_store(store).filter(state=state).values("way_in").order_by()
        for row in rows.annotate(number=Count("pk"), records=Sum("records"), last=Max("received_at")):
            before = found.get(row["way_in"], Waiting(0, 0, None))
            poison = row["number"] if state == ArrivalState.POISON else 0
            last = max(filter(None, (before.last_at, row["last"])))
            found[row["way_in"]] = Waiting(before.records + row["records"], before.poison + poison, last)
    return found


def set_aside(store: Store) -> int:
    """How many requests could not be taken in, counted to one more than COUNTED_AT_MOST and no further."""
    rows = Arrival.objects.for_store(store).filter(state=ArrivalState.POISON)
    return rows.order_by()[: COUNTED_AT_MOST + 1].count()


def state_of(way_in: WayIn, waits: Waiting | None, now: datetime) -> tuple[str, str, str]:
    """Tone, icon and words of how a way in does."""
    last = max(filter(None, (way_in.last_at, waits.last_at if waits else None)), default=None)
    if way_in.revoked_at is not None:
        return "", "ban", "Revoked"
    if waits and waits.poison:
        return "bad", "alert-circle", "Needs attention"
    if last is None:
        return "", "hourglass", "Nothing yet"
    if now - last > QUIET:
        return "warn", "clock-pause", "Quiet"
    return "good", "circle-check", "Arriving"


def days(way_in: WayIn, now: datetime) -> list[ArrivalDay]:
    """The last DAYS days of which something came, latest first."""
    since = way_in.store.day(now) - timedelta(days=DAYS)
    return list(ArrivalDay.objects.for_store(way_in.store).filter(way_in=way_in, day__gt=since).order_by("-day"))


def live(way_in: WayIn) -> dict[str, Any]:
    """Whether anything arrives: the latest events by name, what waits, what was refused last."""
    now = timezone.now()
    waits = waiting(way_in.store).get(way_in.pk)
    return {
        "way_in": way_in,
        "is_tracking": WayInKind(way_in.kind).is_tracking,
        "state": state_of(way_in, waits, now),
        "waits": waits,
        "last_at": max(filter(None, (way_in.last_at, waits.last_at if waits else None)), default=None),
        "day": today(way_in.store, now).get(way_in.pk),
        "names": latest_names(way_in),
        "refused": rejections(way_in).first(),
    }


def latest_names(way_in: WayIn) -> list[tuple[str, int, datetime]]:
    """Names of what came last, how many of each on its day, and when the last came; latest first."""
    return [(name, count, datetime.fromisoformat(at)) for name, (count, at, _) in way_in.latest.items()]


def rejections(way_in: WayIn) -> QuerySet[Rejection]:
    """Records that were not taken in, latest first."""
    mine: QuerySet[Rejection] = Rejection.objects.for_store(way_in.store).filter(way_in=way_in)
    return mine.order_by("-pk")


def left_over(way_in: WayIn) -> QuerySet[Arrival]:
    """Requests that were ignored or could not be taken in, latest first; without their bodies."""
    mine: QuerySet[Arrival] = Arrival.objects.for_store(way_in.store).filter(way_in=way_in, state__in=LEFT)
    return mine.defer("body").order_by("-pk")
