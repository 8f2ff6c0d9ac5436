"""Shopify's Admin GraphQL interface: one question at a time, and what its answers and errors mean.

Facts: shopify.dev, Admin GraphQL 2026-10. What a question may cost is metered; one too many is answered with 200 and an
error of the code THROTTLED.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from portal.outbound import (
    CursorExpired,
    Garbled,
    Missing,
    Pace,
    Refused,
    Reply,
    Session,
    Throttled,
    Unreachable,
    raise_for,
    send,
)

VERSION = "2026-10"
PACE = Pace(per_second=4, per_minute=120)
CURSOR_MOST = 4_000
NOT_PROMISED = "Shopify's answer is not what its interface promises."
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com")


class ShopifyApi:
    """The interface of one shop, opened by an access token. `asked_for` and `scopes` are words for its errors."""

    def __init__(self, shop: str, token: str, *, asked_for: str, scopes: str) -> None:
        self._shop = shop.strip().lower().removeprefix("https://").rstrip("/")
        if not _DOMAIN.fullmatch(self._shop):
            raise Refused("This is not the address of a shop at Shopify. It ends with .myshopify.com.")
        self._headers = {"X-Shopify-Access-Token": token.strip(), "Accept": "application/json"}
        self._session = Session()
        self._asked_for, self._scopes = asked_for, scopes

    def close(self) -> None:
        self._session.close()

    def ask(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The data of the answer. Raises the errors of `portal.outbound`, CursorExpired among them."""
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
        return self._answer(reply, turns_pages=variables.get("after") is not None)

    def part(self, data: dict[str, Any], name: str) -> dict[str, Any]:
        """The part of the answer that was asked for. Raises Missing."""
        part = data.get(name)
        if not isinstance(part, dict):
            raise self._missing()
        return part

    def _answer(self, reply: Reply, *, turns_pages: bool) -> dict[str, Any]:
        body = reply.json()
        if not isinstance(body, dict):
            raise Garbled(NOT_PROMISED)
        if body.get("errors"):
            self._raise_first(body["errors"], turns_pages=turns_pages)
        data = body.get("data")
        if not isinstance(data, dict):
            raise Garbled(NOT_PROMISED)
        return data

    def _missing(self) -> Missing:
        return Missing(f"Shopify does not know {self._asked_for} any more.")

    def _raise_first(self, errors: Any, *, turns_pages: bool) -> None:
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        extensions = first.get("extensions")
        code = extensions.get("code") if isinstance(extensions, dict) else None
        message = str(first.get("message") or "").lower()
        if code == "THROTTLED":
            raise Throttled("Shopify asks us to slow down.", retry_after=None)
        if code == "ACCESS_DENIED":
            raise Refused(f"The access token lacks {self._scopes}.")
        if turns_pages and "cursor" in message:
            raise CursorExpired
        if code == "RESOURCE_NOT_FOUND" or "not found" in message or "does not exist" in message:
            raise self._missing()
        if code == "INTERNAL_SERVER_ERROR":
            raise Unreachable("Something went wrong at Shopify.")
        raise Garbled("Shopify did not understand what we asked for.")


def next_cursor(found: dict[str, Any]) -> str | None:
    """Where the next page begins; None after the last one. Raises Garbled where the answer does not say."""
    info = found.get("pageInfo")
    if not isinstance(info, dict) or not isinstance(info.get("hasNextPage"), bool):
        raise Garbled("Shopify's answer does not say whether there is more.")
    if not info["hasNextPage"]:
        return None
    cursor = info.get("endCursor")
    if not (isinstance(cursor, str) and 0 < len(cursor) <= CURSOR_MOST and cursor.isascii() and cursor.isprintable()):
        raise Garbled("Shopify's answer does not say where there is more.")
    return cursor
