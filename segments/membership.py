"""The one door into and out of segments.

Whatever adds or removes members calls `enter` or `leave`: they write memberships, the changes that tell of them, the
day's figures and the segment's count in one transaction, under the segment's lock, so that none can differ from the
others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Exists, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, NullIf
from django.utils import timezone

from portal import sets
from portal.models import Job, User
from segments.models import Exclusion, Membership, MembershipChange, Segment, SegmentDay, Source, Upload


class SegmentGone(Exception):
    """The segment was deleted in the meantime; nothing was written."""


@dataclass(frozen=True)
class Cause:
    """By what, by whom and when members come or go."""

    source: Source
    actor: User | None = None
    job: Job | None = None
    upload: Upload | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Entered:
    entered: int
    """Customers who are members now and were not before."""
    already: int
    """Customers who were members before."""
    kept_out: int
    """Customers who were removed by hand earlier, and stay out."""


def enter(
    segment: Segment, people: QuerySet[Any], cause: Cause, *, readmit: bool = False, supplement: bool = False
) -> Entered:
    """Make `people` members of `segment`; those who are stay it, held by one source more.

    `people`: a queryset of distinct customers of the segment's store that has (or is annotated with) `customer_id`,
    and with `supplement` also `name` and `phone`, which fill in the membership where they are not empty. `readmit`
    brings back who was removed by hand. Give a portion that one transaction can write (`sets.chunk_size`).
    Raises SegmentGone.
    """
    with _writing(segment, cause) as writer:
        return writer.enter(people, readmit=readmit, supplement=supplement)


def leave(segment: Segment, people: QuerySet[Any], cause: Cause, *, keep_out: bool = False, most: int | None = None) -> int:
    """End the memberships of `people`, a queryset of Membership rows of `segment`; how many left.

    `keep_out` remembers them as removed by hand. `most` bounds the portion written. Raises SegmentGone.
    """
    with _writing(segment, cause) as writer:
        return writer.leave(people, keep_out=keep_out, most=most)


class _Writer:
    def __init__(self, segment: Segment, cause: Cause) -> None:
        self.segment, self.cause = segment, cause
        self.at = cause.at or timezone.now()
        self.members: QuerySet[Membership] = Membership.objects.for_store(segment.store).filter(segment=segment)
        self.exclusions: QuerySet[Exclusion] = Exclusion.objects.for_store(segment.store).filter(segment=segment)
        self.entered = self.left = 0

    def enter(self, people: QuerySet[Any], *, readmit: bool, supplement: bool) -> Entered:
        is_member = Exists(self.members.filter(customer_id=OuterRef("customer_id")))
        is_out = Exists(self.exclusions.filter(customer_id=OuterRef("customer_id")))
        if readmit:
            sets.delete_matching(self.exclusions.filter(customer_id__in=people.order_by().values("customer_id")))
        given = people.annotate(is_member=is_member, is_out=is_out)
        already = given.filter(is_member=True)
        already_count, kept_out = already.count(), given.filter(is_member=False, is_out=True).count()
        self._add_source(already)
        if supplement:
            self._supplement(already)
        fresh = given.filter(is_member=False, is_out=False)
        self._tell(fresh, MembershipChange.Kind.ENTERED)
        self.entered += sets.insert_from(Membership, _MEMBERSHIP, self._as_rows(fresh, supplement))
        return Entered(self.entered, already_count, kept_out)

    def _add_source(self, already: QuerySet[Any]) -> None:
        here = self.members.filter(customer_id__in=already.order_by().values("customer_id"))
        unheld = here.annotate(held=F("sources").bitand(int(self.cause.source))).filter(held=0)
        unheld.update(sources=F("sources") + int(self.cause.source))

    def _supplement(self, already: QuerySet[Any]) -> None:
        said = already.order_by().filter(customer_id=OuterRef("customer_id"))
        self.members.filter(customer_id__in=already.order_by().values("customer_id")).update(
            **{
                column: Coalesce(NullIf(Subquery(said.values(column)[:1]), Value("")), F(column))
                for column in ("name", "phone")
            }
        )

    def _as_rows(self, people: QuerySet[Any], supplement: bool) -> QuerySet[Any]:
        return people.values_list(
            Value(self.segment.store_id),
            Value(self.segment.pk),
            "customer_id",
            Value(int(self.cause.source)),
            Value(self.at),
            _identity(self.cause.actor),
            _identity(self.cause.upload),
            *(("name", "phone") if supplement else (Value(""), Value(""))),
        )

    def leave(self, people: QuerySet[Any], *, keep_out: bool, most: int | None) -> int:
        doomed = people.filter(segment=self.segment, store_id=self.segment.store_id)
        if most is not None:
            # A slice without an order could be another one in each of the statements below.
            doomed = self.members.filter(pk__in=doomed.order_by("pk").values("pk")[:most])
        if keep_out:
            sets.insert_from(
                Exclusion,
                ("store", "segment", "customer", "excluded_at", "excluded_by"),
                doomed.values_list("store_id", "segment_id", "customer_id", Value(self.at), _identity(self.cause.actor)),
            )
        self._tell(doomed, MembershipChange.Kind.LEFT)
        gone = sets.delete_matching(doomed)
        self.left += gone
        return gone

    def _tell(self, people: QuerySet[Any], kind: MembershipChange.Kind) -> None:
        sets.insert_from(
            MembershipChange,
            ("store", "segment", "customer", "kind", "source", "actor", "job", "upload", "at"),
            people.values_list(
                Value(self.segment.store_id),
                Value(self.segment.pk),
                "customer_id",
                Value(int(kind)),
                Value(int(self.cause.source)),
                _identity(self.cause.actor),
                _identity(self.cause.job),
                _identity(self.cause.upload),
                Value(self.at),
            ),
        )

    def account(self) -> None:
        """Write the count and the day's figures of what this transaction did."""
        if not self.entered and not self.left:
            return
        mine = Segment.objects.for_store(self.segment.store).filter(pk=self.segment.pk)
        mine.update(
            member_count=F("member_count") + self.entered - self.left, version=F("version") + 1, updated_at=self.at
        )
        self.segment.refresh_from_db(fields=["member_count", "version", "updated_at"])
        days = SegmentDay.objects.for_store(self.segment.store)
        day, _ = days.get_or_create(
            segment=self.segment, day=self.segment.store.day(self.at), defaults={"store_id": self.segment.store_id}
        )
        days.filter(pk=day.pk).update(
            size=self.segment.member_count, entered=F("entered") + self.entered, left=F("left") + self.left
        )


_MEMBERSHIP = ("store", "segment", "customer", "sources", "added_at", "added_by", "upload", "name", "phone")


@contextmanager
def _writing(segment: Segment, cause: Cause) -> Iterator[_Writer]:
    with transaction.atomic():
        alive = Segment.objects.for_store(segment.store).filter(pk=segment.pk, deleted_at=None)
        if not list(alive.select_for_update(no_key=True).values_list("pk")):
            raise SegmentGone
        writer = _Writer(segment, cause)
        yield writer
        writer.account()


def _identity(row: Any) -> Cast:
    # Without a type PostgreSQL takes a NULL in a subquery for text.
    return Cast(Value(row.pk if row is not None else None), BigIntegerField())
