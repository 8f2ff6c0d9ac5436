"""Shopify on this machine: as much of its Admin GraphQL as reads segments, customers and orders, and keeps webhooks,
strictly."""

from __future__ import annotations

import json
import math
import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from portal.sandbox.faults import Effect, instead
from portal.sandbox.server import Reply, Request
from segments.sandbox import graphql, hooks, pages, selling
from segments.sandbox.base import Sandbox
from segments.sandbox.crowd import PATTERN, Account, Given, Group
from segments.sandbox.cursors import BadCursor
from segments.sandbox.graphql import BadQuery, Selection
from segments.sandbox.hooks import Hooks
from segments.sandbox.members import FIRST, LAST, SHOPIFY_IDS
from segments.sandbox.pages import Page, Reader
from segments.sandbox.selling import Sold
from segments.sandbox.shopify_schema import ARGUMENTS, SCHEMA

SCOPES = frozenset({"read_customers"})
PATH = "/admin/api/2026-10/graphql.json"
JSON = "application/json; charset=utf-8"
MOST = {"segments": 250, "customerSegmentMembers": 1000, "customers": 250, "orders": 250, "webhookSubscriptions": 250}
BUCKET, RESTORED = 2000.0, 100.0
"""Points that a shop has, and gets back each second. What a query costs is made up: 2, and 1 for ten rows."""
_SEGMENT_GID, _MEMBER_GID = "gid://shopify/Segment/", "gid://shopify/CustomerSegmentMember/"


