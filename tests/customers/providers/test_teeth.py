"""Twins of what is kept: with the care taken away, the tests above would see it."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from django.db import transaction

from customers.commerce import settling, writing
from customers.models import Arrival, Customer, PersonTold
from customers.providers import receiving, signing
from customers.sandbox.bodies import shopify_customer
from portal.models import Store
from tests.conftest import make_customer
from tests.customers.commerce.saying import Reference, expected, order, written
from tests.customers.providers.conftest import Shop, at

pytestmark = [pytest.mark.django_db, pytest.mark.teeth]
ADA = shopify_customer(1, "ada@maple.example", at(0))


@pytest.mark.xfail(strict=True, reason="known by headers alone, a replay with another id is new")
def test_headers_alone_must_not_tell_a_webhook(store: Store, shopify: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps(ADA).encode()
    headers = shopify.headers("customers/create", body)
    for number in ("1", "2"):
        monkeypatch.setattr(receiving, "dedupe_key", lambda *_, number=number: number)
        shopify.post("customers/create", body, headers | {"X-Shopify-Webhook-Id": number})
    assert Arrival.objects.for_store(store).count() == 1


@pytest.mark.xfail(strict=True, reason="the last word to come holds, however old it is")
def test_the_time_of_a_word_must_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_outcome", lambda *_: writing.Outcome.UPDATED)
    buyer, reference = make_customer(store, "ada@maple.example"), Reference()
    words = [order(buyer, minutes=5, number="new"), order(buyer, minutes=1, number="old")]
    with transaction.atomic():
        for word in words:
            writing.write_orders(store, "shopify", [word])
    reference.hear(words)
    assert written(store) == expected(reference)


@pytest.mark.xfail(strict=True, reason="a secret that is empty signs whatever comes")
def test_an_empty_secret_must_sign_nothing() -> None:
    body = b"{}"
    said = {signing.RECHARGE_LEGACY: hashlib.sha256(body).hexdigest()}

    def careless(secrets: list[str], body: bytes, headers: dict[str, str]) -> bool:
        codes = [hashlib.sha256(secret.encode() + body).hexdigest() for secret in secrets]
        return any(hmac.compare_digest(code, headers[signing.RECHARGE_LEGACY]) for code in codes)

    assert not signing.is_of_recharge([""], body, said, now=0)
    assert not careless([""], body, said)


@pytest.mark.xfail(strict=True, reason="without the times of people an older word takes the newer back")
def test_the_time_of_a_person_must_count(store: Store, shopify: Shop) -> None:
    shopify.tell("customers/update", shopify_customer(1, "ada@maple.example", at(9), last_name="New"))
    PersonTold.objects.for_store(store).delete()
    shopify.tell("customers/update", shopify_customer(1, "ada@maple.example", at(1), last_name="Old"))
    assert Customer.objects.for_store(store).get().last_name == "New"
