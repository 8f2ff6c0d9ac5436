"""Reading segments: the list, the people in one, its size over time, what is at work on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from customers import queries as customers
from customers.models import Customer
from portal import wall
from portal.models import Job, Store
from portal.models.job import ACTIVE_STATES
from portal.paging import FOUND_AT_MOST
from portal.queries import last_change, said_by
from segments.models import (
    ExternalLink,
    Membership,
    MembershipChange,
    Segment,
    SegmentDay,
    Source,
    Sync,
    Upload,
    name_key,
)

CHANGE_DAYS = 7
DEPENDENT_COUNT_AT_MOST = 10_000


def segments(store: Store) -> QuerySet[Segment]:
    """The store's segments, without those that are deleted."""
    return Segment.objects.for_store(store).filter(deleted_at=None)


def by_name(store: Store, name: str) -> Segment | None:
    """The segment that holds this name, whatever its case and spaces."""
    return segments(store).filter(name_key=name_key(name)).first()


def segment_list(store: Store, words: str = "") -> QuerySet[Segment]:
    """The segments whose name holds `words`, each with `change`: how many more members than 7 days ago."""
    days = SegmentDay.objects.for_store(store).filter(segment=OuterRef("pk"), day__gt=_seven_days_ago(store)).order_by()
    net = days.values("segment").annotate(net=Sum(F("entered") - F("left"))).values("net")
    found = segments(store).annotate(change=Coalesce(Subquery(net), 0))
    return found.filter(name_key__contains=name_key(words.replace("\x00", ""))) if words.strip() else found


def _seven_days_ago(store: Store) -> date:
    return store.day(timezone.now()) - timedelta(days=CHANGE_DAYS)


def members(segment: Segment) -> QuerySet[Membership]:
    """The memberships of the segment."""
    return Membership.objects.for_store(segment.store).filter(segment=segment)


def member_list(segment: Segment) -> QuerySet[Membership]:
    """The memberships of the segment, with what a row of the list shows of them."""
    return _as_listed(segment, members(segment))


_LISTED = (
    "store", "segment", "customer", "sources", "added_at", "added_by", "upload", "name", "phone",
    "customer__store", "customer__email", "customer__email_key", "customer__first_name", "customer__last_name",
    "customer__phone", "added_by__name", "added_by__email", "upload__filename",
)  # fmt: skip
"""What a row of the list shows, and is sorted by; the rest of a customer, and of an upload, is many times as much."""


@dataclass(frozen=True)
class Found:
    """Members whom words found; `count` of them, and more if it `is_capped`."""

    rows: QuerySet[Membership]
    count: int
    is_capped: bool


def search_members(segment: Segment, words: str, *, by_time: bool = True) -> Found:
    """Whom `matching` finds, for the list: by their ids as long as they are few, so that indexes of words find them.
    Of many, that make a list by the time of their coming (`by_time`) or by something else."""
    ids: set[int] = set()
    with wall.lifted():
        for way in _ways(segment, words):
            ids.update(wall.keys(way.order_by(), FOUND_AT_MOST + 1))
            if len(ids) > FOUND_AT_MOST:
                found = _met(segment, words) if by_time else matching(segment, words)
                return Found(_as_listed(segment, found), FOUND_AT_MOST, is_capped=True)
    return Found(_as_listed(segment, members(segment).filter(pk__among=ids)), len(ids), is_capped=False)


def matching(segment: Segment, words: str) -> QuerySet[Membership]:
    """The memberships in whose customer, or in whose name and phone as uploaded, each of `words` occurs."""
    found = members(segment)
    if not words.strip():
        return found
    # Through the join, not by a list of customers: beside an OR such a list is gone through once a member.
    said = _by_upload(segment, words)
    return found.filter(_by_person(segment, words) | said if said else _by_person(segment, words))


def _met(segment: Segment, words: str) -> QuerySet[Membership]:
    """Whom `matching` finds, for walking along the times of their coming until a page of them is met.

    Each member is looked up by itself: the database, which takes what half the customers have in them for rare, would
    otherwise rather join all members with all customers, and sort them.
    """
    person = Customer.objects.for_store(segment.store).filter(pk=OuterRef("customer_id"), erased_at=None)
    met = members(segment).annotate(their_pk=F("customer_id"), their_search_text=Subquery(person.values("search_text")))
    return met.filter(customers.meaning(segment.store, words, "their_") | _by_upload(segment, words))


def count_matching(segment: Segment, words: str) -> int:
    """How many memberships `words` find."""
    found = search_members(segment, words)
    if not found.is_capped:
        return found.count
    with wall.lifted():  # behind it no index finds words
        return matching(segment, words).count()


def _as_listed(segment: Segment, found: QuerySet[Membership]) -> QuerySet[Membership]:
    # The store is said once more of the customer, so that a list by e-mail can walk along the customers' own index.
    shown = found.filter(customer__store_id=segment.store_id).select_related("customer", "added_by", "upload")
    return shown.only(*_LISTED)


