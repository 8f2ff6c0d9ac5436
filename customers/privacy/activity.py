"""What a person bought and did, and what arrived of it, as places in which the person is found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import structlog
from django.db import DatabaseError
from django.db.models import Max, Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from customers.ingest import accounting, gaps, identities, tracking
from customers.models import (
    Arrival,
    ArrivalState,
    Event,
    Order,
    OrderLine,
    PersonTold,
    Subscription,
    TouchedCustomer,
    WayIn,
    WayInKind,
)
from customers.privacy import registry
from customers.privacy.identity import RECHARGE, SHOPIFY
from customers.privacy.person import Person
from customers.privacy.registry import Portion, classify, place
from customers.privacy.sheets import ERASED_WORDS, spelled
from customers.providers.reading import is_about
from portal import sets

log = structlog.get_logger(__name__)

_ID_AT = {WayInKind.SHOPIFY: SHOPIFY, WayInKind.RECHARGE: RECHARGE}
_EVENTS_AT_ONCE = 100_000
_ARRIVALS_AT_ONCE = 5_000
NAMED_SOMEBODY_ERASED = "It named somebody who was erased."


def _told(row: Any, *besides: str) -> dict[str, Any]:
    left_out = {"id", "store", "customer", "product", "order", "way_in", *besides}
    return {field.name: getattr(row, field.name) for field in row._meta.fields if field.name not in left_out}


class Purchases:
    """Orders and subscriptions. They go with the person: what was sold stands in the books of whoever sold it."""

    name = "Orders and subscriptions"
    covers: tuple[str, ...] = ("customers.Order", "customers.OrderLine", "customers.Subscription")

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        store = person.store
        for order in Order.objects.for_store(store).filter(customer_id=person.number).order_by("placed_at", "pk"):
            lines = OrderLine.objects.for_store(store).filter(order=order).order_by("position")
            yield {"order": _told(order), "lines": [_told(line) for line in lines]}
        for row in Subscription.objects.for_store(store).filter(customer_id=person.number).order_by("pk"):
            yield {"subscription": _told(row)}

    def erase(self, person: Person, after: int) -> Portion:
        # Held, as by all who take in what arrives: what they wrote is seen from here on.
        list(registry.hold(WayIn.objects.for_store(person.store).order_by("pk")))
        orders = Order.objects.for_store(person.store).filter(customer_id=person.number)
        sets.delete_matching(OrderLine.objects.for_store(person.store).filter(order_id__in=orders.values("pk")))
        subscriptions = Subscription.objects.for_store(person.store).filter(customer_id=person.number)
        return Portion(sets.delete_matching(orders) + sets.delete_matching(subscriptions))


class Activity:
    """Events, and the names that their sources have for the person; and what the events of others say of the person."""

    name = "Events"
    covers: tuple[str, ...] = (
        "customers.Event", "customers.Visitor", "customers.PersonTold", "customers.TouchedCustomer", "customers.WayIn",
        "customers.NameSetAside",
    )  # fmt: skip

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        for name in identities.of_person(person).order_by("pk"):
            yield {"known_as": name.digest, "since": name.known_at}
        for told in PersonTold.objects.for_store(person.store).filter(customer_id=person.number).order_by("pk"):
            yield {"known_at": told.source, "id": told.external_id, "last_told": told.told_at}
        for missing in gaps.of_person(person).order_by("pk"):
            yield {"may_be_in_request": missing.arrival_id, "as": missing.digest}
        for event in self._own(person).order_by("pk").iterator(chunk_size=1_000):
            yield _told(event)

    def erase(self, person: Person, after: int) -> Portion:
        ways = list(registry.hold(WayIn.objects.for_store(person.store).order_by("pk")))
        erased = 0 if after else self._forget_names(ways, person) + self._erase_own(person)
        every = Event.objects.for_store(person.store)
        ahead = every.filter(pk__gt=after).order_by("pk").values("pk")[:_EVENTS_AT_ONCE]
        last = every.filter(pk__in=ahead).aggregate(last=Max("pk"))["last"]
        window = every.filter(pk__gt=after, pk__lte=last or 0).annotate(said=Cast("properties", TextField()))
        for event in window.filter(spelled("said", person) | spelled("name", person)):
            said = {"properties": person.blank_all(event.properties, ERASED_WORDS)}
            erased += every.filter(pk=event.pk).update(name=person.blank(event.name, ERASED_WORDS)[:255], **said)
        return Portion(erased, last)

    def _own(self, person: Person) -> Any:
        """What the person did, under names too that no customer has yet."""
        known_as = identities.of_person(person).values_list("digest", flat=True)
        mine = Q(customer_id=person.number) | Q(customer=None, visitor__among=list(known_as))
        return Event.objects.for_store(person.store).filter(mine if known_as else Q(customer_id=person.number))

    def _erase_own(self, person: Person) -> int:
        erased = sets.delete_matching(self._own(person))
        # As long as it is known which names are the person's.
        erased += sets.delete_matching(gaps.of_person(person))
        erased += sets.delete_matching(identities.of_person(person))
        sets.delete_matching(PersonTold.objects.for_store(person.store).filter(customer_id=person.number))
        sets.delete_matching(TouchedCustomer.objects.for_store(person.store).filter(customer_id=person.number))
        return erased

    def _forget_names(self, ways: list[WayIn], person: Person) -> int:
        """Names of events may tell of the person. Which ones do cannot be told from those of others, so that what came
        last is forgotten of every source once the person did anything."""
        said = " ".join(name for way_in in ways for name in way_in.latest)
        if not (person.is_in(said) or self._own(person).exists()):
            return 0
        return WayIn.objects.for_store(person.store).exclude(latest={}).update(latest={})


class Arrivals:
    """Requests that wait to be taken in, and those that could not be."""

    name = "What arrived and is not taken in"
    covers: tuple[str, ...] = ("customers.Arrival",)

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        for arrival in self._kept(person).filter(spelled("body", person)).order_by("pk"):
            yield {"arrived": arrival.received_at, "what": arrival.topic, "state": arrival.get_state_display()}

    def erase(self, person: Person, after: int) -> Portion:
        ways = registry.hold(WayIn.objects.for_store(person.store).order_by("pk"))
        known = {way_in.pk: way_in for way_in in ways}
        ahead = self._kept(person).filter(pk__gt=after).order_by("pk").values("pk")[:_ARRIVALS_AT_ONCE]
        last = self._kept(person).filter(pk__in=ahead).aggregate(last=Max("pk"))["last"]
        window = self._kept(person).filter(pk__gt=after, pk__lte=last or 0)
        found = list(window.filter(self._may_name(person)).order_by("pk"))
        erased = 0
        for arrival in found:
            way_in = known[arrival.way_in_id]
            way_in.store = person.store
            erased += self._erase_from(arrival, way_in, person)
        return Portion(erased, last)

    def _may_name(self, person: Person) -> Q:
        """Where the person is spelled, and what may name the person otherwise: by the id at a provider, or, in what was
        set aside, by the name that an app has for the person; what waits is taken in soon, and asked about then."""
        by_id = Q()
        for kind, field in _ID_AT.items():
            if number := person.ids.get(field):
                by_id |= Q(way_in__kind=kind, body__contains=number)
        tracked = Q(way_in__kind__in=[kind for kind in WayInKind if kind.is_tracking])
        return spelled("body", person) | by_id | (tracked & ~Q(state=ArrivalState.WAITING))

    def _erase_from(self, arrival: Arrival, way_in: WayIn, person: Person) -> bool:
        row = Arrival.objects.for_store(person.store).filter(pk=arrival.pk)
        kind = WayInKind(way_in.kind)
        # A batch tells of others too.
        if kind.is_tracking and (others := self._without(arrival, kind, person)):
            is_other = bool(row.exclude(body=others).update(body=others))
            if is_other:
                gaps.forget(person.store, [arrival.pk])
            return is_other
        if not kind.is_tracking and not self._names(arrival, kind, person):
            return False
        row.update(body="", state=ArrivalState.IGNORED, reason=NAMED_SOMEBODY_ERASED, settled_at=timezone.now())
        gaps.forget(person.store, [arrival.pk])
        if arrival.state != ArrivalState.IGNORED:
            day = person.store.day(arrival.received_at)
            accounting.count(way_in, day, Counter(received=arrival.records, ignored=arrival.records))
        return True

    def _without(self, arrival: Arrival, kind: WayInKind, person: Person) -> str:
        try:
            return tracking.without_person(arrival, kind, person)
        except DatabaseError:
            raise
        except Exception:
            # What could not be taken in may not be read here either: then all of it goes where it names the person.
            log.exception("arrival_unreadable", store=person.store.pk, arrival=arrival.pk)
            is_named = person.is_in(arrival.body) or gaps.names_erased(person.store, kind, arrival)
            return "" if is_named else arrival.body

    def _names(self, arrival: Arrival, kind: WayInKind, person: Person) -> bool:
        body = json.loads(arrival.body)
        by_id = is_about(arrival.topic, body, person.ids.get(_ID_AT[kind], ""))
        return by_id or person.is_in(json.dumps(body, ensure_ascii=False))

    def _kept(self, person: Person) -> Any:
        return Arrival.objects.for_store(person.store).filter(~Q(body=""), ~Q(state=ArrivalState.DONE))


_TOLD = "id store source told_at created_at changed_at"
classify(
    "customers.Product",
    nothing=f"{_TOLD} is_box active_subscriptions recent_orders buyers counted_at",
    in_text="external_id title category",
)
classify(
    "customers.Order",
    nothing=_TOLD,
    by_id="customer kind status placed_at currency subtotal discount total refunded",
    in_text="external_id number discount_codes channel",
)
classify(
    "customers.OrderLine",
    nothing="id store position product",
    by_id="order quantity price discount is_subscription",
    in_text="title",
)
classify(
    "customers.Subscription",
    nothing=_TOLD,
    by_id=(
        "customer product status quantity price currency interval_unit interval_count started_at cancelled_at "
        "next_charge_on"
    ),
    in_text="external_id title cancellation_reason",
)
classify(
    "customers.Event",
    nothing="id store received_at time_is message_key way_in",
    by_id="customer visitor occurred_at session_id",
    in_text="name properties",
)
classify("customers.Visitor", nothing="id store", by_id="digest customer same_as known_at")
classify("customers.PersonTold", nothing="id store source told_at", by_id="external_id customer")
classify("customers.TouchedCustomer", nothing="id store at", by_id="customer")
classify(
    "customers.WayIn",
    nothing=(
        "id store kind label key_digest key_ends former_digest former_until secret former_secret former_secret_until "
        "account credentials reads_history history_read_at reconciled_to next_reconcile_at last_at last_error "
        "last_error_at created_at revoked_at"
    ),
    staff="created_by",
    in_text="latest",
)
classify(
    "customers.Arrival",
    nothing="id store way_in topic received_at dedupe_key records state attempts reason settled_at looks_left",
    in_text="body",
)
classify(
    "customers.ArrivalDay",
    nothing="id store way_in day received stored duplicate invalid ignored unmatched earliest",
)
classify("customers.NameSetAside", nothing="id store arrival", by_id="digest")
classify("customers.Intake", nothing="store first count begun_at most seen_in said")
classify("customers.KeyedRequest", nothing="id store way_in key_digest request_digest begun_at turn status answer")
classify("customers.Rejection", nothing="id store way_in at topic position field reason")

place(Purchases())
place(Activity())
place(Arrivals())
