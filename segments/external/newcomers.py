"""Customers who come after a list was read, and are on it, join its segment without waiting for the next reading."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from customers.models import Customer, CustomerRegister
from customers.register import customers_version
from portal import crash, sets, wall
from segments import membership, queries
from segments.external.difference import held, on_the_list
from segments.membership import Cause, SegmentGone
from segments.models import ExternalLink, ExternalMember, Source, Sync
from segments.models.external import SyncOutcome

_LINKS_AT_ONCE = 100


def join_newcomers() -> int:
    """Bring customers into the segments whose lists they are on; how many joined. Called by the clock."""
    version = CustomerRegister.everywhere.filter(store=OuterRef("store")).values("version")
    behind = ExternalLink.everywhere.filter(
        synced__isnull=False, seen_in__lt=Subquery(version), segment__deleted_at=None, store__closed_at=None
    )
    joined = 0
    for link in behind.select_related("store").order_by("pk")[:_LINKS_AT_ONCE]:
        joined += _catch_up(link)
    return joined


def _catch_up(seen: ExternalLink) -> int:
    """As many customers as one transaction should write, after the next."""
    joined, upto = 0, None
    with wall.around(seen.store):
        while upto is None or upto < customers_version(seen.store):
            with transaction.atomic():
                if (found := _held(seen)) is None:
                    return joined
                count, upto = _join(*found)
                joined += count
                crash.point("newcomers.joined")
    return joined


def _held(seen: ExternalLink) -> tuple[ExternalLink, Sync] | None:
    """The link as it is now and what it follows, its segment held too; None while a job makes the segment follow."""
    segment = queries.segments(seen.store).filter(pk=seen.segment_id).first()
    if segment is None:
        return None
    segment.store = seen.store
    try:
        membership.lock(segment)
    except SegmentGone:
        return None
    in_use = {"synced__outcome": SyncOutcome.APPLIED, "store__closed_at": None}
    mine = ExternalLink.objects.for_store(seen.store).filter(pk=seen.pk, **in_use)
    link = mine.select_for_update(no_key=True, of=("self",)).select_related("synced").first()
    if link is None or link.synced is None:
        return None
    link.store = link.synced.store = seen.store
    link.segment = link.synced.segment = segment
    return link, link.synced


def _join(link: ExternalLink, synced: Sync) -> tuple[int, int]:
    """How many joined, and the version of the customers up to which that goes."""
    # First of all: what was changed with a version that is seen now, is seen too.
    version = customers_version(link.store)
    changed = Customer.objects.for_store(link.store).filter(changed_in__gt=link.seen_in, changed_in__lte=version)
    # All that was changed with one version goes together: no more than a portion of an import.
    versions = changed.order_by("changed_in").values_list("changed_in", flat=True)
    upto = max(versions[: sets.chunk_size(ExternalMember)], default=version)
    here = held(synced).values("customer_id")
    coming = changed.filter(on_the_list(synced, OuterRef("email_key")), changed_in__lte=upto)
    ids = list(coming.exclude(pk__in=here).values_list("pk", flat=True))
    people = Customer.objects.for_store(link.store).filter(pk__among=ids).annotate(customer_id=F("pk"))
    entered = membership.enter(link.segment, people, Cause(Source.EXTERNAL)).entered if ids else 0
    ExternalLink.objects.for_store(link.store).filter(pk=link.pk).update(seen_in=upto)
    return entered, upto
