"""Several lists, each in the order of time, read as one: no more of each than a page needs.

All happenings stand in one order: the later first; at equal instants by their teller's rank; within a teller the higher
number first. A page ends at a position in that order and the next begins beyond it, so that none is told twice or left
out, however many fall on one instant.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from django.db.models import Q, QuerySet

from customers.models import Customer
from portal.access import Permission
from portal.models import Store

SIZE = 20


class Kind(StrEnum):
    """What the list can be narrowed down to."""

    ORDERS = "orders"
    SUBSCRIPTIONS = "subscriptions"
    EVENTS = "events"
    SEGMENTS = "segments"


KINDS = {
    Kind.ORDERS: "Orders",
    Kind.SUBSCRIPTIONS: "Subscriptions",
    Kind.EVENTS: "Events",
    Kind.SEGMENTS: "Segments",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry, as components/timeline.html shows it; `number` tells it from the others of its teller. Where its
    `url` wants more than to look at customers, `needs` says what; `tone` is '' or warn."""

    at: datetime
    number: int
    icon: str
    text: str
    note: str = ""
    url: str = ""
    needs: Permission = Permission.VIEW
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where the list was told: the instant, and the rank and number of the last one told."""

    at: datetime
    rank: int
    number: int

    def beyond(self, rank: int, at: str, number: str = "pk") -> Q:
        """What is true of the rows of the teller of this `rank` that are still to be told; their time is in the column
        `at`."""
        if rank < self.rank:
            return Q(**{f"{at}__lt": self.at})
        if rank > self.rank:
            return Q(**{f"{at}__lte": self.at})
        # The first term alone decides for an index where to begin; the rest settles equal instants.
        settled = Q(**{f"{at}__lt": self.at}) | Q(**{f"{number}__lt": self.number})
        return Q(**{f"{at}__lte": self.at}) & settled

    @property
    def token(self) -> str:
        """The position as an address holds it."""
        return f"{_micros(self.at)}-{self.rank}-{self.number}"

    @classmethod
    def read(cls, token: str) -> Position | None:
        """The position that the token says; None for what is none."""
        parts = token.split("-") if token.isascii() and len(token) < 60 else []
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            return None
        micros, rank, number = map(int, parts)
        if micros >= _LAST or number >= 2**63:
            return None
        return cls(_EPOCH + timedelta(microseconds=micros), rank, number)


_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


_LAST = _micros(datetime(9999, 1, 1, tzinfo=UTC))


class Teller(Protocol):
    """Whoever knows of things that happened to customers."""

    kind: Kind
    rank: int
    """Another number than every other teller's; it settles what comes first at equal instants."""

    def is_for(self, store: Store) -> bool:
        """Whether the store is told of it at all."""

    def tell(self, customer: Customer, beyond: Position | None, most: int) -> Sequence[Happening]:
        """The latest `most` beyond the position, in the order of the list."""


_tellers: dict[int, Teller] = {}


def tells(teller: Teller) -> None:
    """Have it heard in every customer's list."""
    _tellers[teller.rank] = teller


def kinds_of(store: Store) -> dict[Kind, str]:
    """What the store's lists can be narrowed down to."""
    told = {teller.kind for teller in _tellers.values() if teller.is_for(store)}
    return {kind: label for kind, label in KINDS.items() if kind in told}


@dataclass(frozen=True)
class Page:
    entries: list[Happening]
    next: str
    """The token of the position where the list goes on; '' at its end."""


def page_of(customer: Customer, *, beyond: Position | None, kind: Kind | None = None, size: int = SIZE) -> Page:
    """The next `size` happenings beyond the position, of one kind or of all."""
    store = customer.store
    heard = [teller for teller in _tellers.values() if kind in (None, teller.kind) and teller.is_for(store)]
    told = [_placed(teller, teller.tell(customer, beyond, size + 1)) for teller in heard]
    found = [placed for placed, _ in zip(heapq.merge(*told, key=_order), range(size + 1), strict=False)]
    shown = found[:size]
    if len(found) <= size:
        return Page([happening for _, happening in shown], "")
    rank, last = shown[-1]
    return Page([happening for _, happening in shown], Position(last.at, rank, last.number).token)


def _placed(teller: Teller, told: Sequence[Happening]) -> Iterator[tuple[int, Happening]]:
    return ((teller.rank, happening) for happening in told)


def _order(placed: tuple[int, Happening]) -> tuple[int, int, int]:
    rank, happening = placed
    return -_micros(happening.at), rank, -happening.number


def read_from(rows: QuerySet[Any], at: str, rank: int, beyond: Position | None, most: int) -> list[Any]:
    """The first `most` of the rows beyond the position, in the order of the list; their time is in the column `at`."""
    if beyond is not None:
        rows = rows.filter(beyond.beyond(rank, at))
    return list(rows.order_by(f"-{at}", "-pk")[:most])
