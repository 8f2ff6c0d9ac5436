"""Erasing a person: asked for by an owner, done as work that comes to its end, and taken back only by hand."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from customers import queries
from customers.actions import label_of
from customers.ingest import identities
from customers.models import Consent, Customer, Erasure
from customers.privacy import identity, registry
from customers.privacy.person import Person
from customers.register import lock_customers
from portal import audit, crash, jobs
from portal.actions import Refusal
from portal.emails import InvalidEmail, email_key
from portal.faults import retried
from portal.models import Job, Store, User
from portal.work import GiveUp, Step, register

ERASE = "customers.erase"
_TEXTS = ("email", "first_name", "last_name", "phone", "acquisition_channel", "shopify_id", "recharge_id", "klaviyo_id")
NOT_TYPED = "This is not the e-mail address of the person."
GONE_ALREADY = "This customer was erased already."


@retried
def erase_customer(customer: Customer, *, typed: str, actor: User) -> Erasure:
    """Take the customer out for good: the profile now, everything else in the background. Raises Refusal when the
    address was not `typed`."""
    with transaction.atomic():
        version = lock_customers(customer.store)
        row: Customer = Customer.objects.for_store(customer.store).select_for_update().get(pk=customer.pk)
        row.store = customer.store
        if row.erased_at is not None:
            raise Refusal(GONE_ALREADY)
        _refuse_unless_typed(typed, row.email_key)
        person = Person.of(row)
        _blank(row, version)
        return _begin(person, label_of(row), actor)


@retried
def erase_address(store: Store, address: str, *, typed: str, actor: User) -> Erasure:
    """Take out whoever has this address, which is no customer's. Raises Refusal and InvalidEmail."""
    with transaction.atomic():
        lock_customers(store)
        if queries.find_by_email(store, address) is not None:
            raise Refusal("This is the address of a customer: erase the person on the customer's page.")
        person = Person.at(store, address)
        _refuse_unless_typed(typed, person.keys[0])
        return _begin(person, "Somebody who is no customer", actor)


def erase_for(
    store: Store, *, customer: Customer | None, address: str, known_as: list[tuple[str, str]], provider: str
) -> Erasure | None:
    """Take out somebody because `provider` passes on that the person asked for it: the customer, or else whoever
    has this address. Nobody types an address for it, and no member of staff is named; all else is
    as ever. In the caller's transaction; the erasure, None where there was nothing left to do. Raises InvalidEmail.

    `known_as` is what else the person is known by, pairs as in `identity.remember`.
    """
    version = lock_customers(store)
    erasure = None
    if customer is not None:
        row = Customer.objects.for_store(store).select_for_update().filter(pk=customer.pk, erased_at=None).first()
        if row is not None:
            row.store = store
            person = Person.of(row)
            _blank(row, version)
            erasure = _begin(person, label_of(row), None, by=provider)
    elif address and not identity.erasures_of(store, email_key(address)):
        erasure = _begin(Person.at(store, address), "Somebody who is no customer", None, by=provider)
    if erasure is not None:
        known_as = [*known_as, *_alone(store, address)]
        identity.remember(erasure, known_as)
    return erasure


def _alone(store: Store, address: str) -> list[tuple[str, str]]:
    """What the address is known by, unless it is another customer's."""
    if not address or queries.find_by_email(store, address) is not None:
        return []
    return [(identity.EMAIL, email_key(address))]


def _refuse_unless_typed(typed: str, key: str) -> None:
    try:
        is_it = email_key(typed) == key
    except InvalidEmail:
        is_it = False
    if not is_it:
        raise Refusal(NOT_TYPED)


def _blank(row: Customer, version: int) -> None:
    """Leave of the customer the number, which history and the counts of the past speak of."""
    now = timezone.now()
    nothing: dict[str, Any] = dict.fromkeys(_TEXTS, "")
    times = dict.fromkeys(("signed_up_at", "created_at", "changed_at", "erased_at"), now)
    # No address has this key, and no other customer.
    nothing |= {"email_key": f"erased {row.pk}", "tags": [], "attributes": {}, "marketing_consent": Consent.UNKNOWN}
    Customer.objects.for_store(row.store).filter(pk=row.pk).update(
        last_import=None, changed_in=version, **nothing, **times
    )


def _begin(person: Person, label: str, actor: User | None, *, by: str = "") -> Erasure:
    erasure: Erasure = Erasure.objects.create_for(
        person.store, customer_id=person.customer_id, asked_by=actor, subject=person.as_json()
    )
    called = identities.of_person(person).values_list("digest", flat=True)
    identity.remember(erasure, [*person.known_as, *((identity.VISITOR, name) for name in called)])
    said = {"by request of": [None, by]} if by else None
    audit.record(person.store, "asked to erase", erasure, actor=actor, label=label, changes=said)
    jobs.enqueue(person.store, ERASE, label=f"Erase {erasure}", subject=erasure, actor=actor)
    return erasure


@register(ERASE, queue="interactive", may_be_cancelled=False)
class Erase:
    """Goes through the places, portion by portion; each may be done twice."""

    def __init__(self, job: Job) -> None:
        self.job = job
        erasure: Erasure | None = Erasure.objects.for_store(job.store).filter(pk=job.subject_id).first()
        if erasure is None:
            raise GiveUp("The request is gone.")
        self.erasure = erasure
        self.erasure.store = job.store

    def step(self) -> Step:
        if self.erasure.finished_at is not None:
            return self._told(self.erasure.counts)
        places, cursor = registry.places(), {"place": 0, "after": 0, "counts": {}} | self.job.cursor
        if cursor["place"] >= len(places):
            return self._ends(cursor["counts"])
        place = places[cursor["place"]]
        portion = place.erase(Person.from_json(self.job.store, self.erasure.subject), cursor["after"])
        crash.point("erase.portion")
        counts = {**cursor["counts"], place.name: cursor["counts"].get(place.name, 0) + portion.erased}
        number = cursor["place"] + (portion.after is None)
        after = {"place": number, "after": portion.after or 0, "counts": counts}
        return Step(number, len(places), after, f"Erasing: {place.name.lower()}")

    def _ends(self, counts: dict[str, int]) -> Step:
        self.erasure.subject, self.erasure.counts, self.erasure.finished_at = {}, counts, timezone.now()
        self.erasure.save(update_fields=["subject", "counts", "finished_at"])
        crash.point("erase.ending")
        changes = {name.lower(): [None, count] for name, count in counts.items() if count}
        audit.record(self.job.store, "erased", self.erasure, actor=self.job.created_by, changes=changes)
        return self._told(counts)

    def _told(self, counts: dict[str, int]) -> Step:
        number = len(registry.places())
        return Step(number, number, {}, "Finished", result={"erased": sum(counts.values())})
