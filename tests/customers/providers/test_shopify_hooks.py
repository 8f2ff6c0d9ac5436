"""The webhooks that Shopify keeps for us: seen to each night, made where they are missing, and what staff see."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from customers.ingest.taking_in import take_in
from customers.models import Order, WayIn, WayInKind
from customers.providers import accounts, checking, history, shopify_hooks
from customers.providers.shopify import PRIVACY_TOPICS, TOPICS
from customers.sandbox.bodies import shopify_customer, shopify_order
from customers.sandbox.signing import shopify_headers
from portal import turns
from portal.models import Job, Store, User
from portal.models.job import JobState
from segments.sandbox.hooks import Hooks
from segments.sandbox.shopify import ShopifySandbox
from tests.customers.providers.conftest import SECRETS, SHOP, at
from tests.customers.providers.test_history import due_again, finish, read
from tests.customers.providers.test_shopify_history import TOKEN, shopify, way_in
from tests.customers.twins import Twin, twins

__all__ = ["shopify", "way_in"]
pytestmark = pytest.mark.django_db
OURS = [topic for topic in TOPICS if topic not in PRIVACY_TOPICS]
PAGES = "/s/maple/customers/data-sources/"


@pytest.fixture
def look(owner: User, client_of: Callable[..., Client], way_in: WayIn) -> Callable[[], str]:
    client = client_of(owner)

    def seen() -> str:
        return client.get(f"{PAGES}{way_in.pk}/").content.decode()

    return seen


@pytest.fixture
def hooks(shopify: ShopifySandbox) -> Hooks:
    return shopify.hooks[SHOP]


def kept(hooks: Hooks) -> list[tuple[str, str]]:
    return sorted((row["topic"], row["uri"]) for row in hooks.rows)


def wanted(way_in: WayIn) -> list[tuple[str, str]]:
    return sorted(
        (shopify_hooks.name_of(topic), address)
        for topic, address in accounts.webhook_addresses(way_in)
        if topic in OURS
    )


def test_all_of_them_are_made_after_connecting(way_in: WayIn, hooks: Hooks, look: Callable[[], str]) -> None:
    assert "Not checked yet" in look()
    job = read(way_in)
    assert kept(hooks) == wanted(way_in)
    assert {row["format"] for row in hooks.rows} == {"JSON"}
    assert sorted(job.result["webhooks"]["made"]) == sorted(OURS)
    said = look()
    assert said.count("Made at the last check") == len(OURS)
    assert f"{len(OURS)} of {len(OURS)}" in said
    assert "No token can make or see those of customers/data_request, customers/redact, shop/redact" in said
    assert said.count("In the app’s configuration</span>") == len(PRIVACY_TOPICS)
    assert "Not checked yet" not in said
    assert "no longer, and they were made again" not in said


def test_one_that_was_taken_away_is_made_again_at_night_and_told(
    way_in: WayIn, hooks: Hooks, look: Callable[[], str]
) -> None:
    read(way_in)
    hooks.drop("ORDERS_PAID")
    due_again(way_in)
    job = read(way_in)
    assert job.result["webhooks"]["made"] == ["orders/paid"]
    assert kept(hooks) == wanted(way_in)
    said = look()
    assert "Shopify had these webhooks no longer, and they were made again: orders/paid." in said
    due_again(way_in)
    job = read(way_in)
    assert (job.result["webhooks"]["made"], len(job.result["webhooks"]["there"])) == ([], len(OURS))
    said = look()
    assert "they were made again" not in said
    assert "<dd>orders/paid · " in said  # what was mended last stays to be seen


def test_one_in_another_format_is_not_counted_as_there(way_in: WayIn, hooks: Hooks, look: Callable[[], str]) -> None:
    hooks.put("ORDERS_PAID", dict(accounts.webhook_addresses(way_in))["orders/paid"], "XML")
    assert read(way_in).result["webhooks"]["refused"] == {"orders/paid": shopify_hooks.NOT_JSON}
    assert f"Shopify does not send orders/paid. {shopify_hooks.NOT_JSON}" in look()


def test_one_at_another_address_or_of_another_topic_is_none(way_in: WayIn, hooks: Hooks) -> None:
    hooks.put("ORDERS_CREATE", "https://elsewhere.example/orders/create")
    hooks.put("ORDERS_PAID", dict(accounts.webhook_addresses(way_in))["orders/updated"])
    job = read(way_in)
    assert set(wanted(way_in)) <= set(kept(hooks))
    assert sorted(job.result["webhooks"]["made"]) == sorted(OURS)


def test_all_pages_are_looked_at(way_in: WayIn, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shopify_hooks, "A_PAGE", 2)
    for topic, address in wanted(way_in):
        hooks.put(topic, address)
    job = read(way_in)
    assert (job.result["webhooks"]["made"], job.result["webhooks"]["there"]) == ([], OURS)
    assert kept(hooks) == wanted(way_in)


def test_new_addresses_are_told_to_shopify(
    store: Store, owner: User, way_in: WayIn, hooks: Hooks, look: Callable[[], str]
) -> None:
    read(way_in)
    accounts.new_address(way_in, actor=owner)
    way_in.refresh_from_db()
    assert "Not checked yet" in look()
    read(way_in)
    assert set(wanted(way_in)) <= set(kept(hooks))
    assert len(hooks.rows) == 2 * len(OURS)


def test_a_scope_that_is_missing_is_named(way_in: WayIn, shopify: ShopifySandbox, look: Callable[[], str]) -> None:
    shopify.add_key(shopify.accounts[0], TOKEN, frozenset({"read_customers"}))
    job = history_of(way_in, only_webhooks=True)
    assert job.state == JobState.SUCCEEDED
    assert set(job.result["webhooks"]["refused"]) == {topic for topic in OURS if topic.startswith("orders/")}
    said = look()
    assert (
        "Shopify does not send orders/create, orders/updated, orders/paid, orders/cancelled. "
        "The access token lacks the scope read_orders." in said
    )


def test_an_app_that_may_not_have_what_is_known_of_customers(
    store: Store, way_in: WayIn, hooks: Hooks, look: Callable[[], str]
) -> None:
    hooks.approved = False
    job = read(way_in)
    assert job.state == JobState.SUCCEEDED
    assert way_in.reconciled_to is not None  # what was read stands
    assert "not approved for protected customer data" in look()


def test_an_address_that_shopify_does_not_call(
    store: Store, way_in: WayIn, hooks: Hooks, settings: Any, look: Callable[[], str]
) -> None:
    settings.PUBLIC_URL = "http://coterie.internal.example"
    read(way_in)
    assert hooks.rows == []
    assert "it has to begin with https://" in look()


def test_none_is_made_that_would_be_turned_away(
    store: Store, owner: User, shopify: ShopifySandbox, hooks: Hooks, client_of: Callable[..., Client]
) -> None:
    given: dict[str, Any] = {"account": SHOP, "token": TOKEN, "reads_history": True}
    way_in = accounts.connect(store, WayInKind.SHOPIFY, "Shopify", actor=owner, **given)
    job = read(way_in)
    assert hooks.rows == []
    assert set(job.result["webhooks"]["refused"].values()) == {checking.NO_SECRET}
    assert checking.NO_SECRET in client_of(owner).get(f"{PAGES}{way_in.pk}/").content.decode()


def test_an_account_whose_history_is_not_read_is_checked_too(
    store: Store, owner: User, shopify: ShopifySandbox, hooks: Hooks, client_of: Callable[..., Client]
) -> None:
    given = {"label": "Web shop", "account": SHOP, "secret": SECRETS[WayInKind.SHOPIFY], "token": TOKEN}
    client_of(owner).post(f"{PAGES}connect/shopify/", given)
    way_in = WayIn.objects.for_store(store).get()
    way_in.store = store
    job = finish(way_in)
    assert (job.label, job.state) == ("Check webhooks of Shopify", JobState.SUCCEEDED)
    assert kept(hooks) == wanted(way_in)
    assert (job.result.get("read"), way_in.reconciled_to, way_in.history_read_at) == (None, None, None)
    assert way_in.next_reconcile_at is not None
    assert way_in.next_reconcile_at > timezone.now()
    hooks.drop("ORDERS_PAID")
    due_again(way_in)
    assert read(way_in).result["webhooks"]["made"] == ["orders/paid"]


def test_trouble_with_webhooks_alone_ends_no_reading(
    store: Store, way_in: WayIn, shopify: ShopifySandbox, monkeypatch: pytest.MonkeyPatch, look: Callable[[], str]
) -> None:
    monkeypatch.setattr(turns, "backoff", lambda *_: 0.0)
    monkeypatch.setattr(history, "backoff", lambda *_: 0.0)
    monkeypatch.setattr(history, "PATIENCE", timedelta(0))
    monkeypatch.setattr(shopify_hooks, "WEBHOOKS", "query { webhooks { id } }")
    job = read(way_in)
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    assert way_in.reconciled_to is not None
    assert "The webhooks of Shopify could not be looked at." in look()


def test_a_webhook_that_shopify_was_given_comes_in(store: Store, way_in: WayIn, hooks: Hooks) -> None:
    """Its address as Shopify has it is one at which the portal listens."""
    read(way_in)
    (row,) = [row for row in hooks.rows if row["topic"] == "ORDERS_CREATE"]
    body = json.dumps(shopify_order(77, shopify_customer(70, "new@maple.example", at(5)), at(6))).encode()
    secret = SECRETS[WayInKind.SHOPIFY]
    headers = shopify_headers(secret, body, topic="orders/create", shop=SHOP, number=1, at=timezone.now())
    path = row["uri"].removeprefix("http://testserver")
    assert Client().post(path, body, content_type="application/json", headers=headers).status_code == 200
    take_in(store)
    assert Order.objects.for_store(store).filter(external_id="77").exists()


def history_of(way_in: WayIn, *, only_webhooks: bool = False) -> Job:
    with transaction.atomic():
        job = history.begin(way_in, actor=None, only_webhooks=only_webhooks)
    assert job is not None
    return finish(way_in)


@twins(
    looking_every_night=Twin(
        test_one_that_was_taken_away_is_made_again_at_night_and_told,
        lambda patch: patch.setattr(checking, "look", lambda *_: checking.Seen()),
    ),
    all_pages=Twin(
        test_all_pages_are_looked_at,
        lambda patch: patch.setattr(checking, "PAGES_MOST", 1),
    ),
    the_address=Twin(
        test_one_at_another_address_or_of_another_topic_is_none,
        lambda patch: patch.setattr(
            checking, "webhook_addresses", lambda _: [("orders/create", "https://elsewhere.example/orders/create")]
        ),
    ),
)
def test_teeth(twin: Twin, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    twin.told(request, monkeypatch)
