"""What must always be true of segments, as queries that find the rows for which it is not.

The tables of members have no foreign keys in the database; this is what would tell if a door had failed to keep them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import BigIntegerField, Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from customers.models import Customer
from segments.models import (
    Exclusion,
    Membership,
    MembershipChange,
    Segment,
    SegmentDay,
    Source,
    Upload,
    UploadRow,
)

ENTERED, LEFT = MembershipChange.Kind.ENTERED, MembershipChange.Kind.LEFT

TABLES = (Customer, Segment, Membership, MembershipChange, Exclusion, SegmentDay, Upload, UploadRow)

POINTERS: tuple[tuple[type[Any], str, type[Any]], ...] = (
    (Membership, "segment", Segment),
    (Membership, "customer", Customer),
    (Membership, "upload", Upload),
    (Exclusion, "segment", Segment),
    (Exclusion, "customer", Customer),
    (MembershipChange, "segment", Segment),
    (MembershipChange, "customer", Customer),
    (SegmentDay, "segment", Segment),
    (Upload, "segment", Segment),
    (UploadRow, "upload", Upload),
    (UploadRow, "customer", Customer),
)


def _astray(model: type[Any], field: str, target: type[Any]) -> QuerySet[Any]:
    """Rows that point at nothing, or at something of another store."""
    there = target.everywhere.filter(pk=OuterRef(f"{field}_id"), store_id=OuterRef("store_id"))
    return model.everywhere.filter(~Exists(there), **{f"{field}_id__isnull": False})


def _living() -> QuerySet[Any]:
    return Segment.everywhere.filter(deleted_at=None)


def _of_segment(rows: QuerySet[Any], value: Any) -> Any:
    """`value` summed up over those of `rows` that belong to the segment outside."""
    grouped = rows.filter(segment=OuterRef("pk")).order_by().values("segment").annotate(found=value).values("found")
    return Coalesce(Subquery(grouped, output_field=BigIntegerField()), 0)


def counts_differ_from_members() -> QuerySet[Any]:
    members = _of_segment(Membership.everywhere.all(), Count("pk"))
    return _living().annotate(found=members).exclude(member_count=F("found"))


def counts_differ_from_days() -> QuerySet[Any]:
    net = _of_segment(SegmentDay.everywhere.all(), Sum(F("entered") - F("left")))
    return _living().annotate(found=net).exclude(member_count=F("found"))


def counts_differ_from_last_day() -> QuerySet[Any]:
    latest = SegmentDay.everywhere.filter(segment=OuterRef("pk")).order_by("-day").values("size")[:1]
    return _living().annotate(found=Coalesce(Subquery(latest), 0)).exclude(member_count=F("found"))


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


def members_who_never_came() -> QuerySet[Any]:
    """Memberships whose history does not come to just one."""
    mine = MembershipChange.everywhere.filter(
        store=OuterRef("store"), segment=OuterRef("segment"), customer=OuterRef("customer")
    )
    net = mine.order_by().values("segment").annotate(net=_comings_less_goings()).values("net")
    return Membership.everywhere.annotate(net=Coalesce(Subquery(net), 0)).exclude(net=1)


def others_who_never_left() -> QuerySet[Any]:
    """Customers whose history in a segment does not come to nothing though they are not in it."""
    is_member = Membership.everywhere.filter(
        store=OuterRef("store"), segment=OuterRef("segment"), customer=OuterRef("customer")
    )
    strangers = MembershipChange.everywhere.filter(~Exists(is_member), segment__deleted_at=None).order_by()
    return strangers.values("segment", "customer").annotate(net=_comings_less_goings()).exclude(net=0)


def members_who_are_kept_out() -> QuerySet[Any]:
    kept_out = Exclusion.everywhere.filter(
        store=OuterRef("store"), segment=OuterRef("segment"), customer=OuterRef("customer")
    )
    return Membership.everywhere.filter(Exists(kept_out))


def members_held_by_nothing() -> QuerySet[Any]:
    return Membership.everywhere.filter(sources=0)


def members_of_a_wrong_upload() -> QuerySet[Any]:
    """Memberships that name an upload which is another segment's, or which does not hold them."""
    marked = Membership.everywhere.filter(upload__isnull=False).annotate(mark=F("sources").bitand(int(Source.UPLOAD)))
    return marked.filter(~Q(upload__segment=F("segment")) | Q(mark=0))


def all_invariants() -> dict[str, Callable[[], QuerySet[Any]]]:
    """Name → what asks for the rows that break it; each must find nothing."""
    named: dict[str, Callable[[], QuerySet[Any]]] = {
        ask.__name__: ask
        for ask in (
            counts_differ_from_members,
            counts_differ_from_days,
            counts_differ_from_last_day,
            days_differ_from_changes,
            members_who_never_came,
            others_who_never_left,
            members_who_are_kept_out,
            members_held_by_nothing,
            members_of_a_wrong_upload,
        )
    }
    for model, field, target in POINTERS:
        name = f"{model._meta.model_name}s_with_{field}_astray"
        named[name] = lambda model=model, field=field, target=target: _astray(model, field, target)  # type: ignore[misc]
    return named


def broken(most: int = 5) -> dict[str, list[Any]]:
    """Invariant → the first rows that break it; empty when all hold."""
    found = {name: list(ask()[:most]) for name, ask in all_invariants().items()}
    return {name: rows for name, rows in found.items() if rows}
