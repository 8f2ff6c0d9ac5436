"""The stand-in for Shopify: its queries, held to a schema; who may ask; what it costs; people who come and go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from segments.sandbox.people import SHOPIFY_SEGMENTS, furnish_shopify
from segments.sandbox.shopify import PATH, ShopifySandbox

MEMBERS = """query Members($id: ID!, $first: Int!, $after: String) {
  customerSegmentMembers(segmentId: $id, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node { id defaultEmailAddress { emailAddress } } }
  }
}"""
SEGMENTS = """query Segments($first: Int!, $after: String, $query: String) {
  segments(first: $first, after: $after, query: $query) {
    edges { node { id name } } pageInfo { hasNextPage endCursor }
  }
}"""
MAKE = """mutation Make($topic: WebhookSubscriptionTopic!, $with: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $with) {
    webhookSubscription { id topic uri format } userErrors { field message }
  }
}"""
HERE = "https://coterie.example/webhooks/1"
LARGE = {"id": "gid://shopify/Segment/41", "first": 1000}


class Client:
    def __init__(self, shopify: ShopifySandbox) -> None:
        self.shopify = shopify
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(self, query: str, variables: dict[str, Any] | None = None, token: str = "shpat_test") -> Any:
        """The reply; a token of '' sends none."""
        return self.session.post(
            self.shopify.url + PATH,
            json={"query": query, "variables": variables or {}},
            headers={"X-Shopify-Access-Token": token} if token else {},
            timeout=5,
        )

    def data(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        told = self.ask(query, variables).json()
        assert "errors" not in told, told
        return told["data"]

    def refused(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        reply = self.ask(query, variables)
        assert reply.status_code == 200
        [error] = reply.json()["errors"]
        return error

    def walk(self, query: str, name: str, variables: dict[str, Any]) -> list[Any]:
        """The nodes of all pages."""
        found, after = [], None
        while True:
            part = self.data(query, {**variables, "after": after})[name]
            found += [edge["node"] for edge in part["edges"]]
            if not part["pageInfo"]["hasNextPage"]:
                return found
            after = part["pageInfo"]["endCursor"]


@pytest.fixture
def shopify() -> Iterator[ShopifySandbox]:
    with ShopifySandbox() as sandbox:
        sandbox.account(name="Maple Coffee", domain="maple.myshopify.com")
        sandbox.segment("41", "Everybody", 2_500)
        sandbox.segment("42", "Email subscribers", [("7001", "ann@x.example"), ("7002", None)])
        for number in range(5):
            sandbox.segment(str(50 + number), f"Segment {number}")
        yield sandbox


@pytest.fixture
def client(shopify: ShopifySandbox) -> Iterator[Client]:
    one = Client(shopify)
    yield one
    one.session.close()


def test_what_is_asked_is_what_is_answered(client: Client) -> None:
    assert client.data("{ shop { name myshopifyDomain } }") == {
        "shop": {"name": "Maple Coffee", "myshopifyDomain": "maple.myshopify.com"}
    }
    one = client.data("query One($id: ID!) { segment(id: $id) { name } }", {"id": "gid://shopify/Segment/42"})
    assert one == {"segment": {"name": "Email subscribers"}}
    assert client.data('{ segment(id: "gid://shopify/Segment/999") { name } }') == {"segment": None}
    found = client.data(MEMBERS, {"id": "gid://shopify/Segment/42", "first": 10})["customerSegmentMembers"]
    assert found["totalCount"] == 2
    assert [edge["node"] for edge in found["edges"]] == [
        {
            "id": "gid://shopify/CustomerSegmentMember/7001",
            "defaultEmailAddress": {"emailAddress": "ann@x.example"},
        },
        {"id": "gid://shopify/CustomerSegmentMember/7002", "defaultEmailAddress": None},
    ]


def test_pages_lead_to_the_end(client: Client) -> None:
    nodes = client.walk(MEMBERS, "customerSegmentMembers", LARGE)
    emails = [node["defaultEmailAddress"]["emailAddress"] for node in nodes]
    assert emails == [f"customer{number}@town.example" for number in range(2_500)]
    assert len({node["id"] for node in nodes}) == 2_500
    assert len(client.walk(SEGMENTS, "segments", {"first": 3})) == 7
    found = client.walk(SEGMENTS, "segments", {"first": 250, "query": "name:*email*"})
    assert [node["name"] for node in found] == ["Email subscribers"]


def test_people_who_come_and_go_between_pages(client: Client, shopify: ShopifySandbox) -> None:
    group = shopify.group("41")
    first = client.data(MEMBERS, LARGE)["customerSegmentMembers"]
    group.leave("customer3@town.example", "customer1500@town.example")
    group.join("new@x.example")
    rest = client.walk(MEMBERS, "customerSegmentMembers", LARGE)
    assert len(rest) == len(group) == 2_499
    second = client.data(MEMBERS, {**LARGE, "after": first["pageInfo"]["endCursor"]})["customerSegmentMembers"]
    assert second["edges"][0]["node"]["defaultEmailAddress"]["emailAddress"] == "customer1000@town.example"


@pytest.mark.parametrize(
    ("query", "variables", "said"),
    [
        ("{ products(first: 1) { edges { node { id } } } }", {}, "doesn't exist on type 'QueryRoot'"),
        ("{ shop { name plan } }", {}, "doesn't exist on type 'Shop'"),
        ("{ shop }", {}, "must have selections"),
        ("{ shop { name { first } } }", {}, "can't be made on scalars"),
        ("{ segments { edges { node { id } } } }", {}, "first or last"),
        ("{ segments(first: 251) { edges { node { id } } } }", {}, "between 1 and 250"),
        (MEMBERS, {**LARGE, "first": 1001}, "between 1 and 1000"),
        (MEMBERS, {"first": 10}, "Variable $id"),
        (MEMBERS, {**LARGE, "reverse": True}, "does not declare"),
        ("query Q { segment(id: $id) { name } }", {}, "not declared"),
        ("{ segment { name } }", {}, "missing required arguments"),
        ('{ segment(name: "x") { name } }', {}, "doesn't accept argument"),
        ("mutation { segmentDelete }", {}, "doesn't exist on type 'Mutation'"),
        ("mutation { shop { name } }", {}, "doesn't exist on type 'Mutation'"),
        (MAKE, {"topic": "CUSTOMERS_REDACT", "with": {"uri": HERE}}, "WebhookSubscriptionTopic"),
        (MAKE, {"topic": "orders/create", "with": {"uri": HERE}}, "WebhookSubscriptionTopic"),
        (MAKE, {"topic": "ORDERS_CREATE", "with": {"callbackUrl": HERE}}, "WebhookSubscriptionInput"),
        (MAKE, {"topic": "ORDERS_CREATE", "with": {"uri": HERE, "format": "json"}}, "WebhookSubscriptionInput"),
        (MAKE, {"topic": "ORDERS_CREATE"}, "Variable $with"),
        ("{ webhookSubscriptions { nodes { id } } }", {}, "first or last"),
        ("{ webhookSubscriptions(first: 1) { nodes { callbackUrl } } }", {}, "doesn't exist on type"),
        ("{ shop { name } } { shop { name } }", {}, "nothing after it"),
        ("{ shop { name ", {}, "Expected a field"),
        ("{ ...all }", {}, "Unexpected"),
        ("", {}, "Expected"),
        (MEMBERS, {**LARGE, "after": "nonsense"}, "Invalid cursor"),
        (MEMBERS, {**LARGE, "id": "gid://shopify/Segment/999"}, "does not exist"),
        (MEMBERS, {**LARGE, "id": "41"}, "Invalid global id"),
    ],
)
def test_other_queries_are_refused(client: Client, query: str, variables: dict[str, Any], said: str) -> None:
    assert said in client.refused(query, variables)["message"]


def test_who_may_ask(client: Client, shopify: ShopifySandbox) -> None:
    assert [client.ask("{ shop { name } }", token=token).status_code for token in ("", "shpat_other")] == [401, 401]
    shopify.add_key(shopify.accounts[0], "shpat_test", frozenset())
    assert client.data("{ shop { name } }")
    assert client.refused(MEMBERS, LARGE)["extensions"]["code"] == "ACCESS_DENIED"
    shopify.revoke("shpat_test")
    assert client.ask("{ shop { name } }").status_code == 401


def test_other_addresses_and_forms(client: Client, shopify: ShopifySandbox) -> None:
    headers = {"X-Shopify-Access-Token": "shpat_test"}
    for method, path, body, status in (
        ("POST", "/admin/api/2020-01/graphql.json", {"query": "{ shop { name } }"}, 404),
        ("GET", PATH, None, 406),
        ("POST", PATH, {"nothing": 1}, 400),
        ("POST", PATH, ["query"], 400),
    ):
        reply = client.session.request(method, shopify.url + path, json=body, headers=headers, timeout=5)
        assert reply.status_code == status


def test_queries_cost_points(client: Client, shopify: ShopifySandbox) -> None:
    status = client.ask(MEMBERS, LARGE).json()["extensions"]["cost"]
    assert status["requestedQueryCost"] == 102
    assert status["throttleStatus"] == {"maximumAvailable": 2000, "currentlyAvailable": 1898, "restoreRate": 100}
    for _ in range(30):
        told = client.ask(MEMBERS, LARGE).json()
        if "errors" in told:
            break
    assert told["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "data" not in told
    shopify.limits.on = False
    assert client.data(MEMBERS, LARGE)


def test_faults(client: Client, shopify: ShopifySandbox) -> None:
    shopify.faults.add("throttled", times=1)
    assert client.refused(MEMBERS, LARGE)["extensions"]["code"] == "THROTTLED"
    shopify.faults.add("denied", times=1)
    assert client.refused(MEMBERS, LARGE)["extensions"]["code"] == "ACCESS_DENIED"
    shopify.faults.add("throttle", retry_after=2, times=1)
    assert client.ask(MEMBERS, LARGE).status_code == 429
    assert client.data(MEMBERS, LARGE)
    assert [seen.early for seen in shopify.requests] == [False, False, False, True]


def test_the_shop_of_the_demo() -> None:
    with ShopifySandbox() as shopify:
        account = furnish_shopify(shopify)
        assert len(account.groups) == len(SHOPIFY_SEGMENTS)
        sizes = {group.name: len(group) for group in account.groups.values()}
        assert sizes["Nobody yet"] == 0
        assert sizes["Customers who have purchased more than once"] > 3_000


def test_webhooks_are_kept_once_each_and_for_those_who_may(shopify: ShopifySandbox, client: Client) -> None:
    listed = "{ webhookSubscriptions(first: 10) { nodes { topic uri format } pageInfo { hasNextPage } } }"
    asked = {"topic": "CUSTOMERS_UPDATE", "with": {"uri": HERE, "format": "JSON"}}
    made = client.data(MAKE, asked)["webhookSubscriptionCreate"]
    assert (made["webhookSubscription"]["topic"], made["userErrors"]) == ("CUSTOMERS_UPDATE", [])
    kept = [{"topic": "CUSTOMERS_UPDATE", "uri": HERE, "format": "JSON"}]
    assert client.data(listed)["webhookSubscriptions"]["nodes"] == kept
    for change, said in (
        ({}, "already been taken"),
        ({"topic": "ORDERS_CREATE"}, "specified topic"),
        ({"with": {"uri": "http://coterie.example/"}}, "http:// is not supported"),
    ):
        refused = client.data(MAKE, asked | change)["webhookSubscriptionCreate"]
        assert refused["webhookSubscription"] is None
        assert said in refused["userErrors"][0]["message"]
    assert client.data(listed)["webhookSubscriptions"]["nodes"] == kept
