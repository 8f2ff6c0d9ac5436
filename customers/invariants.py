"""What must always be true of customers and of the files they came from; see portal.invariants."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet

from customers.models import Customer, CustomerImport, CustomerImportRow, Erasure
from portal.invariants import doubles, invariant, points
from portal.sheets.invariants import of_files

points(CustomerImportRow, "customer", Customer)
points(Erasure, "customer", Customer)
of_files(CustomerImport, CustomerImportRow)
doubles("customers_doubled", Customer, "store", "email_key")


@invariant
def customers_without_an_address() -> QuerySet[Any]:
    return Customer.everywhere.filter(email_key="")


@invariant
def customers_changed_before_they_came() -> QuerySet[Any]:
    return Customer.everywhere.filter(changed_at__lt=F("created_at"))


@invariant
def erased_customers_of_whom_something_is_kept() -> QuerySet[Any]:
    return Customer.everywhere.filter(erased_at__isnull=False).exclude(email="", first_name="", last_name="", phone="")


@invariant
def erasures_that_keep_what_they_looked_for() -> QuerySet[Any]:
    return Erasure.everywhere.filter(finished_at__isnull=False).exclude(subject={})
