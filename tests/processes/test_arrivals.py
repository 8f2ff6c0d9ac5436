"""Events that arrive while processes are killed, frozen out of their database, or die of what arrives: what was
acknowledged is there, once, and the books add up."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.reckoning import settled_metrics
from tests.processes.servers import Postgres

pytestmark = pytest.mark.processes

SOURCE = """
from customers.ingest import keys
from customers.models import WayInKind
from portal.models import Staff, Store, User
from customers.models import Customer
from customers.register import lock_customers
from django.db import transaction
store = Store.objects.create(slug="maple", name="Maple Coffee", plan="pro")
owner = User.objects.create_user("owner@maple.example", "a-long-test-password")
Staff.objects.create_for(store, user=owner, role="owner")
with transaction.atomic():
    version = lock_customers(store)
    for number in range(3):
        Customer(store=store, email=f"p{number}@maple.example", changed_in=version).save()
answer = keys.create(store, WayInKind.SEGMENT, "Shop", actor=owner)[1]
"""
LONG_AGO = """
from django.db.models import F
from customers.ingest.idempotency import GIVEN_UP
from customers.models import KeyedRequest
answer = KeyedRequest.everywhere.update(begun_at=F("begun_at") - GIVEN_UP)
"""
BOOKS = "SELECT sum(received), sum(stored), sum(duplicate), sum(invalid), sum(ignored) FROM customers_arrivalday"
LEFT = "SELECT count(*) FROM customers_arrival WHERE state <> 'done'"
TAKEN = "SELECT count(*) FROM customers_arrival WHERE state = 'done'"
MISSED = """
SELECT count(DISTINCT customer_id) FROM customers_visitor
WHERE customer_id IS NOT NULL AND digest IN (SELECT digest FROM customers_namesetaside)
"""
KILLS = 6
PATIENCE = 180
"""Seconds; only a machine that is busy with much else needs them."""


class Sender:
    """Sends batches of numbered events, as the libraries do: again until it is acknowledged. A third of what is sent
    was sent before."""

    def __init__(self, base: str, key: str, name: str) -> None:
        self.base, self.key, self.name = base, key, name
        self.rng = random.Random(name)
        self.sent: list[str] = []
        self.acknowledged: Counter[str] = Counter()
        self.statuses: Counter[Any] = Counter()

    def send(self) -> None:
        batch = [f"{self.name}-{len(self.sent) + number}" for number in range(7)]
        again = self.rng.sample(self.sent, min(3, len(self.sent)))
        self.sent += batch
        self.deliver(batch + again)

    def deliver(self, numbers: list[str]) -> None:
        calls: list[dict[str, Any]] = [
            {"type": "track", "event": number, "messageId": number, "userId": f"user {number[-1]}"}
            for number in numbers
        ]
        calls.append({"type": "identify", "userId": "user 1", "traits": {"email": "p1@maple.example"},
                      "messageId": f"identify {self.name}"})  # fmt: skip
        said = {"batch": calls, "writeKey": self.key}
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                answer = requests.post(f"{self.base}/v1/batch", json=said, timeout=30)
                self.statuses[answer.status_code] += 1
                if answer.ok:
                    assert answer.json() == {"success": True}
                    self.acknowledged.update(numbers)
                    return
            time.sleep(0.1)
        raise AssertionError(f"Nothing was acknowledged for {PATIENCE} s: {self.statuses}")


def is_up(installation: Installation) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.post(f"{installation.base}/v1/batch", json={}, timeout=5).status_code == 401
    return False


def opened(installation: Installation, *programs: str, **web: str) -> str:
    """Start web, with the environment `web`, and these programs; the write key, once the web answers."""
    installation.start("web", **web)
    for name in programs:
        installation.start(name)
    key = str(installation.ask(SOURCE))
    await_the_web(installation)
    return key


def await_the_web(installation: Installation) -> None:
    installation.wait(lambda: is_up(installation), seconds=PATIENCE, what="the web")


def counted(installation: Installation, query: str) -> int:
    with installation.rows(query) as rows:
        return int(rows[0][0])


def await_more(installation: Installation, query: str, before: int) -> None:
    installation.wait(lambda: counted(installation, query) > before, seconds=PATIENCE, what=f"more of {query}")


def await_death(installation: Installation, before: int) -> None:
    installation.wait(lambda: installation.log("worker").count("SIGKILL") > before, seconds=PATIENCE, what="a death")


def settle(installation: Installation, senders: list[Sender]) -> None:
    """Wait until all is taken in; then compare with what the senders know."""
    installation.wait(lambda: counted(installation, LEFT) == 0, seconds=PATIENCE, what="everything to be taken in")
    with installation.rows(
        "SELECT name, count(*) FROM customers_event WHERE name <> '$identify' GROUP BY name"
    ) as rows:
        stored = {str(name): int(count) for name, count in rows}
    acknowledged = {number for sender in senders for number in sender.acknowledged}
    assert acknowledged == {number for sender in senders for number in sender.sent}
    assert acknowledged - set(stored) == set(), "acknowledged and lost"
    assert set(stored.values()) == {1}, "doubled"
    with installation.rows(BOOKS) as rows:
        received, kept, *others = (int(number) for number in rows[0])
    assert kept == counted(installation, "SELECT count(*) FROM customers_event")
    assert received == kept + sum(others)
    # One user said who they are, once to each sender.
    known = sum(number.endswith("1") for number in stored) + len(senders)
    assert counted(installation, "SELECT count(*) FROM customers_event WHERE customer_id IS NOT NULL") == known
    # The metrics are kept by the clock and a worker, where there are any.
    if {"worker", "beat"} <= set(installation.processes):
        assert settled_metrics(installation, seconds=PATIENCE)["seen"] == 1
    installation.manage("check_invariants")


@pytest.fixture
def small(tmp_path: Path) -> Any:
    with Installation(tmp_path, named_server(), COTERIE_INGEST_PER_SECOND="100000") as made:
        yield made


def test_kills_while_events_arrive(small: Installation) -> None:
    key = opened(small, "worker", "beat")
    senders = [Sender(small.base, key, f"s{number}") for number in range(3)]
    over = threading.Event()

    def work(sender: Sender) -> None:
        while not over.wait(0.05):
            sender.send()

    threads = [threading.Thread(target=work, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    chance = random.Random(5)
    try:
        for number in range(KILLS):
            # Both are at work when one of them is killed.
            before = counted(small, TAKEN)
            await_more(small, TAKEN, before)
            time.sleep(chance.uniform(0, 1))
            name = "web" if number % 2 else "worker"
            small.kill(name)
            small.start(name)
            await_the_web(small)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert sum(len(sender.sent) for sender in senders) > 200
    settle(small, senders)


@pytest.mark.parametrize("point", ["inbox.received", "inbox.kept"])
def test_the_web_dies_at_every_point_of_receiving(small: Installation, point: str) -> None:
    key = opened(small, "worker", "beat", CRASH_AT=f"{point}:3")
    sender = Sender(small.base, key, "s")
    for _ in range(6):
        sender.send()
    assert small.log("web").count("SIGKILL") >= 2
    settle(small, [sender])


def test_the_web_dies_at_every_point_of_a_request_with_a_key(small: Installation) -> None:
    """It is acted on once, and answered in the end, whether or not it had been kept when nobody was left to say so."""
    key = opened(small)
    for point, next_answer in (("request.claimed", 409), ("inbox.received", 409), ("inbox.kept", 200)):
        small.kill("web")
        small.start("web", CRASH_AT=f"{point}:1")
        await_the_web(small)
        with pytest.raises(requests.RequestException):
            send_with_key(small.base, key, point)
        small.kill("web")
        small.start("web")
        await_the_web(small)
        assert send_with_key(small.base, key, point).status_code == next_answer
        small.ask(LONG_AGO)
        answer = send_with_key(small.base, key, point)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert counted(small, "SELECT count(*) FROM customers_arrival") == 3


def send_with_key(base: str, key: str, name: str) -> requests.Response:
    said = {"batch": [{"type": "track", "event": name, "userId": "u"}], "writeKey": key}
    return requests.post(f"{base}/v1/batch", json=said, headers={"Idempotency-Key": name}, timeout=30)


def test_the_worker_dies_at_every_point_of_taking_in(small: Installation) -> None:
    key = opened(small, "beat")
    sender = Sender(small.base, key, "s")
    for point in ("intake.begun", "intake.written"):
        for _ in range(3):
            sender.send()
        # What arrives while no worker is there waits, and is acknowledged all the same.
        assert counted(small, LEFT) >= 3
        deaths = small.log("worker").count("SIGKILL")
        small.start("worker", CRASH_AT=f"{point}:1")
        await_death(small, deaths)
        small.kill("worker")
    small.start("worker")
    settle(small, [sender])


def test_what_kills_every_worker_is_set_aside(small: Installation) -> None:
    key = opened(small, "beat")
    sender, poison = Sender(small.base, key, "s"), Sender(small.base, key, "arsenic")
    sender.send()
    poison.send()
    sender.send()
    small.start("worker", ABORT_ON="arsenic-0")
    # All but the poison is taken in although the worker dies of it.
    small.wait(lambda: counted(small, TAKEN) == 2, seconds=PATIENCE, what="what is no poison to be taken in")
    with small.rows("SELECT state FROM customers_arrival ORDER BY id") as rows:
        assert [state for (state,) in rows] == ["done", "poison", "done"]
    small.wait(lambda: counted(small, MISSED) == 1, seconds=PATIENCE, what="the customer who misses something")
    small.kill("worker")
    for statement in (
        "UPDATE customers_arrival SET state = 'waiting', attempts = 0, looks_left = 3 WHERE state = 'poison'",
        "DELETE FROM customers_namesetaside",
    ):
        with small.rows(statement):
            pass
    small.start("worker")
    settle(small, [sender, poison])


def test_a_database_that_is_away_acknowledges_nothing(postgres: Postgres, tmp_path: Path) -> None:
    with Installation(tmp_path, postgres.url()) as installation:
        key = opened(installation)
        said = {"batch": [{"type": "track", "event": "s-0", "messageId": "s-0", "userId": "u"}], "writeKey": key}
        postgres.stop(immediate=True)
        answer = requests.post(f"{installation.base}/v1/batch", json=said, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        events = {"api_key": key, "events": [{"event_type": "x", "user_id": "user-1"}]}
        answer = requests.post(f"{installation.base}/2/httpapi", json=events, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (503, 503)
        postgres.start()
        sender = Sender(installation.base, key, "s")
        sender.send()
        assert sender.statuses[200] == 1
        with installation.rows("SELECT count(*) FROM customers_arrival") as rows:
            assert rows[0][0] == 1


@pytest.mark.teeth
def test_teeth_of_durability(small: Installation) -> None:
    """What is acknowledged before it is durable is lost with the process, and the tests above see it."""
    key = opened(small, TEST_FORGETFUL="1")
    sender = Sender(small.base, key, "s")
    for _ in range(3):
        sender.send()
    small.kill("web")
    with pytest.raises(AssertionError, match="acknowledged and lost"):
        settle(small, [sender])
