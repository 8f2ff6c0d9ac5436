"""One webhook that comes a hundred times at once: kept once, of one effect, and acknowledged each time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from customers.ingest import sweeping
from customers.models import Arrival, ArrivalDay, Customer, Event, Order, Subscription, WayInKind
from customers.providers import receiving
from customers.sandbox.bodies import recharge_customer, recharge_subscription, shopify_customer, shopify_order
from portal.models import Store, User
from tests.customers.providers.conftest import Shop, at, connected

pytestmark = pytest.mark.django_db(transaction=True)
TIMES, AT_A_TIME = 100, 25
"""No more at a time than a database has room for, beside whoever else is connected."""
ORDER = ("orders/create", shopify_order(9, shopify_customer(1, "ada@maple.example", at(0)), at(0)))
CANCELLED = (
    "subscription/cancelled",
    recharge_subscription(7, 1, at(1), status="cancelled", cancelled_at=at(1).isoformat(), email="ada@maple.example"),
)


def at_once(do: Callable[[], Any], times: int = TIMES) -> list[Any]:
    """Do it so many times, AT_A_TIME at once; what each gave."""
    start = threading.Barrier(min(times, AT_A_TIME))

    def one(number: int) -> Any:
        try:
            if number < start.parties:
                start.wait(30)
            return do()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(one, range(times)))


def sent_at_once(shop: Shop, topic: str, said: dict[str, Any], times: int = TIMES) -> Counter[Any]:
    """Status and word of each answer, while workers take in what came."""
    body, path = shop.body(topic, said), shop.path(topic)
    headers = shop.headers(topic, body)
    over = threading.Event()

    def take() -> None:
        try:
            while not over.wait(0.02):
                sweeping.take_in_all()
        finally:
            connections.close_all()

    takers = [threading.Thread(target=take) for _ in range(2)]
    for taker in takers:
        taker.start()
    try:
        answers = at_once(lambda: Client().post(path, body, content_type="application/json", headers=headers), times)
    finally:
        over.set()
        for taker in takers:
            taker.join()
    sweeping.take_in_all()
    return Counter((answer.status_code, answer.json()["status"]) for answer in answers)


def test_shopify(store: Store, owner: User) -> None:
    told = sent_at_once(connected(store, owner, WayInKind.SHOPIFY), *ORDER)
    assert told == {(200, "stored"): 1, (200, "duplicate"): TIMES - 1}
    assert [model.objects.for_store(store).count() for model in (Arrival, Order, Customer)] == [1, 1, 1]
    day = ArrivalDay.objects.for_store(store).get()
    assert (day.received, day.stored) == (1, 1)


def test_recharge(store: Store, owner: User) -> None:
    shop = connected(store, owner, WayInKind.RECHARGE)
    shop.tell("customer/created", recharge_customer(1, "ada@maple.example", at(0)))
    told = sent_at_once(shop, *CANCELLED)
    assert told == {(200, "stored"): 1, (200, "duplicate"): TIMES - 1}
    counted = [model.objects.for_store(store).count() for model in (Arrival, Subscription, Event, Customer)]
    assert counted == [2, 1, 1, 1]


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="who looks first and writes then meets others doing so")
def test_looking_first_must_not_be_enough(store: Store, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    real, looked = receiving.receive, threading.Barrier(5)

    def careless(way_in: Any, topic: str, body: str, *, dedupe_key: str, **said: Any) -> Any:
        is_known = Arrival.objects.for_store(way_in.store).filter(topic=topic, body=body).exists()
        looked.wait(30)
        return receiving.Received.DUPLICATE if is_known else real(way_in, topic, body, dedupe_key=None, **said)

    monkeypatch.setattr(receiving, "receive", careless)
    told = sent_at_once(connected(store, owner, WayInKind.SHOPIFY), *ORDER, times=5)
    assert told == {(200, "stored"): 1, (200, "duplicate"): 4}
