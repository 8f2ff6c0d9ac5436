"""What must always be true of segments; see portal.invariants."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

import segments.external.invariants  # noqa: F401  (declares those of lists elsewhere)
from customers.models import Customer
from portal.invariants import all_invariants, broken, doubles, invariant, points
from portal.models import Job
from portal.sheets.invariants import of_files
from segments.actions import DELETE_SEGMENT
from segments.models import Exclusion, Membership, MembershipChange, Segment, SegmentDay, Source, Upload, UploadRow

__all__ = ["all_invariants", "broken"]

ENTERED, LEFT = MembershipChange.Kind.ENTERED, MembershipChange.Kind.LEFT

points(UploadRow, "customer", Customer)
of_files(Upload, UploadRow)
doubles("members_doubled", Membership, "store", "segment", "customer")
doubles("exclusions_doubled", Exclusion, "store", "segment", "customer")
doubles("days_doubled", SegmentDay, "store", "segment", "day")


def _living() -> QuerySet[Any]:
    return Segment.everywhere.filter(deleted_at=None)


def _of_segment(rows: QuerySet[Any], value: Any) -> Any:
    """`value` summed up over those of `rows` that belong to the segment outside."""
    mine = rows.filter(store_id=OuterRef("store_id"), segment=OuterRef("pk"))
    grouped = mine.order_by().values("segment").annotate(found=value).values("found")
    return Coalesce(Subquery(grouped, output_field=BigIntegerField()), 0)


@invariant
def counts_differ_from_members() -> QuerySet[Any]:
    members = _of_segment(Membership.everywhere.all(), Count("pk"))
    return _living().annotate(found=members).exclude(member_count=F("found"))


@invariant
def counts_differ_from_days() -> QuerySet[Any]:
    net = _of_segment(SegmentDay.everywhere.all(), Sum(F("entered") - F("left")))
    return _living().annotate(found=net).exclude(member_count=F("found"))


@invariant
def counts_differ_from_last_day() -> QuerySet[Any]:
    latest = (
        SegmentDay.everywhere.filter(store=OuterRef("store"), segment=OuterRef("pk"))
        .order_by("-day")
        .values("size")[:1]
    )
    return _living().annotate(found=Coalesce(Subquery(latest), 0)).exclude(member_count=F("found"))


@invariant
def days_differ_from_changes() -> QuerySet[Any]:
    days, changes = SegmentDay.everywhere.all(), MembershipChange.everywhere.all()
    told = {"told_in": _of_segment(days, Sum("entered")), "told_out": _of_segment(days, Sum("left"))}
    done = {
        "came": _of_segment(changes.filter(kind=ENTERED), Count("pk")),
        "went": _of_segment(changes.filter(kind=LEFT), Count("pk")),
    }
    return _living().annotate(**told, **done).exclude(told_in=F("came"), told_out=F("went"))


def _comings_less_goings() -> Sum:
    return Sum(Case(When(kind=ENTERED, then=Value(1)), default=Value(-1)))


@invariant
def members_who_never_came() -> QuerySet[Any]:
    """Memberships whose history does not come to just one."""
    mine = MembershipChange.everywhere.filter(
        store=OuterRef("store"), segment=OuterRef("segment"), customer=OuterRef("customer")
    )
    net = mine.order_by().values("segment").annotate(net=_comings_less_goings()).values("net")
    return Membership.everywhere.annotate(net=Coalesce(Subquery(net), 0)).exclude(net=1)


@invariant
def others_who_never_left() -> QuerySet[Any]:
    """Customers whose history in a segment does not come to nothing though they are not in it."""
    is_member = Membership.everywhere.filter(
        store=OuterRef("store"), segment=OuterRef("segment"), customer=OuterRef("customer")
    )
    strangers = MembershipChange.everywhere.filter(~Exists(is_member), segment__deleted_at=None).order_by()
    return strangers.values("segment", "customer").annotate(net=_comings_less_goings()).exclude(net=0)


@invariant
def members_who_are_kept_out() -> QuerySet[Any]:
    kept_out = Exclusion.everywhere.filter(
        store=OuterRef("store"), segment=OuterRef("segment"), customer=OuterRef("customer")
    )
    return Membership.everywhere.filter(Exists(kept_out))


@invariant
def members_held_by_nothing() -> QuerySet[Any]:
    return Membership.everywhere.filter(sources=0)


@invariant
def members_of_a_wrong_upload() -> QuerySet[Any]:
    """Memberships that name an upload which is another segment's, or which does not hold them."""
    marked = Membership.everywhere.filter(upload__isnull=False).annotate(mark=F("sources").bitand(int(Source.UPLOAD)))
    return marked.filter(~Q(upload__segment=F("segment")) | Q(mark=0))


@invariant
def members_of_an_upload_that_was_undone() -> QuerySet[Any]:
    return Membership.everywhere.filter(upload__undone_at__isnull=False)


@invariant
def members_from_a_version_to_come() -> QuerySet[Any]:
    return Membership.everywhere.filter(entered_in__gt=F("segment__version"))


@invariant
def members_by_a_source_that_the_segment_does_not_know() -> QuerySet[Any]:
    known = F("segment__sources").bitand(F("sources"))  # type: ignore[arg-type]
    return Membership.everywhere.filter(segment__deleted_at=None).annotate(known=known).exclude(known=F("sources"))


@invariant
def days_with_fewer_than_nobody() -> QuerySet[Any]:
    return SegmentDay.everywhere.filter(Q(size__lt=0) | Q(entered__lt=0) | Q(left__lt=0))


@invariant
def uploads_undone_beyond_what_was_done() -> QuerySet[Any]:
    is_beyond = Q(undone_to__gt=F("applied_to"))
    return Upload.everywhere.filter(is_beyond | Q(confirmed_at=None, undone_at__isnull=False))


@invariant
def deleted_segments_that_nobody_empties() -> QuerySet[Any]:
    emptying = Job.everywhere.filter(
        store=OuterRef("store"), kind=DELETE_SEGMENT, subject_type=Segment._meta.label_lower, subject_id=OuterRef("pk")
    )
    return Segment.everywhere.filter(~Exists(emptying), deleted_at__isnull=False)