def _ways(segment: Segment, words: str) -> list[QuerySet[Membership]]:
    """What `matching` finds, each way to be found by itself: only so does either have an index."""
    found = members(segment)
    said = _by_upload(segment, words)
    return [found.filter(_by_person(segment, words)), *([found.filter(said)] if said else [])]


def _by_person(segment: Segment, words: str) -> Q:
    return customers.meaning(segment.store, words, "customer__") & Q(customer__erased_at=None)


def _by_upload(segment: Segment, words: str) -> Q:
    """What is said of members by the files that they came with; nothing where no file did, or an address is meant."""
    said = Q()
    if "@" not in words and segment.sources & Source.UPLOAD:
        for word in words.replace("\x00", "").split()[: customers.WORDS_AT_MOST]:
            said &= customers.occurs(word, "said")
    return said


def who_is_in(segment: Segment, customer_ids: Iterable[int]) -> set[int]:
    """Those of the customers who are in the segment."""
    return set(members(segment).filter(customer_id__among=customer_ids).values_list("customer_id", flat=True))


def sizes(segment: Segment, days: int) -> list[tuple[date, int]]:
    """How many members there were at the end of each of the last `days` days of the store's calendar, oldest first;
    from the day of the segment's creation at the earliest."""
    today = segment.store.day(timezone.now())
    first = max(today - timedelta(days=days - 1), min(segment.store.day(segment.created_at), today))
    told = SegmentDay.objects.for_store(segment.store).filter(segment=segment)
    known = dict(told.filter(day__gte=first).values_list("day", "size"))
    size = told.filter(day__lt=first).order_by("-day").values_list("size", flat=True).first() or 0
    found = []
    for offset in range((today - first).days + 1):
        day = first + timedelta(days=offset)
        size = known.get(day, size)
        found.append((day, size))
    return found


def change_of(segment: Segment) -> int:
    """How many more members than 7 days ago."""
    days = SegmentDay.objects.for_store(segment.store).filter(segment=segment, day__gt=_seven_days_ago(segment.store))
    return days.aggregate(net=Sum(F("entered") - F("left")))["net"] or 0


def last_editor(segment: Segment) -> str:
    """Who named or described the segment last and when, for a sentence."""
    return said_by(last_change(segment.store, segment, ("renamed", "changed")))


def uploads(segment: Segment) -> QuerySet[Upload]:
    return Upload.objects.for_store(segment.store).filter(segment=segment)


def work_on(segment: Segment) -> QuerySet[Job]:
    """The unfinished jobs about the segment, one of its uploads or its syncs, the oldest first."""
    syncs = Sync.objects.for_store(segment.store).filter(segment=segment)
    its_syncs = Q(subject_type=Sync._meta.label_lower, subject_id__in=syncs.values("pk"))
    its_own = Q(subject_type=Segment._meta.label_lower, subject_id=segment.pk)
    its_uploads = Q(subject_type=Upload._meta.label_lower, subject_id__in=uploads(segment).values("pk"))
    return (
        Job.objects.for_store(segment.store)
        .filter(its_own | its_uploads | its_syncs, state__in=ACTIVE_STATES)
        .select_related("created_by")
        .order_by("pk")
    )


def held_by_list(segment: Segment) -> int:
    """How many members nothing holds but the list elsewhere that the segment follows."""
    return members(segment).filter(sources=Source.EXTERNAL).count()


def what_is_lost(segment: Segment) -> dict[str, Any]:
    """What goes with the segment when it is deleted; `changes_capped` says that there are more changes than counted."""
    changes = MembershipChange.objects.for_store(segment.store).filter(segment=segment)
    links = ExternalLink.objects.for_store(segment.store).filter(segment=segment)
    count = len(changes.values_list("pk")[: DEPENDENT_COUNT_AT_MOST + 1])
    return {
        "members": segment.member_count,
        "changes": min(count, DEPENDENT_COUNT_AT_MOST),
        "changes_capped": count > DEPENDENT_COUNT_AT_MOST,
        "uploads": uploads(segment).count(),
        "follows": links.values_list("name", flat=True).first(),
    }


def held_by(upload: Upload, listed_elsewhere: QuerySet[Any]) -> dict[str, int]:
    """Of the members whom the upload brought in: how many would `leave` if it were undone, and how many `stay`
    because something else holds them too; `listed_elsewhere` are the rows of other imports."""
    brought = members(upload.segment).filter(upload=upload)
    alone = brought.filter(sources=Source.UPLOAD)
    leave = alone.count() - alone.filter(customer_id__in=listed_elsewhere.order_by().values("customer_id")).count()
    return {"leave": leave, "stay": brought.count() - leave}