class _Wrong(Exception):
    """A field cannot be answered; the message says why, `code` what kind it is."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class ShopifySandbox(Sandbox):
    """Shopify's stand-in: `with ShopifySandbox() as shopify:` serves it at `shopify.url`."""

    ids = SHOPIFY_IDS

    def __init__(self, *, port: int = 0, limits: bool = True) -> None:
        super().__init__({"throttled": throttled, "denied": denied}, port=port, limits=limits)
        self.sold: defaultdict[str, Sold] = defaultdict(Sold)
        """Shop → its customers and orders."""
        self.hooks: defaultdict[str, Hooks] = defaultdict(Hooks)
        """Shop → its webhooks."""
        self._points: dict[str, tuple[float, float]] = {}
        self._points_lock = threading.Lock()

    def account(
        self, key: str = "shpat_test", name: str = "Test Shop", *, domain: str = "", scopes: Iterable[str] = SCOPES
    ) -> Account:
        """A shop that the access token `key` opens."""
        domain = domain or f"test-shop-{len(self.accounts)}.myshopify.com"
        return self.add_account(name, domain, key, frozenset(scopes))

    def segment(
        self,
        group_id: str,
        name: str | None,
        members: int | Iterable[Given] = (),
        *,
        account: Account | None = None,
        pattern: str = PATTERN,
    ) -> Group:
        """A segment, whose id is a number, of the first shop unless said otherwise; `members` as Klaviyo's stand-in."""
        account = account or (self.accounts[0] if self.accounts else self.account())
        return account.add("segment", group_id, name, members, pattern)

    def key_of(self, request: Request) -> str:
        return request.headers.get("x-shopify-access-token", "")

    def answer(self, request: Request) -> Reply:
        key = self.key_of(request)
        if (account := self.account_of(key)) is None:
            told = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return _json(401, {"errors": told})
        if request.path != PATH:
            return _json(404, {"errors": "Not Found"})
        if request.method != "POST" or not request.headers.get("content-type", "").startswith("application/json"):
            return _json(406, {"errors": "Not Acceptable"})
        try:
            asked = json.loads(request.body)
            document = graphql.read(asked["query"], asked.get("variables") or {})
            graphql.check(selections := document.selections, document.root, SCHEMA)
            cost = sum(map(_checked, selections))
        except (ValueError, KeyError, TypeError) as error:
            return _json(400, {"errors": f"Bad Request: {error}"})
        except BadQuery as error:
            return _json(200, {"errors": [{"message": str(error), "locations": [], "extensions": {"code": "invalid"}}]})
        return self._answered(account, account.keys[key], selections, cost, request.arrived)

    def _answered(
        self, account: Account, scopes: frozenset[str], selections: list[Selection], cost: int, now: float
    ) -> Reply:
        left = self._spend(account.account_id, cost, now)
        status = {"maximumAvailable": BUCKET, "currentlyAvailable": math.floor(max(left, 0)), "restoreRate": RESTORED}
        told = {"cost": {"requestedQueryCost": cost, "actualQueryCost": cost, "throttleStatus": status}}
        if left < 0:
            told["cost"]["actualQueryCost"] = None
            return _json(200, {"errors": [_THROTTLED], "extensions": told})
        data, errors = {}, []
        for one in selections:
            try:
                data[one.name] = graphql.pick(self._field(account, scopes, one), one.fields)
            except _Wrong as error:
                data[one.name] = None
                errors.append({"message": str(error), "path": [one.name], "extensions": {"code": error.code}})
        answer: dict[str, Any] = {"data": data, "extensions": told}
        return _json(200, {"errors": errors, **answer} if errors else answer)

    def _spend(self, shop: str, cost: int, now: float) -> float:
        """Take `cost` from the shop's points when they suffice; what is left, or below 0 when they do not."""
        with self._points_lock:
            points, since = self._points.get(shop, (BUCKET, now))
            points = min(BUCKET, points + (now - since) * RESTORED)
            left = points - cost
            self._points[shop] = (points if left < 0 and self.limits.on else max(left, 0.0)), now
        return left if self.limits.on else max(left, 0.0)

    def _field(self, account: Account, scopes: frozenset[str], asked: Selection) -> Any:
        if asked.name == "shop":
            return {
                "id": "gid://shopify/Shop/1",
                "name": account.name,
                "myshopifyDomain": account.account_id,
                "email": "shop@sender.example",
            }
        if asked.name in (hooks.CREATE, hooks.LIST):
            return self._hooked(account, scopes, asked)
        if not scopes >= SCOPES:
            raise _Wrong(_DENIED.format(asked.name), "ACCESS_DENIED")
        if asked.name in ("customers", "orders", "order"):
            return self._sold(account, scopes, asked)
        if asked.name == "segments":
            return self._segments(account, asked.arguments)
        named = str(asked.arguments["id" if asked.name == "segment" else "segmentId"])
        group = account.groups.get(("segment", named.removeprefix(_SEGMENT_GID)))
        if not named.startswith(_SEGMENT_GID):
            raise _Wrong(f"Invalid global id '{named}'", "argumentLiteralsIncompatible")
        if asked.name == "segment":
            return None if group is None else _segment(group)
        if group is None:
            raise _Wrong("The segment does not exist.", "NOT_FOUND")
        return self._members(group, asked.arguments)

    def _segments(self, account: Account, arguments: dict[str, Any]) -> Any:
        words = (arguments.get("query") or "").removeprefix("name:").strip("*'\"").lower()
        with self.lock:
            found = {name: group for (_, name), group in account.groups.items() if words in (group.name or "").lower()}
        about = f"segments {words}"
        page = self._turned(about, pages.group_reader(found, "id"), pages.GROUP_BOUNDS, arguments)
        nodes = [_segment(found[name]) for _, name in page.keys]
        edges = [{"cursor": self._cursor(about, key), "node": node} for key, node in zip(page.keys, nodes, strict=True)]
        return {"edges": edges, "nodes": nodes, "pageInfo": self._page_info(about, page)}

    def _members(self, group: Group, arguments: dict[str, Any]) -> Any:
        about, email_of = f"members {group.group_id}", group.account.email_of
        page = self._turned(about, pages.member_reader(group), (FIRST, LAST), arguments)
        edges = [{"cursor": self._cursor(about, key), "node": _member(key[1], email_of(key[1]))} for key in page.keys]
        return {"edges": edges, "totalCount": len(group), "pageInfo": self._page_info(about, page)}

    def _sold(self, account: Account, scopes: frozenset[str], asked: Selection) -> Any:
        if asked.name != "customers" and "read_orders" not in scopes:
            raise _Wrong(_DENIED.format(asked.name), "ACCESS_DENIED")
        with self.lock:
            sold = self.sold[account.account_id]
            if asked.name == "order":
                return sold.order(asked)
            reader = sold.reader(asked.name, asked.arguments.get("query"))
            page = self._turned(asked.name, reader, selling.BOUNDS, asked.arguments)
            return {"nodes": sold.nodes(asked.name, page.keys), "pageInfo": self._page_info(asked.name, page)}

    def _hooked(self, account: Account, scopes: frozenset[str], asked: Selection) -> Any:
        kept = self.hooks[account.account_id]
        if asked.name == hooks.CREATE:
            return kept.create(asked.arguments, scopes)
        page = self._turned(hooks.LIST, kept.reader(), selling.BOUNDS, asked.arguments)
        return {"nodes": kept.nodes(page.keys), "pageInfo": self._page_info(hooks.LIST, page)}

    def _turned(self, about: str, reader: Reader, bounds: tuple[Any, Any], arguments: dict[str, Any]) -> Page:
        cursor = None
        if (after := arguments.get("after")) is not None:
            try:
                cursor = self.cursors.read(str(after), about)
            except BadCursor as error:
                raise _Wrong(f"Invalid cursor for current pagination sort: '{after}'", "BAD_REQUEST") from error
        return pages.turn(reader, bounds, int(arguments["first"]), descending=False, cursor=cursor)

    def _page_info(self, about: str, page: Page) -> dict[str, Any]:
        keys = page.keys
        return {
            "hasNextPage": page.following is not None,
            "hasPreviousPage": page.preceding is not None,
            "startCursor": self._cursor(about, keys[0]) if keys else None,
            "endCursor": self._cursor(about, keys[-1]) if keys else None,
        }

    def _cursor(self, about: str, key: Any) -> str:
        return self.cursors.make(about, backwards=False, key=key)


