"""Rows of orders, subscriptions and events by chance: each is read as what can be kept, or refused with a why."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from customers.activity_names import settled
from customers.commerce.records import Unkeepable
from customers.imports import kinds
from customers.imports.events import EventReader
from customers.imports.layouts import Layout
from customers.imports.orders import OrderReader, order_said
from customers.imports.readers import COLUMNS, KEY, SAID
from customers.imports.subscriptions import SubscriptionReader, subscription_said
from tests.corpus.values import ATTRIBUTES, DATES, NO_ATTRIBUTES, NO_DATES
from tests.fuzz.oracles import NOW, ZONE, must
from tests.fuzz.spelling import bent

READERS: dict[str, Callable[..., Any]] = {
    "orders": OrderReader,
    "subscriptions": SubscriptionReader,
    "events": EventReader,
}
_CELLS: Sequence[str] = (
    "12.50", "1,234", "1.234,50", "-1", "1e5", "$ 5.00", "5 €", "0.0005", "999999999999.999", "9" * 40, "paid",
    "Refunded", "partially_refunded", "voided", "active", "Cancelled", "expired", "week", "Months", "0", "2", "32768",
    "2147483648", "EUR", "eur", "euro", "€", "gid://shopify/Order/5", '{"ecommerce": "5"}', "=1+1", "@SUM(A1)",
    "ann@x.example", "Subscription Recurring Order, vip", "logged-in", "Feature Used", "x" * 300, "\u202e", "\ufeff",
    "\ud83d\ude00", "", "", "",
)  # fmt: skip
_HEADERS = (
    "E-mail",
    "Order",
    "Id",
    "Event",
    "Time",
    "Total",
    "Created at",
    "Customer id",
    "Properties",
    "Status",
    "Shop",
)


def _cell(rng: Random) -> str:
    """As the reader of tables gives one: without lone halves of letters."""
    chance = rng.random()
    if chance < 0.25:
        cell = rng.choice([*DATES, *NO_DATES])
    elif chance < 0.4:
        cell = rng.choice([*ATTRIBUTES, *NO_ATTRIBUTES])
    else:
        cell = rng.choice(_CELLS)
    if rng.random() < 0.4:
        cell = bent(rng, cell)
    return cell.encode("utf-8", "replace").decode()


def rows(kind: str, rng: Random) -> None:
    """A row of such a file, in a layout that somebody chose or that headers tell."""
    known = kinds.KINDS[kind]
    if rng.random() < 0.5:
        chosen = rng.sample(list(known.readings), rng.randint(1, len(known.readings)))
        layout = Layout(rng.choice(list(known.sources)), {name: at for at, name in enumerate(chosen)}, {"More": 0})
        width = len(chosen)
    else:
        likely = [*known.readings.values(), *_HEADERS]
        headers = [bent(rng, rng.choice(likely)) if rng.random() < 0.3 else rng.choice(likely) for _ in range(8)]
        layout, width = known.recognise(headers), len(headers)
        must(Layout.of(layout.source, json.loads(json.dumps(layout.mapping))) == layout, f"{headers} is kept otherwise")
    cells = [_cell(rng) for _ in range(width)]
    reader = READERS[kind](layout, ZONE, NOW, "EUR")
    values, wrong, goes_on = reader.read(cells)
    must((values, wrong, goes_on) == reader.read(cells), f"{cells!r:.300} is not read the same again")
    must(len(values) == len(COLUMNS) and len(values[KEY]) <= 100, f"{values!r:.300}")
    must(wrong.strip() == wrong and (not wrong or wrong[-1] in ".”"), f"said {wrong!r}")
    _keeps(values, cells)
    if not wrong:
        _BECOMES[kind](values[SAID], goes_on)


def _keeps(values: Sequence[Any], cells: Sequence[str]) -> None:
    written = json.dumps(values, ensure_ascii=False, allow_nan=False)
    written.encode()
    must("\\u0000" not in written.replace("\\\\", ""), f"{cells!r:.300} holds what no database does")
    must(json.loads(written) == list(values), f"{cells!r:.300} is kept as something else")


def _order(said: dict[str, Any], goes_on: bool) -> None:
    if not goes_on:
        _kept(partial(order_said, said, [said["line"]]))


def _subscription(said: dict[str, Any], goes_on: bool) -> None:
    _kept(partial(subscription_said, said))


def _kept(record: Callable[..., Any]) -> None:
    """What was told to be right at the check is right when it is imported."""
    try:
        record(customer_id=1, told_at=NOW)
    except Unkeepable as error:
        must(False, f"it was found to be right, and is not: {error}")


def _event(said: dict[str, Any], goes_on: bool) -> None:
    at = datetime.fromisoformat(said["at"])
    must(datetime(1970, 1, 1, tzinfo=UTC) <= at <= NOW + timedelta(days=1, hours=1), f"an event at {at}")
    must(0 < len(said["name"]) <= 255, f"an event called {said['name']!r}")
    must(settled(settled(said["name"])) == settled(said["name"]), f"{said['name']!r} means one thing, and then another")


_BECOMES: dict[str, Callable[[dict[str, Any], bool], None]] = {
    "orders": _order,
    "subscriptions": _subscription,
    "events": _event,
}
TARGETS: dict[str, Callable[[Random], None]] = {f"rows of {kind}": partial(rows, kind) for kind in READERS}
