"""Shopify: customer segments by its Admin GraphQL interface, with the access token of a custom app.

Facts: shopify.dev, Admin GraphQL 2026-10. Segments come 250 a page, their members 1,000 a page. What a call may cost is
metered; a call too many is answered with 200 and an error of the code THROTTLED.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from customers.providers.shopify_api import PACE, ShopifyApi, next_cursor
from portal.outbound import Garbled, Pace
from segments.sources.base import (
    Account,
    Ask,
    Credential,
    Group,
    GroupPage,
    Member,
    MemberPage,
    instant,
    is_plain,
    member,
    told_apart,
    whole,
)

SHOP = "query Shop { shop { name myshopifyDomain } }"
SEGMENTS = """query Segments($after: String) {
  segments(first: 250, after: $after) { nodes { id name lastEditDate } pageInfo { hasNextPage endCursor } }
}"""
SIZE = "query SegmentSize($id: ID!) { customerSegmentMembers(segmentId: $id, first: 1) { totalCount } }"
MEMBERS = """query SegmentMembers($id: ID!, $after: String) {
  customerSegmentMembers(segmentId: $id, first: 1000, after: $after) {
    edges { node { id defaultEmailAddress { emailAddress } } } pageInfo { hasNextPage endCursor }
  }
}"""


class Shopify:
    key: ClassVar[str] = "shopify"
    label: ClassVar[str] = "Shopify"
    kinds: ClassVar[Mapping[str, str]] = {"segment": "Shopify segment"}
    credentials: ClassVar[Sequence[Credential]] = (
        Credential("shop", "Shop address", "The shop's own address, such as my-shop.myshopify.com.", is_secret=False),
        Credential(
            "token",
            "Admin API access token",
            "In Shopify: Settings ▸ Apps and sales channels ▸ Develop apps. It begins with shpat_.",
        ),
    )
    scopes: ClassVar[str] = "the scope read_customers"
    identity: ClassVar[str] = "shopify_id"
    paces: ClassVar[Mapping[Ask, Pace]] = dict.fromkeys(Ask, PACE)

    def __init__(self, given: Mapping[str, str]) -> None:
        self._api = ShopifyApi(
            given["shop"], given["token"], asked_for="this segment", scopes="the scope read_customers"
        )

    def check(self) -> Account:
        shop = self._api.ask(SHOP, {}).get("shop")
        domain = shop.get("myshopifyDomain") if isinstance(shop, dict) else None
        if not isinstance(domain, str) or not is_plain(domain):
            raise Garbled("Shopify's answer names no shop.")
        # The token may read customers too, or else every import to come would fail.
        self._api.ask(SEGMENTS, {"after": None})
        name = shop.get("name") if isinstance(shop, dict) else None
        return Account(domain, name if isinstance(name, str) and name else domain)

    def groups(self, kind: str, cursor: str | None) -> GroupPage:
        found = self._api.part(self._api.ask(SEGMENTS, {"after": cursor}), "segments")
        nodes = found.get("nodes")
        if not isinstance(nodes, list):
            raise Garbled("Shopify's answer is not what its interface promises.")
        rows = [node for node in nodes if isinstance(node, dict) and is_plain(node.get("id"))]
        groups = [Group(row["id"], str(row.get("name") or ""), instant(row.get("lastEditDate"))) for row in rows]
        return GroupPage(groups, next_cursor(found))

    def size(self, kind: str, group_id: str) -> int | None:
        return whole(self._api.part(self._api.ask(SIZE, {"id": group_id}), "customerSegmentMembers").get("totalCount"))

    def members(self, kind: str, group_id: str, cursor: str | None) -> MemberPage:
        found = self._api.part(self._api.ask(MEMBERS, {"id": group_id, "after": cursor}), "customerSegmentMembers")
        edges = found.get("edges")
        if not isinstance(edges, list):
            raise Garbled("Shopify's answer is not what its interface promises.")
        members, bad = told_apart(_member(edge.get("node") if isinstance(edge, dict) else None) for edge in edges)
        return MemberPage(members, next_cursor(found), bad)

    def close(self) -> None:
        self._api.close()


def _member(node: Any) -> Member | tuple[str, str]:
    name = node.get("id") if isinstance(node, dict) else None
    # gid://shopify/CustomerSegmentMember/123: the number is that of the customer.
    identity = name.rpartition("/")[2] if isinstance(name, str) else ""
    if not is_plain(identity):
        return "", "It has no id."
    address = node.get("defaultEmailAddress")
    if address is None:
        return Member(identity, None)
    return member(identity, address.get("emailAddress") if isinstance(address, dict) else 0)
