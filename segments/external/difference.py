"""What lies between a segment and a reading of its list elsewhere: who would come, and who would go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from customers.models import Customer
from segments import queries
from segments.models import Exclusion, ExternalLink, ExternalMember, Membership, Source, Sync

FLAG = int(Source.EXTERNAL)


@dataclass(frozen=True)
class Difference:
    coming: int
    going: int
    size: int
    """Members before."""

    @property
    def empties(self) -> bool:
        return self.going > 0 and self.going == self.size and not self.coming


def listed(sync: Sync) -> QuerySet[ExternalMember]:
    """The profiles of the reading that have an address."""
    rows: QuerySet[ExternalMember] = (
        ExternalMember.objects.for_store(sync.store).filter(sync=sync).exclude(email_key="")
    )
    return rows


def held(sync: Sync) -> QuerySet[Membership]:
    """The members of the segment whom the list holds."""
    return queries.members(sync.segment).annotate(marked=F("sources").bitand(FLAG)).filter(marked=FLAG)


def on_the_list(sync: Sync, email_key: Any) -> Exists:
    """Whether the address `email_key` (an expression) is on the list."""
    return Exists(ExternalMember.objects.for_store(sync.store).filter(email_key=email_key, sync=sync))


def coming(sync: Sync) -> QuerySet[Customer]:
    """The customers on the list who are not in the segment, without those who were removed by hand."""
    inside = queries.members(sync.segment).filter(customer_id=OuterRef("pk"))
    kept_out = Exclusion.objects.for_store(sync.store).filter(segment=sync.segment, customer_id=OuterRef("pk"))
    on_it = Customer.objects.for_store(sync.store).filter(email_key__in=listed(sync).values("email_key"))
    return on_it.filter(~Exists(inside), ~Exists(kept_out))


def going(sync: Sync) -> QuerySet[Membership]:
    """The members whom nothing but the list holds, and who are on it no more."""
    alone = held(sync).filter(sources=FLAG, customer__store_id=sync.store_id)
    return alone.exclude(on_the_list(sync, OuterRef("customer__email_key")))


def difference(sync: Sync) -> Difference:
    """Counted as of now."""
    return Difference(coming(sync).count(), going(sync).count(), sync.segment.member_count)


def is_held_back(difference: Difference, link: ExternalLink, *, listens: bool) -> bool:
    """Whether a person has to look at it first: a list that came empty, or lost many at once, is more often a fault of
    somebody's than meant. Where others act on who enters, many who come at once are held back in the same way.
    """
    share, people = link.brake_percent, link.brake_people

    def is_many(count: int) -> bool:
        return count > people and count * 100 > share * difference.size

    return difference.empties or is_many(difference.going) or (listens and is_many(difference.coming))
