"""Who the customers are, what they buy and do, how that arrives, and the files that they were imported from."""

from customers.models.activity import Event, EventTime, TouchedCustomer, Visitor
from customers.models.arrivals import (
    Arrival,
    ArrivalDay,
    ArrivalState,
    Intake,
    KeyedRequest,
    Rejection,
    WayIn,
    WayInKind,
)
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
from customers.models.gaps import NameSetAside
from customers.models.imports import CustomerImport, CustomerImportRow, ImportKind, ImportVerdict
from customers.models.metrics import (
    Assortment,
    CustomerMetrics,
    MetricsSettings,
    MetricsState,
    PlanTier,
    PriceBehaviour,
    RfmGroup,
)
from customers.models.people import Consent, Customer, CustomerRegister, FormerAddress, PersonTold

__all__ = [
    "Arrival",
    "ArrivalDay",
    "ArrivalState",
    "Assortment",
    "Consent",
    "Customer",
    "CustomerImport",
    "CustomerImportRow",
    "CustomerMetrics",
    "CustomerRegister",
    "ErasedIdentity",
    "Erasure",
    "Event",
    "EventTime",
    "FormerAddress",
    "ImportKind",
    "ImportVerdict",
    "Intake",
    "IntervalUnit",
    "KeyedRequest",
    "MetricsSettings",
    "MetricsState",
    "NameSetAside",
    "Order",
    "OrderKind",
    "OrderLine",
    "OrderStatus",
    "PersonTold",
    "PlanTier",
    "PriceBehaviour",
    "Product",
    "Rejection",
    "RfmGroup",
    "Subscription",
    "SubscriptionStatus",
    "TouchedCustomer",
    "Visitor",
    "WayIn",
    "WayInKind",
]
