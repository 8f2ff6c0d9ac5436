"""What files of orders and of subscriptions are checked and imported by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from customers.commerce.records import OrderSaid, Outcome, SubscriptionSaid, Unkeepable
from customers.commerce.writing import write_orders, write_subscriptions
from customers.imports import kinds
from customers.imports.bought import KNOWN_BETTER, NOBODY, ApplyDeeds, Became, CheckDeeds, CheckInParts, DeedSheet, Told
from customers.imports.layouts import RECHARGE, SHOPIFY
from customers.imports.orders import OrderReader, order_said
from customers.imports.readers import SAID
from customers.imports.subscriptions import SubscriptionReader, subscription_said
from customers.models import ImportVerdict, Order, OrderLine, Subscription
from portal.jobs import register
from portal.sheets import Entry

ORDERS, SUBSCRIPTIONS = kinds.KINDS["orders"], kinds.KINDS["subscriptions"]
FILE = "file"
_BECAME = {
    Outcome.CREATED: (ImportVerdict.CREATED, ""),
    Outcome.UPDATED: (ImportVerdict.UPDATED, ""),
    Outcome.UNCHANGED: (ImportVerdict.UNCHANGED, ""),
    Outcome.OLDER: (ImportVerdict.OLDER, KNOWN_BETTER),
    Outcome.GONE: (ImportVerdict.UNMATCHED, NOBODY),
}


class _Sold(DeedSheet):
    """Rows that tell of what another system keeps."""

    sold: type[Any]

    @property
    def teller(self) -> str:
        """Who keeps what the file tells, as the rows name it: what a webhook tells of the same is the same."""
        return str(self.upload.source) if self.upload.source in (SHOPIFY, RECHARGE) else FILE

    def known(self, entries: Sequence[Entry]) -> Callable[[Entry], str]:
        ids = sorted({str(entry.values[SAID]["id"]) for entry in entries})
        here = self.sold.objects.for_store(self.store).filter(source=self.teller, external_id__among=ids)
        told_at: dict[str, datetime] = dict(here.values_list("external_id", "told_at")) if ids else {}

        def verdict(entry: Entry) -> str:
            said = entry.values[SAID]
            known_since = told_at.get(said["id"])
            if known_since is None:
                return ImportVerdict.CREATED
            is_older = said.get("told_at") and datetime.fromisoformat(said["told_at"]) < known_since
            return ImportVerdict.OLDER if is_older else ImportVerdict.UPDATED

        return verdict

    def told_now(self, said: Mapping[str, Any]) -> datetime:
        """When a row was told that does not say so: with the file."""
        at: datetime = self.upload.created_at
        return at


def _became(told: Sequence[Told], outcomes: Mapping[int, Outcome], refused: Mapping[int, str]) -> list[Became]:
    written: list[Became] = [(row.line, *_BECAME[outcomes[row.line]]) for row in told if row.line in outcomes]
    return written + [(line, ImportVerdict.INVALID, reason[:255]) for line, reason in refused.items()]


class _OrderSheet(_Sold):
    sold = Order


@register(ORDERS.check, queue="interactive")
class CheckOrders(_OrderSheet, CheckInParts):
    reader = OrderReader


@register(ORDERS.apply, queue="bulk")
class ApplyOrders(_OrderSheet, ApplyDeeds):
    written = (Order, OrderLine)

    def write(self, told: Sequence[Told]) -> list[Became]:
        parts = self.parts([row.key for row in told])
        orders: dict[int, OrderSaid] = {}
        refused: dict[int, str] = {}
        for row in told:
            lines = [row.said["line"], *(part["line"] for part in parts.get(row.key, ()))]
            told_at = self.told_now(row.said)
            try:
                orders[row.line] = order_said(row.said, lines, customer_id=row.customer_id, told_at=told_at)
            except Unkeepable as error:
                refused[row.line] = f"{error.field}: {error.reason}"
        outcomes = write_orders(self.store, self.teller, list(orders.values()))
        return _became(told, dict(zip(orders, outcomes, strict=True)), refused)


class _SubscriptionSheet(_Sold):
    sold = Subscription


@register(SUBSCRIPTIONS.check, queue="interactive")
class CheckSubscriptions(_SubscriptionSheet, CheckDeeds):
    reader = SubscriptionReader


@register(SUBSCRIPTIONS.apply, queue="bulk")
class ApplySubscriptions(_SubscriptionSheet, ApplyDeeds):
    written = (Subscription,)

    def write(self, told: Sequence[Told]) -> list[Became]:
        said: dict[int, SubscriptionSaid] = {
            row.line: subscription_said(row.said, customer_id=row.customer_id, told_at=self.told_now(row.said))
            for row in told
        }
        outcomes = write_subscriptions(self.store, self.teller, list(said.values()))
        return _became(told, dict(zip(said, outcomes, strict=True)), {})
