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
from tests.processes.servers import Postgres

pytestmark = pytest.mark.processes

SOURCE = """
from customers.ingest import keys
from customers.models import WayInKind
from portal.models import Staff, Store, User
from customers.models import Customer
store = Store.objects.create(slug="maple", name="Maple Coffee", plan="pro")
owner = User.objects.create_user("owner@maple.example", "a-long-test-password")
Staff.objects.create_for(store, user=owner, role="owner")
for number in range(3):
    Customer(store=store, email=f"p{number}@maple.example").save()
answer = keys.create(store, WayInKind.SEGMENT, "Shop", actor=owner)[1]
"""
BOOKS = "SELECT sum(received), sum(stored), sum(duplicate), sum(invalid), sum(ignored) FROM customers_arrivalday"
LEFT = "SELECT count(*) FROM customers_arrival WHERE state <> 'done'"
KILLS = 6


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
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                answer = requests.post(f"{self.base}/v1/batch", json={"batch": calls, "writeKey": self.key}, timeout=10)
                self.statuses[answer.status_code] += 1
                if answer.ok:
                    assert answer.json() == {"success": True}
                    self.acknowledged.update(numbers)
                    return
            time.sleep(0.1)
        raise AssertionError("Nothing was acknowledged for a minute.")


def is_up(installation: Installation) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.post(f"{installation.base}/v1/batch", json={}, timeout=5).status_code == 401
    return False


def opened(installation: Installation, *programs: str) -> str:
    """Start web and these programs; the write key."""
    key = str(installation.ask(SOURCE))
    for name in ("web", *programs):
        installation.start(name)
    installation.wait(lambda: is_up(installation), seconds=60, what="the web")
    return key


def nothing_is_left(installation: Installation) -> bool:
    with installation.rows(LEFT) as rows:
        return rows[0][0] == 0


def settle(installation: Installation, senders: list[Sender]) -> None:
    """Wait until all is taken in; then compare with what the senders know."""
    installation.wait(lambda: nothing_is_left(installation), seconds=90, what="everything to be taken in")
    with installation.rows(
        "SELECT name, count(*) FROM customers_event WHERE name <> '$identify' GROUP BY name"
    ) as rows:
        stored = {str(name): int(count) for name, count in rows}
    acknowledged = {number for sender in senders for number in sender.acknowledged}
    sent = {number for sender in senders for number in sender.sent}
    assert acknowledged == sent
    assert acknowledged - set(stored) == set(), "acknowledged and lost"
    assert set(stored.values()) == {1}, "doubled"
    with installation.rows(BOOKS) as rows:
        received, kept, *others = (int(number) for number in rows[0])
    with installation.rows("SELECT count(*) FROM customers_event") as rows:
        assert kept == rows[0][0]
    assert received == kept + sum(others)
    of_one = "SELECT count(*) FROM customers_event WHERE customer_id IS NOT NULL AND name LIKE '%%-1'"
    with installation.rows(of_one if named_server() else of_one.replace("%%", "%")) as rows:
        wanted = sum(number.endswith("-1") or number[-1] == "1" for number in stored)
        with installation.rows("SELECT count(*) FROM customers_event WHERE customer_id IS NOT NULL") as mine:
            identified = len(senders)
            assert mine[0][0] == wanted + identified, rows
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
        while not over.is_set():
            sender.send()

    threads = [threading.Thread(target=work, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    chance = random.Random(5)
    for number in range(KILLS):
        time.sleep(chance.uniform(0.7, 2.0))
        name = "web" if number % 2 else "worker"
        small.kill(name)
        small.start(name)
        if name == "web":
            small.wait(lambda: is_up(small), seconds=60, what="the web")
        else:
            time.sleep(chance.uniform(3.0, 5.0))
    over.set()
    for thread in threads:
        thread.join()
    assert sum(len(sender.sent) for sender in senders) > 200
    settle(small, senders)


@pytest.mark.parametrize("point", ["inbox.received", "inbox.kept"])
def test_the_web_dies_at_every_point_of_receiving(small: Installation, point: str) -> None:
    key = opened(small)
    small.kill("web")
    small.start("web", CRASH_AT=f"{point}:3")
    small.wait(lambda: is_up(small), seconds=60, what="the web")
    sender = Sender(small.base, key, "s")
    for _ in range(8):
        sender.send()
    small.start("worker")
    small.start("beat")
    settle(small, [sender])


@pytest.mark.parametrize("point", ["intake.begun", "intake.written"])
def test_the_worker_dies_at_every_point_of_taking_in(small: Installation, point: str) -> None:
    key = opened(small)
    sender = Sender(small.base, key, "s")
    for _ in range(6):
        sender.send()
    # What arrives while no worker is there waits, and is acknowledged all the same.
    assert not nothing_is_left(small)
    small.start("worker", CRASH_AT=f"{point}:1")
    small.start("beat")
    small.wait(
        lambda: "SIGKILL" in small.log("worker") or "WorkerLost" in small.log("worker"), seconds=60, what="death"
    )
    small.kill("worker")
    small.start("worker")
    settle(small, [sender])


def test_what_kills_every_worker_is_set_aside(small: Installation) -> None:
    key = opened(small)
    sender, poison = Sender(small.base, key, "s"), Sender(small.base, key, "arsenic")
    for _ in range(3):
        sender.send()
    poison.send()
    for _ in range(2):
        sender.send()
    small.start("worker", ABORT_ON="arsenic-0")
    small.start("beat")
    query = "SELECT count(*) FROM customers_arrival WHERE state = 'poison'"

    def is_aside() -> bool:
        with small.rows(query) as rows, small.rows(f"{LEFT} AND state <> 'poison'") as left:
            return rows[0][0] == 1 and left[0][0] == 0

    small.wait(is_aside, seconds=150, what="the poison to be set aside")
    small.kill("worker")
    with small.rows("UPDATE customers_arrival SET state = 'waiting', attempts = 0 WHERE state = 'poison'"):
        pass
    small.start("worker")
    small.wait(lambda: nothing_is_left(small), seconds=60, what="the replay")
    settle(small, [sender, poison])


def test_a_database_that_is_away_acknowledges_nothing(postgres: Postgres, tmp_path: Path) -> None:
    with Installation(tmp_path, postgres.url()) as installation:
        key = opened(installation)
        said = {"batch": [{"type": "track", "event": "s-0", "messageId": "s-0", "userId": "u"}], "writeKey": key}
        postgres.stop(immediate=True)
        answer = requests.post(f"{installation.base}/v1/batch", json=said, timeout=20)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        events = {"api_key": key, "events": [{"event_type": "x", "user_id": "user-1"}]}
        answer = requests.post(f"{installation.base}/2/httpapi", json=events, timeout=20)
        assert (answer.status_code, answer.json()["code"]) == (503, 503)
        postgres.start()
        sender = Sender(installation.base, key, "s")
        sender.send()
        assert sender.statuses[200] == 1
        with installation.rows("SELECT count(*) FROM customers_arrival") as rows:
            assert rows[0][0] == 1


@pytest.mark.xfail(strict=True, reason="What is acknowledged before it is durable is lost with the process.")
def test_teeth_of_durability(small: Installation) -> None:
    key = opened(small)
    small.kill("web")
    small.start("web", TEST_FORGETFUL="1")
    small.wait(lambda: is_up(small), seconds=60, what="the web")
    sender = Sender(small.base, key, "s")
    for _ in range(3):
        sender.send()
    small.kill("web")
    small.start("web")
    small.start("worker")
    small.start("beat")
    time.sleep(5)
    settle(small, [sender])
