"""Programs that send are answered within seconds whatever the database is busy with, and it is not said to be kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from customers.models import Arrival, WayIn, WayInKind
from customers.sandbox.bodies import shopify_customer
from customers.views import answering, webhooks
from portal import deadline
from portal.models import Store, User
from tests.conftest import is_postgresql
from tests.customers.ingest.conftest import make_source, track
from tests.customers.providers.conftest import at, connected
from tests.holding import others_hold

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 5.0
"""Seconds that providers wait."""
Send = Callable[[], Any]


def door(kind: str, store: Store, owner: User) -> Send:
    if kind == "shopify":
        shop = connected(store, owner, WayInKind.SHOPIFY)
        body = json.dumps(shopify_customer(1, "ada@maple.example", at(0))).encode()
        return lambda: shop.post("customers/create", body, shop.headers("customers/create", body))
    source = make_source(store, owner, WayInKind(kind))
    if kind == "amplitude":
        return lambda: source.amplitude({"event_type": "Tapped", "user_id": "user-1"})
    return lambda: source.track(track(messageId="1"))


def answered(send: Send, limit: float) -> Any:
    began = time.monotonic()
    answer = send()
    assert time.monotonic() - began < limit
    return answer


@pytest.mark.parametrize("kind", ["segment", "amplitude", "shopify"])
def test_a_database_that_is_held_up_keeps_nobody_waiting(store: Store, owner: User, kind: str) -> None:
    send = door(kind, store, owner)
    with others_hold(Arrival):
        answer = answered(send, LIMIT)
        assert (answer.status_code, int(answer["Retry-After"]) > 0) == (503, True)
        assert answer["Content-Type"] == "application/json"
    assert not Arrival.everywhere.exists()
    assert answered(send, LIMIT).status_code == 200
    assert Arrival.everywhere.count() == 1


def held_up_longer_than_allowed(store: Store, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (answering, webhooks):
        monkeypatch.setattr(module, "DOOR_SECONDS", 0.5)
    send = door("shopify", store, owner)
    with others_hold(Arrival, seconds=2.5):
        assert answered(send, 1.5).status_code == 503


def test_it_is_the_limit_of_the_door_that_counts(store: Store, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    held_up_longer_than_allowed(store, owner, monkeypatch)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="nothing else tells a sender in time")
def test_the_door_must_have_a_limit(store: Store, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "within", lambda _: nullcontext())
    held_up_longer_than_allowed(store, owner, monkeypatch)


def strangers_while_it_is_taken_in(store: Store, owner: User) -> None:
    """Somebody knocks without a signature while a worker holds the account."""
    shop = connected(store, owner, WayInKind.SHOPIFY)
    if not is_postgresql():
        pytest.skip("SQLite holds no rows")
    with others_hold(WayIn, "SELECT 1 FROM customers_wayin FOR NO KEY UPDATE"):
        assert answered(lambda: shop.post("customers/create", b"{}", {}), 1.0).status_code == 401


def test_a_stranger_has_nobody_wait(store: Store, owner: User) -> None:
    strangers_while_it_is_taken_in(store, owner)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="what is noted of strangers waits for the worker")
def test_noting_strangers_must_not_wait(store: Store, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db.models import QuerySet

    real = QuerySet.select_for_update
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, skip_locked=False, **how: real(rows, **how))
    strangers_while_it_is_taken_in(store, owner)
