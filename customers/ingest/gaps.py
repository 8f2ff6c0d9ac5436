"""What is missing of a customer: requests that could not be taken in, and may be about that customer.

Once a request was set aside, and not before, the names in it are written down as digests; apart from the taking in,
whose failing it must not bring back. Who has the names is asked when a customer is looked at: so it is said of those
too who get a name later, and of whoever has it now where it was somebody else's before. A name that nobody has, and one
that the request would itself have joined to a customer whom it does not name, leads to nobody.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import structlog
from django.db import DatabaseError, transaction
from django.db.models import F, QuerySet

from customers.ingest import identities, names, naming
from customers.models import Arrival, ArrivalState, Customer, NameSetAside, PersonTold, Visitor, WayIn, WayInKind
from customers.models.arrivals import LOOKS
from customers.privacy.identity import VISITOR, erased_among
from customers.privacy.person import Person
from customers.providers.people import ID_OF
from portal import crash, jobs, sets, strict_json, wall
from portal.faults import retried
from portal.models import Store

log = structlog.get_logger(__name__)

NAMES_ASKED = 1_000
"""Of a customer who has more names than these, the latest are asked about."""


def look_through(store: Store, until: float) -> int:
    """Find the names in what was set aside, until that time (time.monotonic); how many requests were done. One that
    fails, or that its worker does not survive, is begun LOOKS times in all, and then left with no names."""
    done = 0
    with wall.around(store):
        mine = Arrival.objects.for_store(store).filter(state=ArrivalState.POISON, looks_left__gt=0)
        for number in list(mine.order_by("pk").values_list("pk", flat=True)):
            if time.monotonic() > until or jobs.stopping.is_set():
                break
            # By itself, and before anything is done with it: who dies of it has tried.
            if not mine.filter(pk=number).update(looks_left=F("looks_left") - 1):
                continue
            crash.point("gap.begun")
            try:
                done += _look(store, number)
            except DatabaseError:
                raise
            except Exception:
                log.exception("looking_through_failed", store=store.pk, arrival=number)
    return done


@retried
def _look(store: Store, number: int) -> bool:
    with transaction.atomic():
        set_aside = Arrival.objects.for_store(store).filter(pk=number, state=ArrivalState.POISON)
        # Held, so that it is neither taken in nor blanked meanwhile.
        arrival = set_aside.select_for_update(of=("self",)).first()
        if arrival is None:
            return False
        way_in = WayIn.objects.for_store(store).get(pk=arrival.way_in_id)
        _drop(store, [number])
        found = _digests(store, naming.names_in(WayInKind(way_in.kind), arrival.topic, arrival.body))
        if found:
            sets.load(NameSetAside, ("store", "arrival", "digest"), [(store.pk, number, name) for name in found])
        set_aside.update(looks_left=0)
        crash.point("gap.looked")
        return True


def _digests(store: Store, named: list[tuple[str, str]]) -> list[str]:
    """What is written down of the names: nothing of those who were erased."""
    digests = {pair: names.digest(*pair) for pair in named}
    asked: dict[str, list[str]] = {VISITOR: list(digests.values())}
    for kind, value in named:
        if kind in names.OF_CUSTOMERS:
            asked.setdefault(kind, []).append(value)
    erased = erased_among(store, asked)
    return [name for pair, name in digests.items() if pair not in erased and (VISITOR, name) not in erased]


def names_erased(store: Store, kind: WayInKind, arrival: Arrival) -> bool:
    """Whether the request names somebody who was erased, or may do so, because it cannot be read at all."""
    try:
        found = naming.names_in(kind, arrival.topic, arrival.body)
    except strict_json.NotStrict:
        return True
    return len(_digests(store, found)) < len(found)


def about(customer: Customer) -> QuerySet[Arrival]:
    """The requests that were set aside and may be about the customer; without their bodies."""
    store = customer.store
    rows: QuerySet[Arrival] = Arrival.objects.for_store(store).filter(state=ArrivalState.POISON).defer("body")
    mine = NameSetAside.objects.for_store(store)
    # Hardly ever is there anything: then this is all that is asked.
    if customer.erased_at is not None or not mine.exists():
        return rows.none()
    return rows.filter(pk__in=mine.filter(digest__among=_names_of(customer)).values("arrival_id"))


def _names_of(customer: Customer) -> list[str]:
    told = PersonTold.objects.for_store(customer.store).filter(customer_id=customer.pk)
    known_as = [
        (names.EMAIL, customer.email_key),
        *((kind, getattr(customer, kind)) for kind in names.OF_CUSTOMERS if kind != names.EMAIL),
        *((ID_OF[source], number) for source, number in told.values_list("source", "external_id")[:NAMES_ASKED]),
    ]
    led = Visitor.objects.for_store(customer.store).filter(customer_id=customer.pk).order_by("-pk")
    visits = led.values_list("digest", flat=True)[:NAMES_ASKED]
    return sorted({*(names.digest(kind, value) for kind, value in known_as if value), *visits})


def forget(store: Store, arrivals: Iterable[int]) -> None:
    """These arrivals wait again, or hold something else now: their names are looked for anew should they be set aside.
    In the transaction that changes them, after that."""
    numbers = list(arrivals)
    Arrival.objects.for_store(store).filter(pk__in=numbers).update(looks_left=LOOKS)
    _drop(store, numbers)


def _drop(store: Store, arrivals: list[int]) -> None:
    sets.delete_matching(NameSetAside.objects.for_store(store).filter(arrival_id__in=arrivals))


def of_person(person: Person) -> QuerySet[NameSetAside]:
    """The names of the person in what was set aside."""
    known_as = {names.digest(kind, value) for kind, value in person.known_as if value}
    led = set(identities.of_person(person).values_list("digest", flat=True))
    found: QuerySet[NameSetAside] = NameSetAside.objects.for_store(person.store)
    return found.filter(digest__among=sorted(known_as | led))
