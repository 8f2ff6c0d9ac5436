"""Writing customers: adding one, changing one, taking them out as a file."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from customers.models import Customer, FormerAddress
from customers.privacy import identity
from customers.register import lock_customers
from portal import audit
from portal.emails import display_email, email_key
from portal.faults import retried
from portal.models import Store, User


class EmailTaken(Exception):
    """Another customer of the store has this address: `customer`."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(customer.email)
        self.customer = customer


class WasErased(Exception):
    """The person with this address was erased on request, and comes back only by asking for it."""


class ChangedMeanwhile(Exception):
    """Someone else changed the customer since the form was opened; `customer` is as it is now."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(str(customer.pk))
        self.customer = customer


def label_of(customer: Customer) -> str:
    """How the audit trail names a customer: without personal data."""
    return f"Customer {customer.pk}"


@retried
def add_customer(store: Store, *, actor: User, came_back: bool = False, **fields: Any) -> Customer:
    """A new customer with these fields, `email` among them. Raises EmailTaken, WasErased unless the person asked to
    come back (`came_back`), and Refusal; makes nobody then."""
    with transaction.atomic():
        version = lock_customers(store)
        _refuse_taken(store, fields["email"])
        if came_back:
            identity.readmit(store, email_key(fields["email"]), actor=actor)
        refuse_erased(store, fields["email"])
        customer = Customer(store=store, changed_in=version, **fields)
        customer.created_at = customer.changed_at = timezone.now()
        customer.save()
        audit.record(store, "added", customer, actor=actor, label=label_of(customer))
    return customer


@retried
def change_customer(customer: Customer, *, actor: User, seen_at: datetime | None, **fields: Any) -> list[str]:
    """Give the customer these fields, if nobody changed the customer since `seen_at`; the names of those that differed.

    Raises ChangedMeanwhile, EmailTaken and WasErased, and changes nothing then.
    """
    with transaction.atomic():
        version = lock_customers(customer.store)
        row: Customer = Customer.objects.for_store(customer.store).select_for_update().get(pk=customer.pk)
        if row.changed_at != seen_at:
            raise ChangedMeanwhile(row)
        if "email" in fields:
            fields["email"] = display_email(fields["email"])
            _refuse_taken(row.store, fields["email"], besides=row)
            if email_key(fields["email"]) != row.email_key:
                refuse_erased(row.store, fields["email"])
                note_former_address(row)
        changed = [name for name, value in fields.items() if getattr(row, name) != value]
        if changed:
            for name in changed:
                setattr(row, name, fields[name])
            row.changed_at, row.changed_in = timezone.now(), version
            row.save()
            audit.record(row.store, "changed", row, actor=actor, label=label_of(row), changes=dict.fromkeys(changed))
    return changed


def refuse_erased(store: Store, email: str) -> None:
    """Raises WasErased for the address of somebody whom the store erased."""
    if identity.erasures_of(store, email_key(email)):
        raise WasErased


def note_former_address(customer: Customer) -> None:
    """Remember the address that the customer has until now: files that came name the person by it."""
    FormerAddress.objects.create_for(
        customer.store, customer=customer, email=customer.email, email_key=customer.email_key
    )


def _refuse_taken(store: Store, email: str, besides: Customer | None = None) -> None:
    others = Customer.objects.for_store(store).filter(email_key=email_key(email))
    other = others.exclude(pk=besides.pk if besides else None).first()
    if other is not None:
        raise EmailTaken(other)


def note_export(store: Store, *, which: list[str], count: int, kind: str, actor: User) -> None:
    """Write in the audit trail that so many customers were taken out as a file of this `kind`; `which` says which,
    without personal data, and is empty for all of them."""
    changes: dict[str, Any] = {"file": kind, "which": which or ["all customers"], "customers": [None, count]}
    audit.record(store, "exported", None, actor=actor, label="Customers", changes=changes)
