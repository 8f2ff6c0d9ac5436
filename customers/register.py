"""All customers of a store taken together: held while some of them change, and of which version they are."""

from __future__ import annotations

from django.db.models import F

from customers.models import CustomerRegister
from portal.models import Store


def customers_version(store: Store) -> int:
    """Goes up whenever a customer of the store is added or changed."""
    version = CustomerRegister.objects.for_store(store).values_list("version", flat=True).first()
    return version or 0


def lock_customers(store: Store) -> int:
    """Let nobody else add, change or import customers of `store` until the transaction ends; what version they are of
    then. For those who are about to change some: the version goes up."""
    register = CustomerRegister.objects.for_store(store)
    if not register.update(version=F("version") + 1):
        register.get_or_create(defaults={"store_id": store.pk})
        register.update(version=F("version") + 1)
    return customers_version(store)


def hold_customers(store: Store) -> None:
    """Let nobody else add, change, import or erase customers of `store` until the transaction ends, nor write what
    they buy. For those who change none of them: the version stays."""
    register = CustomerRegister.objects.for_store(store)
    if register.select_for_update(no_key=True).first() is None:
        register.get_or_create(defaults={"store_id": store.pk})
        register.select_for_update(no_key=True).first()
