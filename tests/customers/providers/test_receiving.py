"""Webhooks at our door: kept before they are answered, once whatever their headers say, and never unsigned."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from customers.models import Arrival, Customer, WayIn, WayInKind
from customers.providers import accounts
from customers.sandbox.bodies import recharge_customer, shopify_customer, shopify_order
from portal.models import Store, User
from tests.customers.providers.conftest import SHOP, Shop, at, connected
from tests.customers.providers.length_extension import extended

pytestmark = pytest.mark.django_db
CREATED = "customers/create"
ADA = shopify_customer(1, "ada@maple.example", at(0))


def kept(store: Store) -> int:
    return Arrival.objects.for_store(store).count()


def test_a_webhook_is_kept_before_it_is_answered(store: Store, shopify: Shop) -> None:
    answer = shopify.send(CREATED, ADA)
    assert (answer.status_code, answer.json()) == (200, {"status": "stored"})
    arrival = Arrival.objects.for_store(store).get()
    assert (arrival.topic, arrival.state, json.loads(arrival.body)) == (CREATED, "waiting", ADA)
    assert not answer.cookies
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.parametrize("kind", list(accounts.KINDS))
def test_what_is_not_signed_is_not_even_read(store: Store, owner: User, kind: WayInKind) -> None:
    shop = connected(store, owner, kind)
    topic = CREATED if kind == WayInKind.SHOPIFY else "customer/created"
    for headers in ({}, shop.headers(topic, b"x"), shop.headers(topic, b"{", secret="another")):
        assert shop.post(topic, b"{", headers).status_code == 401
    assert shop.post(topic, b"{", shop.headers(topic, b"{")).status_code == 400
    assert kept(store) == 0
    way_in = WayIn.objects.for_store(store).get()
    assert "was not signed" in way_in.last_error


def test_an_account_without_a_secret_takes_nothing(store: Store, owner: User) -> None:
    shop = connected(store, owner, WayInKind.SHOPIFY, secret="")
    assert shop.send(CREATED, ADA, secret="").status_code == 401
    assert shop.send(CREATED, ADA, secret="x").status_code == 401
    assert kept(store) == 0


def test_another_stores_secret_or_address_opens_nothing(
    store: Store, other_store: Store, owner: User, stranger: User, shopify: Shop
) -> None:
    other = connected(other_store, stranger, WayInKind.SHOPIFY, account="oak.myshopify.com", secret="shpss_of_oak")
    body = json.dumps(ADA).encode()
    theirs = shopify.headers(CREATED, body, secret="shpss_of_oak")
    assert shopify.post(CREATED, body, theirs).status_code == 401
    mine = shopify.headers(CREATED, body)
    assert other.post(CREATED, body, mine).status_code == 401
    assert shopify.post(CREATED, body, mine, address="cw_unknown").status_code == 401
    assert Client().post(f"/webhooks/recharge/{accounts.credentials_of(shopify.way_in).address}/x/y").status_code == 401
    assert kept(store) == kept(other_store) == 0


def test_a_revoked_account_takes_nothing(store: Store, owner: User, shopify: Shop) -> None:
    path = accounts.credentials_of(shopify.way_in).address
    accounts.keys.revoke(shopify.way_in, actor=owner)
    body = json.dumps(ADA).encode()
    assert shopify.post(CREATED, body, shopify.headers(CREATED, body), address=path).status_code == 401


def test_the_same_again_is_a_duplicate(store: Store, shopify: Shop) -> None:
    body = json.dumps(ADA).encode()
    headers = shopify.headers(CREATED, body)
    said = [shopify.post(CREATED, body, headers).json()["status"] for _ in range(5)]
    assert said == ["stored", *["duplicate"] * 4]
    assert kept(store) == 1


def test_headers_that_are_not_signed_make_nothing_new(store: Store, shopify: Shop) -> None:
    body = json.dumps(ADA).encode()
    headers = shopify.headers(CREATED, body)
    assert shopify.post(CREATED, body, headers).json() == {"status": "stored"}
    for changed in (
        {"X-Shopify-Webhook-Id": "another"},
        {"X-Shopify-Event-Id": "another"},
        {"X-Shopify-Topic": "customers/redact"},
        {"X-Shopify-API-Version": "2031-01"},
        {"X-Shopify-Triggered-At": timezone.now().isoformat()},
        {"X-Shopify-Shop-Domain": ""},
    ):
        assert shopify.post(CREATED, body, headers | changed).json() == {"status": "duplicate"}, changed
    assert shopify.post(CREATED, body, headers | {"X-Shopify-Shop-Domain": "oak.myshopify.com"}).status_code == 401
    assert kept(store) == 1
    assert Arrival.objects.for_store(store).get().topic == CREATED


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(0), 200),
        (timedelta(hours=4), 200),
        (timedelta(hours=48, minutes=1), 401),
        (timedelta(minutes=-4), 200),
        (timedelta(minutes=-6), 401),
    ],
)
@pytest.mark.parametrize("kind", list(accounts.KINDS))
def test_what_comes_too_late_is_refused(
    store: Store, owner: User, kind: WayInKind, age: timedelta, status: int
) -> None:
    shop = connected(store, owner, kind)
    topic, said = (
        (CREATED, ADA)
        if kind == WayInKind.SHOPIFY
        else ("customer/created", recharge_customer(1, "a@x.example", at(0)))
    )
    assert shop.send(topic, said, at=timezone.now() - age).status_code == status
    assert kept(store) == (status == 200)
    way_in = WayIn.objects.for_store(store).get()
    assert ("clock differ by" in way_in.last_error) is (status == 401), "staff cannot tell a wrong clock from a secret"


@pytest.mark.parametrize("said", ["yesterday", "", "99999-01-01", "2026-13-45T00:00:00Z"])
def test_a_time_that_is_none_is_refused(store: Store, shopify: Shop, said: str) -> None:
    body = json.dumps(ADA).encode()
    headers = shopify.headers(CREATED, body) | {"X-Shopify-Triggered-At": said}
    assert shopify.post(CREATED, body, headers).status_code == 401
    assert "cannot be read" in WayIn.objects.for_store(store).get().last_error


def test_a_former_secret_is_good_for_a_day(store: Store, owner: User, shopify: Shop, time_machine: Any) -> None:
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    accounts.change(shopify.way_in, actor=owner, secret="shpss_new")
    bodies = [shopify_customer(number, f"c{number}@maple.example", at(0)) for number in range(4)]
    assert shopify.send(CREATED, bodies[0], secret="shpss_new").status_code == 200
    assert shopify.send(CREATED, bodies[1]).status_code == 200
    time_machine.move_to(now + timedelta(hours=23, minutes=59), tick=False)
    assert shopify.send(CREATED, bodies[2]).status_code == 200
    time_machine.move_to(now + timedelta(hours=24, minutes=1), tick=False)
    assert shopify.send(CREATED, bodies[3]).status_code == 401
    assert shopify.send(CREATED, bodies[3], secret="shpss_new").status_code == 200


def test_a_former_address_is_good_for_a_day(store: Store, owner: User, shopify: Shop) -> None:
    before = accounts.credentials_of(shopify.way_in).address
    accounts.new_address(shopify.way_in, actor=owner)
    shopify.way_in.refresh_from_db()
    assert accounts.credentials_of(shopify.way_in).address != before
    body = json.dumps(ADA).encode()
    assert shopify.post(CREATED, body, shopify.headers(CREATED, body), address=before).status_code == 200
    assert shopify.post(CREATED, body, shopify.headers(CREATED, body)).json() == {"status": "duplicate"}


def test_a_body_that_was_prolonged_without_the_secret_is_refused(store: Store, recharge: Shop) -> None:
    body = recharge.body("customer/created", recharge_customer(1, "ada@maple.example", at(0)))
    headers = recharge.headers("customer/created", body, legacy=True)
    assert recharge.post("customer/created", body, headers).status_code == 200
    code = headers["X-Recharge-Hmac-Sha256"]
    longer, forged = extended(code, body, b',{"customer":{"id":2}}', len(recharge.secret))
    answer = recharge.post("customer/created", longer, {"X-Recharge-Hmac-Sha256": forged})
    assert answer.status_code == 400
    assert kept(store) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'"text"', b"{", b'{"id": NaN}', b'{"id": Infinity}', b'{"id": 1e400}', b'{"a":1,"a":2}',
        b'{"id": "\\ud800"}', b'{"id": "\\u0000"}', b'\xef\xbb\xbf{"id":1}', '{"id":1}'.encode("utf-16"),
        b'{"id":1,}', b"[" * 100_000, b'{"id":' + b"9" * 5_000 + b"}", b'{"id": "\xff"}',
    ],
)  # fmt: skip
def test_what_is_signed_and_is_no_json(store: Store, shopify: Shop, body: bytes) -> None:
    assert shopify.post(CREATED, body, shopify.headers(CREATED, body)).status_code == 400
    assert kept(store) == 0


def test_what_is_too_large(store: Store, shopify: Shop) -> None:
    body = json.dumps({**ADA, "note": "x" * 2_000_000}).encode()
    assert shopify.post(CREATED, body, shopify.headers(CREATED, body)).status_code == 413
    assert kept(store) == 0


def test_only_posting_and_only_known_providers(shopify: Shop) -> None:
    assert shopify.client.get(shopify.path(CREATED)).status_code == 405
    assert shopify.client.post("/webhooks/oak/abc/customers/create").status_code == 404


def test_while_the_database_is_away_it_is_asked_for_again(shopify: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("customers.providers.receiving.receive", away)
    answer = shopify.send(CREATED, ADA)
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")


def test_a_topic_of_nobody_is_kept_to_be_seen(store: Store, shopify: Shop) -> None:
    arrival = shopify.tell("products/create", {"id": 1})
    assert (arrival.state, arrival.reason) == ("ignored", "This topic is not used here.")
    assert arrival.body
    assert not Customer.objects.for_store(store).exists()


def test_the_same_order_under_two_topics_is_two_words(store: Store, shopify: Shop) -> None:
    said = shopify_order(9, ADA, at(0))
    assert shopify.send("orders/create", said).json() == {"status": "stored"}
    assert shopify.send("orders/paid", said).json() == {"status": "stored"}
    assert kept(store) == 2
    assert SHOP
