"""A store with accounts at Shopify and Recharge that send webhooks, and what the webhooks come to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.ingest.taking_in import take_in
from customers.models import Arrival, WayIn, WayInKind
from customers.providers import accounts
from customers.sandbox.signing import recharge_headers, shopify_headers
from portal.models import Store, User
from tests.customers.providers.length_extension import extended

SHOP = "maple.myshopify.com"
SECRETS = {WayInKind.SHOPIFY: "shpss_of_the_shop", WayInKind.RECHARGE: "secret_of_the_client"}
T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


class Shop:
    """An account at a provider: it signs and sends webhooks to the portal."""

    def __init__(self, way_in: WayIn) -> None:
        self.way_in, self.kind = way_in, WayInKind(way_in.kind)
        self.secret, self.number, self.client = SECRETS[self.kind], 0, Client()

    def path(self, topic: str, address: str = "") -> str:
        address = address or accounts.credentials_of(self.way_in).address
        return f"/webhooks/{self.kind.value}/{address}/{topic}"

    def body(self, topic: str, said: dict[str, Any]) -> bytes:
        wrapped = {topic.partition("/")[0]: said} if self.kind == WayInKind.RECHARGE else said
        return json.dumps(wrapped).encode()

    def headers(self, topic: str, body: bytes, **options: Any) -> dict[str, str]:
        self.number += 1
        secret, when = options.pop("secret", self.secret), options.pop("at", None) or timezone.now()
        if self.kind == WayInKind.RECHARGE:
            return recharge_headers(secret, body, at=when, **options)
        shop = options.pop("shop", SHOP)
        return shopify_headers(secret, body, topic=topic, shop=shop, number=self.number, at=when)

    def post(self, topic: str, body: bytes, headers: dict[str, str], address: str = "") -> Any:
        path = self.path(topic, address)
        return self.client.post(path, body, content_type="application/json", headers=headers)

    def send(self, topic: str, said: dict[str, Any], **options: Any) -> Any:
        body = self.body(topic, said)
        return self.post(topic, body, self.headers(topic, body, **options))

    def tell(self, topic: str, said: dict[str, Any]) -> Arrival:
        """Send it, and have it taken in; what became of it."""
        answer = self.send(topic, said)
        assert answer.status_code == 200, answer.content
        while take_in(self.way_in.store):
            pass
        return Arrival.objects.for_store(self.way_in.store).latest("pk")


def connected(store: Store, owner: User, kind: WayInKind, **fields: Any) -> Shop:
    given = {"account": SHOP if kind == WayInKind.SHOPIFY else "", "secret": SECRETS[kind]} | fields
    return Shop(accounts.connect(store, kind, kind.label, actor=owner, **given))


@pytest.fixture
def shopify(store: Store, owner: User) -> Shop:
    return connected(store, owner, WayInKind.SHOPIFY)


@pytest.fixture
def recharge(store: Store, owner: User) -> Shop:
    return connected(store, owner, WayInKind.RECHARGE)


__all__ = ["Shop", "at", "connected", "extended"]
