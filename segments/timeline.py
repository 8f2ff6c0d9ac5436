"""What segments tells in the timeline of a customer: which ones the customer came into, and left."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse

from customers.models import Customer
from customers.timeline import Happening, Kind, Position, read_from, tells
from portal.access import Feature
from portal.models import Store
from segments.models import MembershipChange, Source

ICONS = {MembershipChange.Kind.ENTERED: "user-plus", MembershipChange.Kind.LEFT: "user-minus"}
WORDS = {MembershipChange.Kind.ENTERED: "Added to", MembershipChange.Kind.LEFT: "Removed from"}


class SegmentChanges:
    kind, rank = Kind.SEGMENTS, 50

    def is_for(self, store: Store) -> bool:
        return store.has(Feature.SEGMENTS)

    def tell(self, customer: Customer, beyond: Position | None, most: int) -> Sequence[Happening]:
        found = MembershipChange.objects.for_store(customer.store).filter(
            customer_id=customer.pk, segment__deleted_at=None
        )
        rows = found.select_related("segment", "actor", "upload")
        return [_entry(row, customer.store.slug) for row in read_from(rows, "at", self.rank, beyond, most)]


def _entry(row: MembershipChange, slug: str) -> Happening:
    kind = MembershipChange.Kind(row.kind)
    by = [Source(row.source).label, row.upload.filename if row.upload else "", str(row.actor) if row.actor else ""]
    url = reverse("segments:detail", args=(slug, row.segment_id))
    return Happening(
        row.at, row.pk, ICONS[kind], f"{WORDS[kind]} {row.segment.name}", " · ".join(filter(None, by)), url
    )


tells(SegmentChanges())
