"""What customers tells of a customer: orders, subscriptions and events."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from customers.models import Customer, Event, Order, OrderKind, OrderLine, OrderStatus, Subscription
from customers.timeline.merging import Happening, Kind, Position, read_from, tells
from portal.models import Store

SUBSCRIPTION_CANCELLED = "Subscription Cancelled"
SUBSCRIPTION_EVENTS = {
    "Subscription Activated": "player-play",
    SUBSCRIPTION_CANCELLED: "circle-x",
    "Subscription Paused": "player-pause",
    "Subscription Skipped": "player-skip-forward",
    "Subscription Swapped": "arrows-exchange",
    "Subscription Unskipped": "calendar-due",
}
LINES_SHOWN = 3
PROPERTIES_SHOWN = 3
_LONGEST = 60
_ICONS = {
    "email": "mail-opened",
    "logged in": "login",
    "signed in": "login",
    "product": "shopping-cart",
    "checkout": "shopping-cart",
    "page": "eye",
    "feature": "hand-click",
}


def amount(value: Decimal, currency: str) -> str:
    """An amount of money as it is read: two places, or the three that it has."""
    text = f"{value:,.3f}"
    return f"{text.removesuffix('0')} {currency}"


class _OfEveryStore:
    def is_for(self, store: Store) -> bool:
        return True


class Orders(_OfEveryStore):
    kind, rank = Kind.ORDERS, 10

    def tell(self, customer: Customer, beyond: Position | None, most: int) -> Sequence[Happening]:
        mine = Order.objects.for_store(customer.store).filter(customer_id=customer.pk)
        orders = read_from(mine, "placed_at", self.rank, beyond, most)
        lines = _lines(customer.store, orders)
        return [self._say(order, lines.get(order.pk, [])) for order in orders]

    def _say(self, order: Order, lines: list[OrderLine]) -> Happening:
        what = ", ".join(f"{line.quantity} × {line.title}" if line.quantity > 1 else line.title for line in lines)
        kind = "" if order.kind == OrderKind.ONE_OFF else order.get_kind_display()
        status = "" if order.status == OrderStatus.PAID else order.get_status_display()
        icon = "x" if order.status == OrderStatus.CANCELLED else "receipt"
        said = (amount(order.total, order.currency), what, kind, status, order.channel)
        return Happening(order.placed_at, order.pk, icon, f"Order {order}", " · ".join(filter(None, said)))


def _lines(store: Store, orders: Sequence[Order]) -> dict[int, list[OrderLine]]:
    """The first lines of each of the orders."""
    found: dict[int, list[OrderLine]] = {}
    lines = OrderLine.objects.for_store(store).filter(
        order_id__in=[order.pk for order in orders], position__lte=LINES_SHOWN
    )
    for line in lines.order_by("order_id", "position") if orders else ():
        found.setdefault(line.order_id, []).append(line)
    return found


class Subscriptions(_OfEveryStore):
    """When they began."""

    kind, rank = Kind.SUBSCRIPTIONS, 20

    def tell(self, customer: Customer, beyond: Position | None, most: int) -> Sequence[Happening]:
        return [self._say(row) for row in read_from(_subscriptions(customer), "started_at", self.rank, beyond, most)]

    def _say(self, row: Subscription) -> Happening:
        unit = row.get_interval_unit_display().lower()
        each = f"every {row.interval_count} {unit}" if row.interval_count > 1 else f"every {unit.removesuffix('s')}"
        note = f"{amount(row.price * row.quantity, row.currency)} {each}"
        return Happening(row.started_at, row.pk, "repeat", f"Subscribed to {_thing(row)}", note)


class Cancellations(_OfEveryStore):
    kind, rank = Kind.SUBSCRIPTIONS, 21

    def tell(self, customer: Customer, beyond: Position | None, most: int) -> Sequence[Happening]:
        over = _subscriptions(customer).filter(cancelled_at__isnull=False)
        return [self._say(row) for row in read_from(over, "cancelled_at", self.rank, beyond, most)]

    def _say(self, row: Subscription) -> Happening:
        said = f"Cancelled the subscription to {_thing(row)}"
        return Happening(row.cancelled_at or row.started_at, row.pk, "circle-x", said, row.cancellation_reason)


def _subscriptions(customer: Customer) -> QuerySet[Subscription]:
    found: QuerySet[Subscription] = Subscription.objects.for_store(customer.store).filter(customer_id=customer.pk)
    return found


def _thing(row: Subscription) -> str:
    return f"{row.quantity} × {row.title}" if row.quantity > 1 else row.title


class Events(_OfEveryStore):
    """Events but for those that tell of subscriptions."""

    kind, rank = Kind.EVENTS, 40
    which = ~Q(name__in=SUBSCRIPTION_EVENTS)

    def tell(self, customer: Customer, beyond: Position | None, most: int) -> Sequence[Happening]:
        return [self._say(event) for event in self._read(self._mine(customer), beyond, most)]

    def _mine(self, customer: Customer) -> QuerySet[Event]:
        found: QuerySet[Event] = Event.objects.for_store(customer.store).filter(self.which, customer_id=customer.pk)
        return found

    def _read(self, mine: QuerySet[Event], beyond: Position | None, most: int) -> list[Event]:
        """In two steps, because the index that a customer's events have goes by their names first: their times alone
        are soon read out of it, and the rows of a page are few."""
        ahead = mine if beyond is None else mine.filter(occurred_at__lt=beyond.at)
        times = list(ahead.order_by("-occurred_at").values_list("occurred_at", flat=True)[:most])
        if len(times) == most:
            mine = mine.filter(occurred_at__gte=times[-1])
        return read_from(mine, "occurred_at", self.rank, beyond, most)

    def _say(self, event: Event) -> Happening:
        return Happening(event.occurred_at, event.pk, _icon(event.name), event.name, told_of(event.properties))


class SubscriptionEvents(Events):
    """Events that tell of subscriptions; not those of a cancellation that the subscription itself tells."""

    kind, rank = Kind.SUBSCRIPTIONS, 30
    which = Q(name__in=SUBSCRIPTION_EVENTS)

    def _mine(self, customer: Customer) -> QuerySet[Event]:
        told = _subscriptions(customer).filter(cancelled_at__isnull=False).values("cancelled_at")
        return super()._mine(customer).exclude(name=SUBSCRIPTION_CANCELLED, occurred_at__in=told)


def _icon(name: str) -> str:
    if name in SUBSCRIPTION_EVENTS:
        return SUBSCRIPTION_EVENTS[name]
    lowered = name.lower()
    return next((icon for begin, icon in _ICONS.items() if lowered.startswith(begin)), "point")


def told_of(properties: Any) -> str:
    """The first plain properties of an event, in words."""
    if not isinstance(properties, dict):
        return ""
    plain = [
        f"{str(name)[:_LONGEST]}: {str(value)[:_LONGEST]}"
        for name, value in properties.items()
        if isinstance(value, str | int | float) and value != ""
    ]
    return " · ".join(plain[:PROPERTIES_SHOWN])


for _teller in (Orders(), Subscriptions(), Cancellations(), SubscriptionEvents(), Events()):
    tells(_teller)
