"""What must always be true of customers and of the files they came from; see portal.invariants."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from customers.models import (
    Arrival,
    ArrivalState,
    Customer,
    CustomerImport,
    CustomerImportRow,
    CustomerMetrics,
    Erasure,
    Event,
    NameSetAside,
    Order,
    OrderLine,
    PersonTold,
    Product,
    Subscription,
    Visitor,
)
from portal.invariants import doubles, invariant, points
from portal.sheets.invariants import of_files

points(CustomerImportRow, "customer", Customer)
points(Erasure, "customer", Customer)
of_files(CustomerImport, CustomerImportRow)
doubles("customers_doubled", Customer, "store", "email_key")
doubles("products_doubled", Product, "store", "source", "external_id")
doubles("orders_doubled", Order, "store", "source", "external_id")
doubles("order_lines_doubled", OrderLine, "store", "order", "position")
doubles("people_told_doubled", PersonTold, "store", "source", "external_id")
doubles("subscriptions_doubled", Subscription, "store", "source", "external_id")
doubles("events_doubled", Event, "store", "message_key")
doubles("visitors_doubled", Visitor, "store", "digest")
doubles("names_set_aside_doubled", NameSetAside, "store", "arrival", "digest")
doubles("metrics_doubled", CustomerMetrics, "store", "customer")


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


@invariant
def arrivals_taken_in_that_keep_their_body() -> QuerySet[Any]:
    return Arrival.everywhere.filter(state=ArrivalState.DONE).exclude(body="")


@invariant
def names_of_arrivals_that_are_not_set_aside() -> QuerySet[Any]:
    return NameSetAside.everywhere.exclude(arrival__state=ArrivalState.POISON)


@invariant
def arrivals_that_wait_without_a_body() -> QuerySet[Any]:
    return Arrival.everywhere.filter(state=ArrivalState.WAITING, body="")


@invariant
def events_of_a_visitor_who_is_known() -> QuerySet[Any]:
    """Events whose visitor is known to be a customer belong to that customer."""
    known = Visitor.everywhere.filter(store=OuterRef("store"), digest=OuterRef("visitor"), customer__isnull=False)
    return Event.everywhere.filter(customer__isnull=True).exclude(visitor="").filter(Exists(known))


@invariant
def metrics_of_people_who_were_erased() -> QuerySet[Any]:
    at_work = Erasure.everywhere.filter(customer_id=OuterRef("customer_id"), finished_at=None)
    return CustomerMetrics.everywhere.filter(customer__erased_at__isnull=False).exclude(Exists(at_work))
