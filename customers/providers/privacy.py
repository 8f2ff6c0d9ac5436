"""What Shopify asks of a store for the sake of a person's privacy: erasing is done, and owners are told of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from customers.ingest.outcomes import Outcome
from customers.models import Customer, PersonTold, WayIn
from customers.privacy.erase import erase_for
from customers.providers.people import ID_OF
from customers.providers.reading import part, word
from customers.providers.shopify import DATA_REQUEST, REDACT, SOURCE
from customers.queries import find_by_email
from portal import audit, letters
from portal.emails import InvalidEmail
from portal.models import Store

PROVIDER = "Shopify"
NOT_ITS_SHAPE = "It is not what Shopify sends under this topic."
NOBODY = "It names nobody: neither an id that is known here, nor an e-mail address."


def see_to(store: Store, way_in: WayIn, topic: str, body: Mapping[str, Any]) -> Outcome:
    """Do what is asked for, in the caller's transaction."""
    if topic == REDACT:
        return _redact(store, part(body, "customer"))
    if topic == DATA_REQUEST:
        return _tell_of_request(store, way_in, part(body, "customer"))
    return _tell_of_shop(store, way_in)


def _redact(store: Store, said: Mapping[str, Any]) -> Outcome:
    customer, address = _who(store, said), word(said, "email")
    if customer is None and not address:
        return Outcome(ignored_because=NOBODY)
    try:
        erase_for(store, customer=customer, address=address, known_as=_ids(said), provider=PROVIDER)
    except InvalidEmail:
        return Outcome(ignored_because=NOBODY)
    return Outcome(stored=1)


def _ids(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(ID_OF[SOURCE], word(said, "id"))] if word(said, "id") else []


def _who(store: Store, said: Mapping[str, Any]) -> Customer | None:
    """The customer who is meant: by the id first, which does not change with the address."""
    here = Customer.objects.for_store(store).filter(erased_at=None)
    if number := word(said, "id"):
        told = PersonTold.objects.for_store(store).filter(source=SOURCE, external_id=number).values("customer")
        found: Customer | None = here.filter(pk__in=told).first() or here.filter(**{ID_OF[SOURCE]: number}).first()
        if found is not None:
            return found
    return find_by_email(store, word(said, "email"))


def _tell_of_request(store: Store, way_in: WayIn, said: Mapping[str, Any]) -> Outcome:
    customer = _who(store, said)
    label = f"Customer {customer.pk}" if customer else "Somebody who is no customer"
    audit.record(store, "was asked for the data of", customer, actor=None, label=label, changes={"by": PROVIDER})
    context = {
        "account": way_in.account,
        "who": label,
        "page": reverse("customers:privacy", args=(store.slug,)),
    }
    said_of_it = "Letter to the owners: a person asks for their data"
    letters.enqueue(store, "customers/mail/data_request", label=said_of_it, context=context, to=letters.owners(store))
    return Outcome(stored=1)


def _tell_of_shop(store: Store, way_in: WayIn) -> Outcome:
    # To close a store is a person's decision: the shop may only have uninstalled what tells us of it.
    audit.record(store, "was asked to erase the shop", way_in, actor=None, changes={"by": PROVIDER})
    context = {"account": way_in.account, "page": reverse("portal:store_settings", args=(store.slug,))}
    said = "Letter to the owners: Shopify asks to erase the shop"
    letters.enqueue(store, "customers/mail/shop_redact", label=said, context=context, to=letters.owners(store))
    return Outcome(stored=1)
