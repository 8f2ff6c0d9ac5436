"""A year of coming and going, kept in a ledger and written at once.

The membership door writes the same rows, a wave at a time: thousands of waves, a minute's work. The tests replay a
segment through the door and compare, and hold every segment to the same sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from portal import sets
from segments.membership import Cause, Entered
from segments.models import Exclusion, Membership, MembershipChange, Segment, SegmentDay, Source

ENTERED, LEFT = MembershipChange.Kind.ENTERED, MembershipChange.Kind.LEFT
NOTHING_SAID = ("", "")


@dataclass(slots=True)
class _Member:
    sources: int
    since: Cause
    entered_in: int
    said: tuple[str, str]
    """Name and phone as the upload had them."""

    def add(self, source: Source, said: tuple[str, str]) -> None:
        """Hold the member by one source more; what it says fills in, and empties nothing."""
        self.sources |= source
        self.said = said[0] or self.said[0], said[1] or self.said[1]


@dataclass
class Ledger:
    """What happened in one segment so far. Say things in the order in which they happened."""

    segment: Segment
    members: dict[int, _Member] = field(default_factory=dict)
    kept_out: dict[int, Cause] = field(default_factory=dict)
    changes: list[tuple[datetime, int, int, Cause]] = field(default_factory=list)
    days: dict[date, SegmentDay] = field(default_factory=dict)
    version: int = 0

    def enter(self, people: Iterable[int], cause: Cause, said: dict[int, tuple[str, str]] | None = None) -> Entered:
        """Make the customers `people` members, as the door would; adding by hand readmits."""
        fresh, already, kept_out = [], 0, 0
        said = said or {}
        for customer in people:
            if cause.source == Source.MANUAL:
                self.kept_out.pop(customer, None)
            if customer in self.members:
                self.members[customer].add(cause.source, said.get(customer, NOTHING_SAID))
                already += 1
            elif customer in self.kept_out:
                kept_out += 1
            else:
                fresh.append(customer)
        for customer in fresh:
            self.members[customer] = _Member(
                int(cause.source), cause, self.version + 1, said.get(customer, NOTHING_SAID)
            )
        self._account(fresh, ENTERED, cause)
        return Entered(len(fresh), already, kept_out)

    def leave(self, people: Iterable[int], cause: Cause, *, keep_out: bool) -> int:
        """End the memberships of those of `people` who are members; how many left."""
        gone = [customer for customer in people if self.members.pop(customer, None)]
        if keep_out:
            self.kept_out.update(dict.fromkeys(gone, cause))
        self._account(gone, LEFT, cause)
        return len(gone)

    def _account(self, people: list[int], kind: MembershipChange.Kind, cause: Cause) -> None:
        if not people:
            return
        at = cause.at or timezone.now()
        self.changes.extend((at, customer, kind, cause) for customer in people)
        self.version += 1
        store, day = self.segment.store, self.segment.store.day(at)
        figures = self.days.setdefault(day, SegmentDay(store=store, segment=self.segment, day=day))
        figures.size = len(self.members)
        if kind == ENTERED:
            figures.entered += len(people)
            self.segment.sources |= cause.source
        else:
            figures.left += len(people)
        self.segment.updated_at = at


def write(ledgers: list[Ledger]) -> int:
    """Write everything that the ledgers hold; how many changes of membership that were."""
    sets.load(Membership, _MEMBERSHIP, (row for ledger in ledgers for row in _memberships(ledger)))
    sets.load(Exclusion, _EXCLUSION, (row for ledger in ledgers for row in _exclusions(ledger)))
    changes = [(change, ledger.segment) for ledger in ledgers for change in ledger.changes]
    changes.sort(key=lambda entry: entry[0][0])
    sets.load(MembershipChange, _CHANGE, (_change(*entry) for entry in changes))
    days = [day for ledger in ledgers for day in ledger.days.values()]
    SegmentDay.everywhere.bulk_create(days, batch_size=500)
    for ledger in ledgers:
        ledger.segment.member_count, ledger.segment.version = len(ledger.members), ledger.version
    fields = ["member_count", "sources", "version", "updated_at"]
    Segment.everywhere.bulk_update([ledger.segment for ledger in ledgers], fields)
    return len(changes)


_MEMBERSHIP = (
    "store",
    "segment",
    "customer",
    "sources",
    "added_at",
    "entered_in",
    "added_by",
    "upload",
    "name",
    "phone",
)
_EXCLUSION = ("store", "segment", "customer", "excluded_at", "excluded_by")
_CHANGE = ("store", "segment", "customer", "kind", "source", "actor", "job", "upload", "at")


def _memberships(ledger: Ledger) -> Iterator[tuple[Any, ...]]:
    where = ledger.segment.store_id, ledger.segment.pk
    for customer, member in ledger.members.items():
        cause = member.since
        by = _pk(cause.actor), _pk(cause.upload)
        yield *where, customer, member.sources, cause.at, member.entered_in, *by, *member.said


def _exclusions(ledger: Ledger) -> Iterator[tuple[Any, ...]]:
    for customer, cause in ledger.kept_out.items():
        yield ledger.segment.store_id, ledger.segment.pk, customer, cause.at, _pk(cause.actor)


def _change(change: tuple[datetime, int, int, Cause], segment: Segment) -> tuple[Any, ...]:
    at, customer, kind, cause = change
    by = cause.source, _pk(cause.actor), _pk(cause.job), _pk(cause.upload)
    return segment.store_id, segment.pk, customer, kind, *by, at


def _pk(row: Any) -> int | None:
    return row.pk if row is not None else None
