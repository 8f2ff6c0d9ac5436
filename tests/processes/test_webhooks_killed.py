"""Webhooks that arrive while the web and workers are killed: what was acknowledged is there, once, and by its newest
word, and the metrics are those of a fresh reckoning."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import timezone

from customers.sandbox.bodies import recharge_customer, recharge_order
from customers.sandbox.signing import recharge_headers
from tests.customers.providers.conftest import at
from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.reckoning import settled_metrics

pytestmark = pytest.mark.processes

SECRET = "of the client"
ACCOUNT = f"""
from customers.models import WayInKind
from customers.providers import accounts
from portal.models import Staff, Store, User
store = Store.objects.create(slug="maple", name="Maple Coffee", plan="pro", currency="EUR")
owner = User.objects.create_user("owner@maple.example", "a-long-test-password")
Staff.objects.create_for(store, user=owner, role="owner")
way_in = accounts.connect(store, WayInKind.RECHARGE, "Recharge", actor=owner, secret="{SECRET}")
answer = accounts.webhook_address(way_in, "order/updated")
"""
ARRIVED = "SELECT count(*) FROM customers_arrival"
ONE_WRONG = """UPDATE customers_customermetrics SET total_spent = 1
WHERE customer_id = (SELECT min(customer_id) FROM customers_customermetrics)"""
ORDERS, WORDS, BUYERS = 30, 4, 7
KILLED = ("worker", "web", "worker", "web")
PATIENCE = 180
"""Seconds; only a machine that is busy with much else needs them."""


def send(address: str, said: dict[str, Any]) -> None:
    """As Recharge does: again, until it is answered with 200."""
    body = json.dumps({"order": said}).encode()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            headers = recharge_headers(SECRET, body, at=timezone.now())
            answer = requests.post(address, data=body, headers=headers, timeout=30)
            if answer.status_code == 200:
                return
            assert answer.status_code in (429, 502, 503), answer.text
        time.sleep(0.1)
    raise AssertionError(f"It was not acknowledged within {PATIENCE} s.")


def send_words(address: str, words: list[tuple[int, int]]) -> None:
    for number, minute in words:
        buyer = recharge_customer(number % BUYERS + 1, f"c{number % BUYERS}@maple.example", at(0))
        send(address, recharge_order(number, buyer, at(minute), total_price=f"{minute}.50"))


def is_up(installation: Installation) -> bool:
    path = f"{installation.base}/webhooks/recharge/nobody/order/updated"
    return requests.post(path, data=b"{}", timeout=5).status_code == 401


def counted(installation: Installation, query: str) -> int:
    with installation.rows(query) as rows:
        return int(rows[0][0])


def await_more(installation: Installation, query: str, before: int) -> None:
    installation.wait(lambda: counted(installation, query) > before, seconds=PATIENCE, what=f"more of {query}")


def test_kills_while_webhooks_arrive(tmp_path: Path) -> None:
    words = [(number, minute) for number in range(ORDERS) for minute in range(WORDS)] * 2
    chance = random.Random(3)
    chance.shuffle(words)
    share = len(words) // len(KILLED)
    with Installation(tmp_path, named_server()) as small:
        for name in ("web", "worker", "beat"):
            small.start(name)
        address = str(small.ask(ACCOUNT))
        small.wait(lambda: is_up(small), seconds=PATIENCE, what="the web")
        for number, name in enumerate(KILLED):
            before = counted(small, ARRIVED)
            sending = threading.Thread(target=send_words, args=(address, words[number * share : (number + 1) * share]))
            sending.start()
            try:
                await_more(small, ARRIVED, before)
                time.sleep(chance.uniform(0, 1))
                # By this thread, not the other: a process that a thread has started ends with it.
                small.kill(name)
                small.start(name)
            finally:
                sending.join()
        left = f"{ARRIVED} WHERE state <> 'done'"
        small.wait(lambda: counted(small, left) == 0, seconds=PATIENCE, what="everything to be taken in")
        with small.rows("SELECT external_id, total FROM customers_order") as rows:
            found = sorted((int(key), float(total)) for key, total in rows)
        assert found == [(number, WORDS - 0.5) for number in range(ORDERS)]
        assert counted(small, "SELECT count(*) FROM customers_orderline") == ORDERS
        assert counted(small, "SELECT count(*) FROM customers_customer") == BUYERS
        assert counted(small, ARRIVED) == ORDERS * WORDS
        told = settled_metrics(small, seconds=PATIENCE)
        assert (told["orders"], float(told["spent"])) == (ORDERS, ORDERS * (WORDS - 0.5))
        small.manage("check_invariants")
        # And it would be seen if one of them were not.
        with small.rows(ONE_WRONG):
            pass
        with pytest.raises(AssertionError, match="metrics differ"):
            settled_metrics(small, seconds=PATIENCE)
