"""Customers and orders of the shops in Shopify's stand-in, listed by the time of their last change."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

from customers.sandbox.bodies import Body
from customers.sandbox.shopify_nodes import customer_node, lines_page, order_node
from segments.sandbox.graphql import BadQuery, Selection
from segments.sandbox.pages import GROUP_BOUNDS, AnyKey, Reader

LISTS = {"customers": customer_node, "orders": order_node}
_SINCE = re.compile(r"updated_at:>='(?P<at>[0-9TZ:-]+)'")


class Sold:
    """What one shop has: the bodies of its webhooks, by list and number."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Body]] = {name: {} for name in LISTS}

    def put(self, name: str, said: Body) -> None:
        self.rows[name][str(said["id"])] = said

    def reader(self, name: str, query: str | None) -> Reader:
        """Reads the keys of a list, which are the time of the last change and the number."""
        since = _since(query)
        keys = sorted((said["updated_at"], number) for number, said in self.rows[name].items())
        keys = keys[bisect_left(keys, (since, "")) :] if since else keys

        def read(lower: AnyKey, upper: AnyKey, size: int, backwards: bool) -> list[AnyKey]:
            between = keys[bisect_right(keys, lower) : bisect_left(keys, upper)]
            return between[::-1][:size] if backwards else between[:size]

        return read

    def nodes(self, name: str, keys: list[AnyKey]) -> list[dict[str, Any]]:
        node: Callable[[Body], dict[str, Any]] = LISTS[name]
        return [node(self.rows[name][number]) for _, number in keys]

    def order(self, asked: Selection) -> dict[str, Any] | None:
        """One order, with the lines that are asked for."""
        said = self.rows["orders"].get(str(asked.arguments["id"]).rpartition("/")[2])
        if said is None:
            return None
        lines = next((one for one in asked.fields if one.name == "lineItems"), Selection("lineItems"))
        start, count = int(lines.arguments.get("after") or 0), int(lines.arguments.get("first") or 10)
        return {**order_node(said), "lineItems": lines_page(said, start, count)}


BOUNDS = GROUP_BOUNDS


def _since(query: str | None) -> str:
    if not query:
        return ""
    found = _SINCE.fullmatch(query)
    if found is None:
        raise BadQuery(f"The search '{query}' is not understood here.")
    return found["at"].replace("Z", "+00:00")
