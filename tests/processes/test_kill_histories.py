"""`kill -9` at every crash point of reading what a provider has; see test_kill_everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from customers.sandbox.bodies import (
    recharge_charge,
    recharge_customer,
    recharge_order,
    recharge_subscription,
    shopify_customer,
    shopify_line,
    shopify_order,
)
from customers.sandbox.recharge import RechargeSandbox
from segments.sandbox.shopify import ShopifySandbox
from tests.processes import histories
from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.nursery import Nursery
from tests.processes.test_kill_everywhere import kill_everywhere

pytestmark = pytest.mark.processes

PEOPLE = 6
CAST: dict[str, Any] = {"customers": ["c1@maple.example"], "members": [], "removed": [], "file": []}


def at(minute: int) -> datetime:
    return datetime(2026, 11, 1, 12, minute, tzinfo=UTC)


def filled(recharge: RechargeSandbox, shopify: ShopifySandbox) -> None:
    sold = shopify.sold[histories.SHOP]
    for number in range(1, PEOPLE + 1):
        buyer = recharge_customer(number, f"c{number}@maple.example", at(number))
        recharge.put("customers", buyer)
        over = {"status": "cancelled", "cancelled_at": at(30).isoformat()} if number % 2 else {}
        recharge.put("subscriptions", recharge_subscription(100 + number, number, at(number), **over))
        recharge.put("orders", recharge_order(500 + number, buyer, at(number)))
        there = shopify_customer(number, f"c{number}@maple.example", at(number))
        lines = [shopify_line(7, "Coffee", "12.00", quantity=2), shopify_line(8, "Tea", "3.50")]
        sold.put("customers", there)
        sold.put("orders", shopify_order(1000 + number, there, at(number), total="27.50", line_items=lines))
    recharge.put("charges", recharge_charge(900, recharge.rows["customers"][1], at(1), status="skipped"))


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    directory = tmp_path_factory.mktemp("nursery")
    with (
        RechargeSandbox(limits=False, token=histories.TOKEN) as recharge,
        ShopifySandbox(limits=False) as shopify,
        Installation(
            directory,
            named_server(),
            broker="memory://",
            RECHARGE_API_URL=recharge.url,
            SHOPIFY_API_URL=shopify.url,
        ) as installation,
        Nursery(installation.environment, directory / "nursery.log") as nursery,
    ):
        shopify.account(histories.TOKEN, "Maple", domain=histories.SHOP, scopes=("read_customers", "read_orders"))
        filled(recharge, shopify)
        yield nursery


@pytest.mark.parametrize(("story", "orders", "lines", "events"), [("recharge", 6, 6, 4), ("shopify", 6, 12, 0)])
def test_killed_at_every_point_it_comes_to_the_same_end(
    nursery: Nursery, story: str, orders: int, lines: int, events: int, record_property: Callable[[str, object], None]
) -> None:
    told = nursery.run("histories.golden", f"read {story}", CAST).answer
    assert [len(told[name]) for name in ("people", "orders", "lines", "events")] == [PEOPLE, orders, lines, events]
    assert [state for state, *_ in told["jobs"]] == ["succeeded"]
    assert told["read"] == [True, True]
    record_property("kills", kill_everywhere(nursery, f"read {story}", CAST, {}))
