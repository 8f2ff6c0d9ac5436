"""Who the customers are, what they buy and do, how that arrives, and the files that they were imported from."""

from customers.models.activity import Event, EventTime, TouchedCustomer, Visitor
from customers.models.arrivals import Arrival, ArrivalDay, ArrivalState, Rejection, WayIn, WayInKind
from customers.models.commerce import (
    IntervalUnit,
    Order,
    OrderKind,
    OrderLine,
    OrderStatus,
    Product,
    Subscription,
    SubscriptionStatus,
)
from customers.models.erasure import ErasedIdentity, Erasure
from customers.models.imports import CustomerImport, CustomerImportRow, ImportVerdict
from customers.models.people import Consent, Customer, CustomerRegister, FormerAddress

__all__ = [
    "Arrival",
    "ArrivalDay",
    "ArrivalState",
    "Consent",
    "Customer",
    "CustomerImport",
    "CustomerImportRow",
    "CustomerRegister",
    "ErasedIdentity",
    "Erasure",
    "Event",
    "EventTime",
    "FormerAddress",
    "ImportVerdict",
    "IntervalUnit",
    "Order",
    "OrderKind",
    "OrderLine",
    "OrderStatus",
    "Product",
    "Rejection",
    "Subscription",
    "SubscriptionStatus",
    "TouchedCustomer",
    "Visitor",
    "WayIn",
    "WayInKind",
]
