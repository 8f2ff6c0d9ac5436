"""The one door into and out of segments.

Whatever adds or removes members calls `enter` or `leave`: they write memberships, the changes that tell of them, the
day's figures and the segment's count in one transaction, under the segment's lock, so that none can differ from the
others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, F, Q, QuerySet, Value
from django.db.models.functions import Cast
from django.utils import timezone

from portal import crash, sets, wall
from portal.models import Job, User
from segments import queries
from segments.heirs import Heirs
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
    segment: Segment,
    people: QuerySet[Any],
    cause: Cause,
    *,
    readmit: bool = False,
    supplement: bool = False,
    known: Collection[int] | None = None,
) -> Entered:
    """Make `people` members of `segment`; those who are stay it, held by one source more.

    `people`: a queryset of distinct customers of the segment's store that has (or is annotated with) `customer_id`,
    and with `supplement` also `name` and `phone`, which fill in the membership where they are not empty. `readmit`
    brings back who was removed by hand. `known`: the customers' ids, where the caller has just read them. Give a
    portion that one transaction can write (`sets.chunk_size`). Raises SegmentGone.
    """
    with _writing(segment, cause) as writer:
        return writer.enter(people, known, readmit=readmit, supplement=supplement)


def leave(
    segment: Segment, people: QuerySet[Any], cause: Cause, *, keep_out: bool = False, most: int | None = None
) -> int:
    """End the memberships of `people`, a queryset of Membership rows of `segment`; how many left.

    At most `most`, and never more than one transaction should write (`sets.chunk_size`): call again until none is
    left. `keep_out` remembers them as removed by hand. Raises SegmentGone.
    """
    with _writing(segment, cause) as writer:
        return writer.leave(people, keep_out=keep_out, most=most)


def withdraw(segment: Segment, rows: QuerySet[Any], cause: Cause, *, heirs: QuerySet[Any]) -> int:
    """Take back what the upload of `cause` did for the customers of `rows`, its own UploadRows; how many left.

    `heirs`: the rows of other uploads, neither undone nor yet to come, about the same customers. Whom an heir lists
    is held by that upload from now on, and called as it says; whom something else holds stays without this upload;
    the others leave, free to come again. Raises SegmentGone.
    """
    with _writing(segment, cause) as writer:
        return writer.withdraw(rows, heirs)


def release(segment: Segment, customer_ids: Iterable[int], cause: Cause, *, to: Source | None = None) -> int:
    """Have the source of `cause` hold these members no more; how many left, as nothing else held them.

    With `to` nobody leaves: that source holds them from now on instead. Give no more than one transaction should write
    (`sets.chunk_size`). Raises SegmentGone.
    """
    with _writing(segment, cause) as writer:
        return writer.release(list(customer_ids), to)


def lock(segment: Segment) -> int:
    """Hold the segment until the transaction ends, so that nobody else changes its members; its version.

    Raises SegmentGone.
    """
    alive = Segment.objects.for_store(segment.store).filter(pk=segment.pk, deleted_at=None)
    versions = list(alive.select_for_update(no_key=True).values_list("version", flat=True))
    if not versions:
        raise SegmentGone
    return versions[0]


class _Writer:
    def __init__(self, segment: Segment, cause: Cause, version: int) -> None:
        self.segment, self.cause, self.version = segment, cause, version
        self.at = cause.at or timezone.now()
        self.members: QuerySet[Membership] = Membership.objects.for_store(segment.store).filter(segment=segment)
        self.exclusions: QuerySet[Exclusion] = Exclusion.objects.for_store(segment.store).filter(segment=segment)
        self.entered = self.left = 0

    def enter(
        self, people: QuerySet[Any], known: Collection[int] | None, *, readmit: bool, supplement: bool
    ) -> Entered:
        # Ids, not joins: with a list in its hand the planner cannot choose an index that reads the segment per person.
        ids = set(people.order_by().values_list("customer_id", flat=True) if known is None else known)
        out = self.exclusions.filter(customer_id__among=ids)
        if readmit:
            sets.delete_matching(out)
        kept_out: set[int] = set() if readmit else set(out.values_list("customer_id", flat=True))
        coming = ids - kept_out
        crash.point("door.asked")
        # Nobody else writes members meanwhile. Who is known not to be one costs a fifth less to write.
        here = queries.who_is_in(self.segment, coming)
        new = people if len(here) + len(kept_out) == 0 else people.filter(customer_id__among=coming - here)
        sets.insert_from(Membership, _MEMBERSHIP, self._as_rows(new, supplement), keyed=False)
        if here:
            self._hold_too(people.filter(customer_id__among=here), supplement)
        crash.point("door.entered")
        if coming:
            self._note_source(self.cause.source)
        self.entered = self._tell(
            self.members.filter(added_at=self.at, entered_in=self.version), MembershipChange.Kind.ENTERED
        )
        return Entered(self.entered, len(coming) - self.entered, len(kept_out))

    def _hold_too(self, people: QuerySet[Any], supplement: bool) -> None:
        """Have the source of the cause hold `people` too, who are members."""
        sets.upsert_from(
            Membership,
            _MEMBERSHIP,
            self._as_rows(people, supplement),
            key=("store", "segment", "customer"),
            update=("name", "phone") if supplement else (),
            add_bits=("sources",),
        )

    def _note_source(self, source: Source) -> None:
        if not self.segment.sources & source:
            mine = Segment.objects.for_store(self.segment.store).filter(pk=self.segment.pk)
            mine.update(sources=F("sources").bitor(int(source)))
            self.segment.sources |= source

    def _as_rows(self, people: QuerySet[Any], supplement: bool, upload: Any = None) -> QuerySet[Any]:
        return people.values_list(
            Value(self.segment.store_id),
            Value(self.segment.pk),
            "customer_id",
            Value(int(self.cause.source)),
            Value(self.at),
            Value(self.version),
            _identity(self.cause.actor),
            upload or _identity(self.cause.upload),
            *(("name", "phone") if supplement else (Value(""), Value(""))),
        )

    def leave(self, people: QuerySet[Any], *, keep_out: bool, most: int | None) -> int:
        bound = sets.chunk_size(Membership)
        mine = people.filter(segment=self.segment, store_id=self.segment.store_id).order_by()
        doomed = self.members.filter(pk__among=wall.keys(mine, min(most or bound, bound)))
        if keep_out:
            sets.insert_from(
                Exclusion,
                ("store", "segment", "customer", "excluded_at", "excluded_by"),
                doomed.values_list(
                    "store_id", "segment_id", "customer_id", Value(self.at), _identity(self.cause.actor)
                ),
            )
        crash.point("door.kept out")
        self._tell(doomed, MembershipChange.Kind.LEFT)
        crash.point("door.told")
        self.left = sets.delete_matching(doomed)
        crash.point("door.left")
        return self.left

    def release(self, customer_ids: list[int], to: Source | None) -> int:
        flag, listed = int(self.cause.source), self.members.filter(customer_id__among=customer_ids)
        if to:
            self._note_source(to)
        gone = 0 if to else self.leave(listed.filter(sources=flag), keep_out=False, most=None)
        held = listed.annotate(marked=F("sources").bitand(flag)).filter(marked=flag)
        held.update(sources=F("sources").bitor(int(to)) - flag if to else F("sources") - flag)
        return gone

    def withdraw(self, rows: QuerySet[Any], heirs: QuerySet[Any]) -> int:
        upload, flag = self.cause.upload, int(self.cause.source)
        ids = list(rows.order_by().values_list("customer_id", flat=True))
        listed = self.members.filter(customer_id__among=ids)
        left_to = Heirs(heirs, dict(listed.values_list("customer_id", "added_at")))
        mine = listed.filter(upload=upload).values_list("customer_id", flat=True)
        self._say_again(heirs, [left_to.holds[customer] for customer in mine if customer in left_to.holds], "upload")
        # Members whom only another upload brought in bear its mark, not ours.
        loose = listed.exclude(customer_id__among=list(left_to.holds)).filter(Q(upload=upload) | Q(upload=None))
        gone = self.leave(loose.filter(sources=flag), keep_out=False, most=None)
        marked = loose.annotate(marked=F("sources").bitand(flag)).filter(marked=flag)
        marked.update(sources=F("sources") - flag, upload=None)
        crash.point("door.unmarked")
        for column, said in left_to.said.items():
            now = dict(listed.values_list("customer_id", column))
            wrong = [customer for customer, value in now.items() if value != said.get(customer, (0, ""))[1]]
            self.members.filter(customer_id__among=[who for who in wrong if who not in said]).update(**{column: ""})
            self._say_again(heirs, [said[customer][0] for customer in wrong if customer in said], column)
        return gone

    def _say_again(self, heirs: QuerySet[Any], rows: Iterable[int], column: str) -> None:
        """Write into `column` what these rows of `heirs`, about members all of them, have there."""
        said = heirs.filter(pk__among=list(rows))
        columns = self._as_rows(said, supplement=True, upload=F("upload_id"))
        sets.upsert_from(Membership, _MEMBERSHIP, columns, key=("store", "segment", "customer"), update=(column,))

    def _tell(self, people: QuerySet[Any], kind: MembershipChange.Kind) -> int:
        return sets.insert_from(
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
            keyed=False,
        )

    def account(self) -> None:
        """Write the count and the day's figures of what this transaction did."""
        if not self.entered and not self.left:
            return
        mine = Segment.objects.for_store(self.segment.store).filter(pk=self.segment.pk)
        mine.update(
            member_count=F("member_count") + self.entered - self.left,
            version=F("version") + 1,
            updated_at=self.at,
        )
        crash.point("door.counted")
        self.segment.refresh_from_db(fields=["member_count", "sources", "version", "updated_at"])
        days = SegmentDay.objects.for_store(self.segment.store)
        # A store that moves west has its yesterday once more; the history goes on where it stood.
        latest = days.filter(segment=self.segment).order_by("-day").values_list("day", flat=True).first()
        today = max(filter(None, (self.segment.store.day(self.at), latest)))
        day, _ = days.get_or_create(segment=self.segment, day=today, defaults={"store_id": self.segment.store_id})
        days.filter(pk=day.pk).update(
            size=self.segment.member_count, entered=F("entered") + self.entered, left=F("left") + self.left
        )
        crash.point("door.accounted")


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


@contextmanager
def _writing(segment: Segment, cause: Cause) -> Iterator[_Writer]:
    with transaction.atomic():
        writer = _Writer(segment, cause, lock(segment) + 1)
        yield writer
        writer.account()


def _identity(row: Any) -> Cast:
    # Without a type PostgreSQL takes a NULL in a subquery for text.
    return Cast(Value(row.pk if row is not None else None), BigIntegerField())
