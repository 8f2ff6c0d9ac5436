"""What is missing in the timeline of a customer."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse

from customers.ingest import gaps
from customers.models import Arrival, Customer
from customers.timeline.merging import Happening, Kind, Position, read_from, tells
from portal.access import Permission
from portal.models import Store

WORDS = "Something is missing here: a request that came through {} could not be taken in."


class Gaps:
    """Requests that were set aside, and may be about the customer; each where it arrived, for what it would have told
    is not known."""

    kind, rank = Kind.EVENTS, 45

    def is_for(self, store: Store) -> bool:
        return True

    def tell(self, customer: Customer, beyond: Position | None, most: int) -> Sequence[Happening]:
        found = gaps.about(customer).select_related("way_in")
        return [_say(arrival, customer.store) for arrival in read_from(found, "received_at", self.rank, beyond, most)]


def _say(arrival: Arrival, store: Store) -> Happening:
    page = f"{reverse('customers:way_in', args=(store.slug, arrival.way_in_id))}#left-aside"
    return Happening(
        arrival.received_at,
        arrival.pk,
        "alert-triangle",
        WORDS.format(arrival.way_in.label),
        url=page,
        needs=Permission.MANAGE_CONNECTIONS,
        tone="warn",
    )


tells(Gaps())
