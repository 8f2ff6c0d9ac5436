"""The webhooks that Shopify keeps for us: which there are, and having one more.

Facts: shopify.dev, Admin GraphQL 2026-10, webhookSubscriptions and webhookSubscriptionCreate. Only those are listed
that were made with the same app's token: the ones that somebody entered in the shop's own settings are not. The topics
of privacy cannot be made like this: they belong to the app's configuration.
"""

from __future__ import annotations

from typing import Any

from customers.providers.reading import parts, word
from customers.providers.shopify import CUSTOMER_DELETED, CUSTOMER_TOPICS, PRIVACY_TOPICS
from customers.providers.shopify_api import NOT_PROMISED, ShopifyApi, next_cursor
from portal.outbound import Garbled

WEBHOOKS = """query Webhooks($first: Int!, $after: String) {
  webhookSubscriptions(first: $first, after: $after) {
    nodes { id topic uri format } pageInfo { hasNextPage endCursor }
  }
}"""
CREATE = """mutation MakeWebhook($topic: WebhookSubscriptionTopic!, $webhookSubscription: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhookSubscription) {
    webhookSubscription { id } userErrors { field message }
  }
}"""
A_PAGE = 100
BY_HAND = PRIVACY_TOPICS
"""Topics that an app's configuration names, and no call can."""
NOT_APPROVED = (
    "The app is not approved for protected customer data. It is asked for at Shopify, in the app's API access."
)
NOT_REACHED = "Shopify does not call this address: it has to begin with https:// and be open to the world."
NOT_JSON = "Shopify sends it here in another format than JSON. Delete it there, and it is made anew."
NO_SCOPE = "The access token lacks the scope {}."
TAKEN = "already been taken"
_MESSAGE_MOST = 160


def name_of(topic: str) -> str:
    """The topic's name in GraphQL."""
    return topic.upper().replace("/", "_")


def scope_of(topic: str) -> str:
    """What a token must be allowed so that a webhook of the topic can be made."""
    return "read_customers" if topic in (*CUSTOMER_TOPICS, CUSTOMER_DELETED) else "read_orders"


def page(api: ShopifyApi, cursor: str | None) -> tuple[list[tuple[str, str]], str | None]:
    """A page of the webhooks that are sent as JSON, each with its topic's name and address, and where the next begins.
    Raises the errors of `portal.outbound`."""
    found = api.part(api.ask(WEBHOOKS, {"first": A_PAGE, "after": cursor}), "webhookSubscriptions")
    if not isinstance(found.get("nodes"), list):
        raise Garbled(NOT_PROMISED)
    kept = [node for node in parts(found, "nodes") if word(node, "format") == "JSON"]
    return [(word(node, "topic"), word(node, "uri")) for node in kept], next_cursor(found)


def add(api: ShopifyApi, topic: str, address: str) -> str:
    """Have the topic sent to the address; '' when it will be, or why it will not. Raises the errors of
    `portal.outbound`."""
    given = {"uri": address, "format": "JSON"}
    answer = api.ask(CREATE, {"topic": name_of(topic), "webhookSubscription": given})
    made: dict[str, Any] = api.part(answer, "webhookSubscriptionCreate")
    errors = parts(made, "userErrors")
    if not errors:
        if not isinstance(made.get("webhookSubscription"), dict):
            raise Garbled(NOT_PROMISED)
        return ""
    return _why(topic, word(errors[0], "message"))


def _why(topic: str, message: str) -> str:
    said = message.lower()
    if TAKEN in said:
        return NOT_JSON
    if "protected customer data" in said:
        return NOT_APPROVED
    if "specified topic" in said or "permission" in said or "access scope" in said:
        return NO_SCOPE.format(scope_of(topic))
    if "address" in said or "uri" in said or "url" in said:
        return NOT_REACHED
    kept = "".join(char for char in message if char.isprintable())[:_MESSAGE_MOST]
    return f"Shopify says: “{kept}”" if kept else "Shopify refused it, and did not say why."
