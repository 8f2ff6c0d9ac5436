"""Taking in what has arrived: in portions of one store, in the order in which it came, one transaction a portion.

A portion that fails, or that no worker survives, comes again as half of it, until the arrival that is at fault stands
alone; after a few tries that one is set aside with its reason, and those behind it go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import structlog
from django.db import transaction
from django.utils import timezone

from customers.ingest.accounting import settle
from customers.ingest.outcomes import Outcome, Refused
from customers.models import Arrival, ArrivalState, Intake, WayIn, WayInKind
from customers.register import customers_version
from portal import crash, wall
from portal.faults import fault_of
from portal.models import Store

__all__ = ["ARRIVALS_AT_ONCE", "RECORDS_AT_ONCE", "TRIES", "Handler", "Outcome", "Refused", "handles", "take_in"]

log = structlog.get_logger(__name__)

ARRIVALS_AT_ONCE = 500
RECORDS_AT_ONCE = 5_000
TRIES = 3
GIVEN_UP = timedelta(seconds=5)
"""Whoever began a portion goes on with it at once: one that is begun for so long, and held by nobody, is nobody's."""
DIED = "The worker that took it in died of it."
FAILED = "Something went wrong on our side while it was taken in ({})."


class Handler(Protocol):
    """What takes in the arrivals of one kind of way in."""

    def take_in(self, store: Store, way_in: WayIn, arrivals: list[Arrival]) -> list[Outcome]:
        """Write what the arrivals say, in the caller's transaction, behind the wall and with the way in held; what
        became of each of them, in their order. Done again, it writes nothing twice. What raises is tried again, and
        set aside in the end; so only what is nobody's mistake should."""
        ...


_handlers: dict[str, Handler] = {}


def handles(kind: WayInKind) -> Callable[[type[Any]], type[Any]]:
    """Class decorator: a Handler of the arrivals of this kind."""

    def add(handler: type[Any]) -> type[Any]:
        if kind in _handlers:
            raise ValueError(f"Two take in what comes from {kind}.")
        _handlers[kind] = handler()
        return handler

    return add


@dataclass(frozen=True)
class _Portion:
    first: int
    count: int
    arrivals: tuple[int, ...]


def take_in(store: Store) -> int:
    """Take in the next portion of what waits in the store; how many arrivals were settled. 0 when nothing waits, when
    somebody else is at it, and when the portion failed: then it comes again, smaller."""
    with wall.around(store):
        portion = _begin(store)
        if portion is None:
            return 0
        crash.point("intake.begun")
        try:
            return _take_in(store, portion)
        except Exception as error:
            if fault_of(error) is not None:
                _put_back(store)
                raise
            log.exception("portion_failed", store=store.pk, arrivals=portion.count)
            _blame(store, FAILED.format(type(error).__name__))
            return 0


def hold(store: Store, *, waits: bool = False) -> Intake | None:
    """The store's intake, held; None while somebody else does, unless the caller waits for that."""
    mine = Intake.objects.for_store(store)
    held: Intake | None = mine.select_for_update(of=("self",), skip_locked=not waits).first()
    if held is None and not mine.exists():
        Intake.objects.for_store(store).bulk_create(
            # Who was a customer before is found when a name is heard.
            [Intake(store=store, seen_in=customers_version(store))],
            ignore_conflicts=True,
        )
        held = mine.select_for_update(of=("self",), skip_locked=not waits).first()
    return held


@transaction.atomic
def _begin(store: Store) -> _Portion | None:
    """Say which arrivals are next, before anything is done with them."""
    intake = hold(store)
    if intake is None:
        return None
    intake.store = store
    if intake.count:
        if not intake.said and intake.begun_at and timezone.now() - intake.begun_at < GIVEN_UP:
            return None
        _narrow(intake)
    portion = _next(store, intake.most or ARRIVALS_AT_ONCE)
    intake.first, intake.count = (portion.first, portion.count) if portion else (0, 0)
    intake.begun_at = timezone.now()
    intake.save()
    return portion


def _next(store: Store, most: int) -> _Portion | None:
    waiting = Arrival.objects.for_store(store).filter(state=ArrivalState.WAITING).order_by("pk")
    chosen: list[int] = []
    records = 0
    for pk, count in waiting.values_list("pk", "records")[:most]:
        if chosen and records + count > RECORDS_AT_ONCE:
            break
        chosen.append(pk)
        records += count
    return _Portion(chosen[0], len(chosen), tuple(chosen)) if chosen else None


def _narrow(intake: Intake) -> None:
    """The portion at hand failed, or nobody survived it: halve it, or count it against the one arrival that it is."""
    if intake.count > 1:
        intake.most = intake.count // 2
        return
    intake.most = 1
    suspects = Arrival.objects.for_store(intake.store).filter(pk=intake.first, state=ArrivalState.WAITING)
    for arrival in suspects:
        arrival.attempts += 1
        if arrival.attempts >= TRIES:
            arrival.state, arrival.settled_at = ArrivalState.POISON, timezone.now()
            arrival.reason = intake.said or DIED
            log.error("arrival_poison", store=intake.store_id, arrival=arrival.pk)
        arrival.save(update_fields=["attempts", "state", "settled_at", "reason"])
    intake.said = ""


@transaction.atomic
def _take_in(store: Store, portion: _Portion) -> int:
    # Whoever looks what is next holds it for a moment; to leave it then would stop the store until it is given up.
    intake = hold(store, waits=True)
    if intake is None or (intake.first, intake.count) != (portion.first, portion.count):
        return 0
    waiting = Arrival.objects.for_store(store).filter(pk__in=portion.arrivals, state=ArrivalState.WAITING)
    arrivals = list(waiting.order_by("pk"))
    ways = _hold_ways(store, {arrival.way_in_id for arrival in arrivals})
    settled = 0
    for way_in in ways:
        mine = [arrival for arrival in arrivals if arrival.way_in_id == way_in.pk]
        crash.taste(partial(_bodies, mine))
        settle(way_in, mine, _handlers[way_in.kind].take_in(store, way_in, mine))
        settled += len(mine)
        crash.point("intake.written")
    usual = min(intake.most * 2, ARRIVALS_AT_ONCE) if intake.most else 0
    intake.first = intake.count = 0
    intake.most, intake.said = 0 if usual >= ARRIVALS_AT_ONCE else usual, ""
    intake.save()
    return settled


def _bodies(arrivals: list[Arrival]) -> list[str]:
    return [arrival.body for arrival in arrivals]


def _hold_ways(store: Store, numbers: Iterable[int]) -> list[WayIn]:
    """The ways in, held: whoever erases people holds the same rows, and sees then what was written before. Those that
    somebody else holds are left out, and what came through them waits."""
    mine = WayIn.objects.for_store(store).filter(pk__in=list(numbers)).order_by("pk")
    ways: list[WayIn] = list(mine.select_for_update(no_key=True, of=("self",), skip_locked=True))
    for way_in in ways:
        way_in.store = store
    return ways


@transaction.atomic
def _put_back(store: Store) -> None:
    """The database or the disk was at fault: nobody is to blame."""
    intake = hold(store, waits=True)
    if intake is not None:
        intake.first = intake.count = 0
        intake.save()


@transaction.atomic
def _blame(store: Store, said: str) -> None:
    intake = hold(store, waits=True)
    if intake is not None:
        intake.said = said[:200]
        intake.save()
