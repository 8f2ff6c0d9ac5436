"""The webhooks that a shop in Shopify's stand-in keeps: listing them and making one, strictly."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from segments.sandbox.graphql import BadQuery
from segments.sandbox.pages import AnyKey, Reader

LIST, CREATE = "webhookSubscriptions", "webhookSubscriptionCreate"
ARGUMENTS = {LIST: {"first", "after", "topics", "format"}, CREATE: {"topic", "webhookSubscription"}}
SCHEMA: dict[str, dict[str, str | None]] = {
    "Mutation": {CREATE: "WebhookSubscriptionCreatePayload"},
    "WebhookSubscriptionCreatePayload": {"webhookSubscription": "WebhookSubscription", "userErrors": "UserError"},
    "UserError": {"field": None, "message": None},
    "WebhookSubscriptionConnection": {"nodes": "WebhookSubscription", "pageInfo": "PageInfo"},
    "WebhookSubscription": dict.fromkeys(("id", "topic", "uri", "format", "createdAt", "updatedAt")),
}
_INPUT = {"uri", "format", "filter", "includeFields", "metafieldNamespaces", "name"}
_SCOPES = {"CUSTOMERS": "read_customers", "ORDERS": "read_orders"}
_TOPICS = {
    "CUSTOMERS": {"CREATE", "UPDATE", "DELETE", "ENABLE", "DISABLE"},
    "ORDERS": {"CREATE", "UPDATED", "PAID", "CANCELLED", "FULFILLED", "DELETE", "EDITED", "PARTIALLY_FULFILLED"},
}
"""What can be made by a call: the topics of privacy are not among it."""
_OF_THIS_MACHINE = {"127.0.0.1", "localhost", "testserver"}
NO_SUCH_TOPIC = "You cannot create a webhook subscription with the specified topic"
NOT_APPROVED = (
    "This app is not approved to subscribe to webhook topics containing protected customer data. "
    "See https://partners.shopify.example/customer_data for more details."
)


@dataclass
class Hooks:
    """One shop's. `approved`: whether its app may have what is known of customers."""

    rows: list[dict[str, str]] = field(default_factory=list)
    approved: bool = True
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1_300_000_000))

    def put(self, topic: str, uri: str, kind: str = "JSON") -> dict[str, str]:
        name = f"gid://shopify/WebhookSubscription/{next(self._numbers)}"
        self.rows.append({"id": name, "topic": topic, "uri": uri, "format": kind})
        return self.rows[-1]

    def drop(self, topic: str) -> None:
        """Have none for the topic any more, as after eight calls in vain."""
        self.rows = [row for row in self.rows if row["topic"] != topic]

    def create(self, arguments: Mapping[str, Any], scopes: frozenset[str]) -> dict[str, Any]:
        topic, given = arguments["topic"], arguments["webhookSubscription"]
        if wrong := self._wrong(topic, given["uri"], scopes):
            return {"webhookSubscription": None, "userErrors": [{"field": wrong[0], "message": wrong[1]}]}
        return {"webhookSubscription": self.put(topic, given["uri"], given.get("format", "JSON")), "userErrors": []}

    def _wrong(self, topic: str, uri: str, scopes: frozenset[str]) -> tuple[list[str], str] | None:
        if _SCOPES[topic.partition("_")[0]] not in scopes:
            return ["topic"], NO_SUCH_TOPIC
        if not self.approved:
            return ["webhookSubscription"], NOT_APPROVED
        address = urlsplit(uri)
        if address.scheme != "https" and address.hostname not in _OF_THIS_MACHINE:
            return ["webhookSubscription", "callbackUrl"], f"Address protocol {address.scheme}:// is not supported"
        if any((row["topic"], row["uri"]) == (topic, uri) for row in self.rows):
            return ["webhookSubscription", "callbackUrl"], "Address for this topic has already been taken"
        return None

    def reader(self) -> Reader:
        keys = [("", row["id"]) for row in self.rows]

        def read(lower: AnyKey, upper: AnyKey, size: int, backwards: bool) -> list[AnyKey]:
            between = keys[bisect_right(keys, lower) : bisect_left(keys, upper)]
            return between[::-1][:size] if backwards else between[:size]

        return read

    def nodes(self, keys: list[AnyKey]) -> list[dict[str, str]]:
        found = {row["id"]: row for row in self.rows}
        return [found[name] for _, name in keys]


def check(arguments: Mapping[str, Any]) -> None:
    """Hold the arguments of CREATE to their types; raises BadQuery."""
    topic, given = arguments.get("topic"), arguments.get("webhookSubscription")
    noun, _, verb = str(topic).partition("_")
    if verb not in _TOPICS.get(noun, ()):
        raise BadQuery("Variable $topic of type WebhookSubscriptionTopic! was provided invalid value")
    if not isinstance(given, dict) or set(given) - _INPUT or not isinstance(given.get("uri"), str):
        raise BadQuery("Variable $webhookSubscription of type WebhookSubscriptionInput! was provided invalid value")
    if given.get("format", "JSON") not in ("JSON", "XML"):
        raise BadQuery("Variable $webhookSubscription of type WebhookSubscriptionInput! was provided invalid value")