def _checked(asked: Selection) -> int:
    """What a field at the top costs; raises BadQuery for arguments that it does not take, or lacks."""
    if foreign := set(asked.arguments) - ARGUMENTS[asked.name]:
        raise BadQuery(f"Field '{asked.name}' doesn't accept argument '{min(foreign)}'")
    if asked.name == hooks.CREATE:
        hooks.check(asked.arguments)
        return 10
    if asked.name in {"segment", "customerSegmentMembers", "order"}:
        needed = "segmentId" if asked.name == "customerSegmentMembers" else "id"
        if not asked.arguments.get(needed):
            raise BadQuery(f"Field '{asked.name}' is missing required arguments: {needed}")
    if (most := MOST.get(asked.name)) is None:
        return 1
    first = asked.arguments.get("first")
    if not isinstance(first, int):
        raise BadQuery("you must provide one of first or last")
    if not 1 <= first <= most:
        raise BadQuery(f"{asked.name}: first must be between 1 and {most}")
    return 2 + first // 10


def _segment(group: Group) -> dict[str, Any]:
    return {
        "id": _SEGMENT_GID + group.group_id,
        "name": group.name,
        "query": "number_of_orders >= 1",
        "creationDate": group.created.isoformat(),
        "lastEditDate": group.updated.isoformat(),
    }


def _member(profile: str, email: str | None) -> dict[str, Any]:
    address = None if email is None else {"emailAddress": email, "marketingState": "SUBSCRIBED"}
    return {"id": _MEMBER_GID + profile, "displayName": email or "", "defaultEmailAddress": address}


def _json(status: int, told: Any) -> Reply:
    return Reply(status, json.dumps(told).encode(), content_type=JSON)


_THROTTLED = {
    "message": "Throttled",
    "extensions": {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"},
}
_DENIED = "Access denied for {} field. Required access: `read_customers` access scope."


def throttled(available: int = 0) -> Effect:
    """200, and the points do not suffice."""
    status = {"maximumAvailable": BUCKET, "currentlyAvailable": available, "restoreRate": RESTORED}
    cost = {"requestedQueryCost": 102, "actualQueryCost": None, "throttleStatus": status}
    return instead(lambda: _json(200, {"errors": [_THROTTLED], "extensions": {"cost": cost}}))


def denied(field: str = "customerSegmentMembers") -> Effect:
    """200, and the token may not."""
    told = {"message": _DENIED.format(field), "path": [field], "extensions": {"code": "ACCESS_DENIED"}}
    return instead(lambda: _json(200, {"errors": [told], "data": None}))
