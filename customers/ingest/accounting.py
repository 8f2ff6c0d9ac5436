"""The books of the ways in: what became of every record, by day; and why some were not taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from customers.ingest.outcomes import Outcome, Refused
from customers.models import Arrival, ArrivalDay, ArrivalState, Rejection, WayIn
from portal import sets
from portal.models import Store

REJECTIONS_KEPT = 1_000
LATEST_KEPT = 10
"""Names of what came last that are kept with a way in."""
_COUNTS = ("stored", "duplicate", "invalid", "ignored", "unmatched")


def settle(way_in: WayIn, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome]) -> None:
    """Write down what became of the arrivals; in the transaction that took them in, with the way in held."""
    now = timezone.now()
    days: dict[date, Counter[str]] = {}
    done: list[int] = []
    for arrival, outcome in zip(arrivals, outcomes, strict=True):
        counts = days.setdefault(way_in.store.day(arrival.received_at), Counter())
        counts.update({name: getattr(outcome, name) for name in _COUNTS})
        counts["received"] += arrival.records
        if outcome.ignored_because:
            _put_aside(way_in, arrival, outcome)
            counts["ignored"] += arrival.records - _told(outcome)
        else:
            done.append(arrival.pk)
    rows = Arrival.objects.for_store(way_in.store)
    if done:
        rows.filter(pk__in=done).update(state=ArrivalState.DONE, body="", reason="", settled_at=now)
    said = [
        (arrival.topic, refused)
        for arrival, outcome in zip(arrivals, outcomes, strict=True)
        for refused in outcome.refused
    ]
    if arrivals:
        _note(way_in, said)
        _seen(way_in, arrivals, outcomes, said)
        for day, counts in days.items():
            count(way_in, day, counts)


def _told(outcome: Outcome) -> int:
    return outcome.stored + outcome.duplicate + outcome.invalid + outcome.ignored


def _put_aside(way_in: WayIn, arrival: Arrival, outcome: Outcome) -> None:
    row = Arrival.objects.for_store(way_in.store).filter(pk=arrival.pk)
    row.update(state=ArrivalState.IGNORED, reason=outcome.ignored_because[:500], settled_at=timezone.now())
    if outcome.names_erased:
        row.update(body="")


def _seen(
    way_in: WayIn, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome], said: list[tuple[str, Refused]]
) -> None:
    """Keep with the way in, which is held, what came last, and what was wrong last."""
    way_in.last_at = max(arrival.received_at for arrival in arrivals)
    for arrival, outcome in zip(arrivals, outcomes, strict=True):
        named = outcome.names or ({arrival.topic: outcome.stored} if outcome.stored else {})
        at, day = arrival.received_at.isoformat(), way_in.store.day(arrival.received_at).isoformat()
        for name, number in named.items():
            before, _, of = way_in.latest.get(name, (0, "", ""))
            way_in.latest[name] = (number + (before if of == day else 0), at, day)
    by_time = sorted(way_in.latest.items(), key=lambda item: str(item[1][1]), reverse=True)
    way_in.latest = dict(by_time[:LATEST_KEPT])
    if said:
        way_in.last_error, way_in.last_error_at = _words(said[-1][1])[:500], timezone.now()
    way_in.save(update_fields=["last_at", "latest", "last_error", "last_error_at"])


def _words(refused: Refused) -> str:
    return f"{refused.field}: {refused.reason}" if refused.field else refused.reason


def count(way_in: WayIn, day: date, counts: Counter[str]) -> None:
    """Add to what is known of the day; last in a transaction, as others wait for the row."""
    _count(way_in.store, way_in, day, counts)


def count_file(store: Store, counts: Counter[str]) -> None:
    """The same of what comes from files, today."""
    _count(store, None, store.day(timezone.now()), counts)


def note_earliest(store: Store, way_in: WayIn | None, at: datetime) -> None:
    """Keep with the day that an event of this time came, unless one of an earlier time did."""
    mine = _day(store, way_in, store.day(timezone.now()))
    mine.filter(Q(earliest=None) | Q(earliest__gt=at)).update(earliest=at)


def _count(store: Store, way_in: WayIn | None, day: date, counts: Counter[str]) -> None:
    _day(store, way_in, day).update(**{name: F(name) + number for name, number in counts.items()})


def _day(store: Store, way_in: WayIn | None, day: date) -> QuerySet[ArrivalDay]:
    """The row of the day, made where there is none."""
    days = ArrivalDay.objects.for_store(store)
    days.get_or_create(way_in=way_in, day=day, defaults={"store_id": store.pk})
    mine: QuerySet[ArrivalDay] = days.filter(way_in=way_in, day=day)
    return mine


def refuse(way_in: WayIn, topic: str, refused: Sequence[Refused], *, records: int) -> None:
    """Write down that a request of `records` records was turned away as a whole, before it was kept."""
    now = timezone.now()
    said = [(topic, each) for each in refused]
    with transaction.atomic():
        # The way in itself is held by whoever takes in what came before: who asks must not wait for that.
        _note(way_in, said)
        count(way_in, way_in.store.day(now), Counter(received=records, invalid=records))


def _note(way_in: WayIn, said: Iterable[tuple[str, Refused]]) -> None:
    """Keep the reasons, and of the way in the latest REJECTIONS_KEPT."""
    rows = [
        (way_in.store.pk, way_in.pk, timezone.now(), topic[:100], each.position, each.field[:100], each.reason[:255])
        for topic, each in said
    ][-REJECTIONS_KEPT:]
    if not rows:
        return
    sets.load(Rejection, ("store", "way_in", "at", "topic", "position", "field", "reason"), rows)
    mine = Rejection.objects.for_store(way_in.store).filter(way_in=way_in)
    oldest = mine.order_by("-pk").values_list("pk", flat=True)[REJECTIONS_KEPT : REJECTIONS_KEPT + 1].first()
    if oldest is not None:
        sets.delete_matching(mine.filter(pk__lte=oldest))
