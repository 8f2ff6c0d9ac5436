"""Twins of what is kept: with the care taken away, the tests beside this file would see it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction

from customers.commerce import settling, writing
from customers.ingest import accounting
from customers.ingest.inbox import Received
from customers.models import Arrival, Customer, PersonTold, WayIn, WayInKind
from customers.providers import accounts, receiving, signing
from customers.providers import shopify as topics
from customers.sandbox.bodies import shopify_customer
from customers.views import webhooks
from portal import strict_json
from portal.models import Store
from tests.conftest import make_customer
from tests.customers.commerce.saying import Reference, expected, order, written
from tests.customers.providers import test_privacy_topics, test_receiving, test_signing
from tests.customers.providers.conftest import Shop, at
from tests.customers.twins import Patch, Twin, twins

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


# --- The tests themselves, with a protection taken away


def any_signature(patch: Patch) -> None:
    patch.setattr(signing, "_any_is", lambda *_: True)


def any_spelling(patch: Patch) -> None:
    real = signing.is_of_shopify

    def lenient(secrets: Any, body: bytes, headers: Any) -> bool:
        said = headers.get(signing.SHOPIFY_HEADER, "")
        right = [base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode() for secret in secrets]
        return real(secrets, body, headers) or base64.b64decode(said) in map(base64.b64decode, right)

    patch.setattr(signing, "is_of_shopify", lenient)


def any_time(patch: Patch) -> None:
    patch.setattr(signing, "is_timely", lambda *_, **__: True)


def read_before_it_is_proven(patch: Patch) -> None:
    real = receiving._refuse_unless_genuine

    def late(way_in: WayIn, body: bytes, *rest: Any) -> None:
        try:
            strict_json.read(body)
        except strict_json.NotStrict as error:
            raise receiving.Garbage(str(error)) from error
        real(way_in, body, *rest)

    patch.setattr(receiving, "_refuse_unless_genuine", late)


def any_shop(patch: Patch) -> None:
    patch.setattr(receiving, "_refuse_other_shop", lambda *_: None)


def nothing_is_known_again(patch: Patch) -> None:
    patch.setattr(receiving, "dedupe_key", lambda *_: None)


def known_by_unsigned_headers(patch: Patch) -> None:
    real = receiving.take

    def take(way_in: WayIn, topic: str, body: bytes, headers: Any) -> Any:
        patch.setattr(receiving, "dedupe_key", lambda *_: headers.get("X-Shopify-Webhook-Id"))
        return real(way_in, topic, body, headers)

    patch.setattr(webhooks, "take", take)


def topic_by_header(patch: Patch) -> None:
    real = receiving.take
    patch.setattr(
        webhooks,
        "take",
        lambda way_in, topic, body, headers: real(way_in, headers.get("X-Shopify-Topic", topic), body, headers),
    )


def former_secrets_for_ever(patch: Patch) -> None:
    real = accounts.secrets_of
    patch.setattr(receiving, "secrets_of", lambda way_in, now: real(way_in, now - timedelta(days=1)))


def former_secrets_at_once_void(patch: Patch) -> None:
    real = accounts.secrets_of
    patch.setattr(receiving, "secrets_of", lambda way_in, now: real(way_in, now)[:1])


def lenient_json(patch: Patch) -> None:
    def read(data: bytes) -> Any:
        said, _ = json.JSONDecoder().raw_decode(data.decode("utf-8", "replace"))
        return said

    patch.setattr(strict_json, "read", read)


def revoked_is_as_before(patch: Patch) -> None:
    def revoke(way_in: WayIn, **_: Any) -> None:
        return None

    patch.setattr(accounts.keys, "revoke", revoke)


def answered_before_it_is_kept(patch: Patch) -> None:
    patch.setattr(receiving, "receive", lambda *_, **__: Received.STORED)


def faults_lose_it(patch: Patch) -> None:
    patch.setattr(webhooks, "_at_fault", lambda *_: webhooks._said(200, "ok"))


def the_useless_is_done(patch: Patch) -> None:
    def put_aside(way_in: WayIn, arrival: Arrival, _: Any) -> None:
        Arrival.objects.for_store(way_in.store).filter(pk=arrival.pk).update(state="done", body="")

    patch.setattr(accounting, "_put_aside", put_aside)


def any_body_erases(patch: Patch) -> None:
    patch.setattr(topics, "asks_for_privacy", lambda *_: True)


_twice = test_receiving.test_headers_that_are_not_signed_make_nothing_new
_late = test_receiving.test_what_comes_too_late_is_refused
KIND, RECHARGE = {"kind": WayInKind.SHOPIFY}, {"kind": WayInKind.RECHARGE}
OLD, NEW = {"age": timedelta(hours=48, minutes=1), "status": 401}, {"age": timedelta(minutes=-6), "status": 401}


@twins(
    signature=Twin(test_receiving.test_what_is_not_signed_is_not_even_read, any_signature, KIND),
    signature_of_recharge=Twin(test_receiving.test_what_is_not_signed_is_not_even_read, any_signature, RECHARGE),
    secret_of_the_store=Twin(test_receiving.test_another_stores_secret_or_address_opens_nothing, any_signature),
    one_spelling=Twin(test_signing.test_other_spellings_of_the_same_base64_are_refused, any_spelling),
    proven_before_it_is_read=Twin(
        test_receiving.test_what_is_not_signed_is_not_even_read, read_before_it_is_proven, KIND
    ),
    staleness=Twin(_late, any_time, KIND | OLD),
    staleness_of_recharge=Twin(_late, any_time, RECHARGE | OLD),
    times_ahead=Twin(_late, any_time, RECHARGE | NEW),
    replays=Twin(test_receiving.test_the_same_again_is_a_duplicate, nothing_is_known_again),
    replays_under_other_headers=Twin(_twice, known_by_unsigned_headers),
    topic_of_the_address=Twin(_twice, topic_by_header),
    shop_of_the_body=Twin(test_privacy_topics.test_another_shops_request_is_refused, any_shop),
    end_of_former_secrets=Twin(test_receiving.test_a_former_secret_is_good_for_a_day, former_secrets_for_ever),
    a_day_of_former_secrets=Twin(test_receiving.test_a_former_secret_is_good_for_a_day, former_secrets_at_once_void),
    strict_json=Twin(test_receiving.test_a_body_that_was_prolonged_without_the_secret_is_refused, lenient_json),
    revocation=Twin(test_receiving.test_a_revoked_account_takes_nothing, revoked_is_as_before),
    kept_before_it_is_answered=Twin(
        test_receiving.test_a_webhook_is_kept_before_it_is_answered, answered_before_it_is_kept, sees=ObjectDoesNotExist
    ),
    asked_for_again=Twin(
        test_receiving.test_while_the_database_is_away_it_is_asked_for_again, faults_lose_it, sees=KeyError
    ),
    the_useless_is_seen=Twin(test_receiving.test_a_topic_of_nobody_is_kept_to_be_seen, the_useless_is_done),
    bodies_that_ask=Twin(
        test_privacy_topics.test_nothing_else_that_shopify_signs_erases_anybody,
        any_body_erases,
        {"topic": "customers/redact", "said": {"customer": {"id": 1, "email": "ada@maple.example"}}},
    ),
)
def test_without_it_the_test_fails(twin: Twin, request: pytest.FixtureRequest, monkeypatch: Patch) -> None:
    twin.told(request, monkeypatch)
