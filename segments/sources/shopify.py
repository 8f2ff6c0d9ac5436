"""Shopify: customer segments by its Admin GraphQL interface, with the access token of a custom app.

Facts: shopify.dev, Admin GraphQL 2026-10. Segments come 250 a page, their members 1,000 a page. What a call may cost is
metered; a call too many is answered with 200 and an error of the code THROTTLED.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.conf import settings

from portal.outbound import Garbled, Missing, Pace, Refused, Reply, Session, Throttled, Unreachable, raise_for, send
from segments.sources.base import (
    CURSOR_MOST,
    Account,
    Ask,
    Credential,
    CursorExpired,
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

VERSION = "2026-10"
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
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com")
_PACE = Pace(per_second=4, per_minute=120)


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
    paces: ClassVar[Mapping[Ask, Pace]] = dict.fromkeys(Ask, _PACE)

    def __init__(self, given: Mapping[str, str]) -> None:
        self._shop = given["shop"].strip().lower().removeprefix("https://").rstrip("/")
        if not _DOMAIN.fullmatch(self._shop):
            raise Refused("This is not the address of a shop at Shopify. It ends with .myshopify.com.")
        self._headers = {"X-Shopify-Access-Token": given["token"].strip(), "Accept": "application/json"}
        self._session = Session()

    def check(self) -> Account:
        shop = self._ask(SHOP, {}).get("shop")
        domain = shop.get("myshopifyDomain") if isinstance(shop, dict) else None
        if not isinstance(domain, str) or not is_plain(domain):
            raise Garbled("Shopify's answer names no shop.")
        # The token may read customers too, or else every import to come would fail.
        self._ask(SEGMENTS, {"after": None})
        name = shop.get("name") if isinstance(shop, dict) else None
        return Account(domain, name if isinstance(name, str) and name else domain)

    def groups(self, kind: str, cursor: str | None) -> GroupPage:
        found = _part(self._ask(SEGMENTS, {"after": cursor}), "segments")
        nodes = found.get("nodes")
        if not isinstance(nodes, list):
            raise Garbled("Shopify's answer is not what its interface promises.")
        rows = [node for node in nodes if isinstance(node, dict) and is_plain(node.get("id"))]
        groups = [Group(row["id"], str(row.get("name") or ""), instant(row.get("lastEditDate"))) for row in rows]
        return GroupPage(groups, _next(found))

    def size(self, kind: str, group_id: str) -> int | None:
        return whole(_part(self._ask(SIZE, {"id": group_id}), "customerSegmentMembers").get("totalCount"))

    def members(self, kind: str, group_id: str, cursor: str | None) -> MemberPage:
        found = _part(self._ask(MEMBERS, {"id": group_id, "after": cursor}), "customerSegmentMembers")
        edges = found.get("edges")
        if not isinstance(edges, list):
            raise Garbled("Shopify's answer is not what its interface promises.")
        members, bad = told_apart(_member(edge.get("node") if isinstance(edge, dict) else None) for edge in edges)
        return MemberPage(members, _next(found), bad)

    def close(self) -> None:
        self._session.close()

    def _ask(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        base = settings.SHOPIFY_API_URL or f"https://{self._shop}"
        reply = send(
            "POST",
            f"{base}/admin/api/{VERSION}/graphql.json",
            headers=self._headers,
            json={"query": document, "variables": dict(variables)},
            trusted=bool(settings.SHOPIFY_API_URL),
            session=self._session,
            service="Shopify",
        )
        raise_for(reply, "Shopify")
        return _answer(reply, turns_pages=variables.get("after") is not None)


def _answer(reply: Reply, *, turns_pages: bool) -> dict[str, Any]:
    """The data of a GraphQL answer; its errors as those of `portal.outbound`."""
    body = reply.json()
    if not isinstance(body, dict):
        raise Garbled("Shopify's answer is not what its interface promises.")
    if body.get("errors"):
        _raise_first(body["errors"], turns_pages=turns_pages)
    data = body.get("data")
    if not isinstance(data, dict):
        raise Garbled("Shopify's answer is not what its interface promises.")
    return data


def _raise_first(errors: Any, *, turns_pages: bool) -> None:
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    message = str(first.get("message") or "").lower()
    if code == "THROTTLED":
        raise Throttled("Shopify asks us to slow down.", retry_after=None)
    if code == "ACCESS_DENIED":
        raise Refused("The access token lacks the scope read_customers.")
    if turns_pages and "cursor" in message:
        raise CursorExpired
    if code == "RESOURCE_NOT_FOUND" or "not found" in message or "does not exist" in message:
        raise Missing("Shopify does not know this segment any more.")
    if code == "INTERNAL_SERVER_ERROR":
        raise Unreachable("Something went wrong at Shopify.")
    raise Garbled("Shopify did not understand what we asked for.")


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    part = data.get(name)
    if not isinstance(part, dict):
        raise Missing("Shopify does not know this segment any more.")
    return part


def _next(found: dict[str, Any]) -> str | None:
    info = found.get("pageInfo")
    if not isinstance(info, dict) or not isinstance(info.get("hasNextPage"), bool):
        raise Garbled("Shopify's answer does not say whether there is more.")
    if not info["hasNextPage"]:
        return None
    if not is_plain(info.get("endCursor"), CURSOR_MOST):
        raise Garbled("Shopify's answer does not say where there is more.")
    return str(info["endCursor"])


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
