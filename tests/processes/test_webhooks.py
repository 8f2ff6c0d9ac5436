"""Webhooks that arrive while workers are killed: what was acknowledged is there, once, and by its newest word."""

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

pytestmark = pytest.mark.processes

ACCOUNT = """
from customers.models import WayInKind
from customers.providers import accounts
from portal.models import Staff, Store, User
store = Store.objects.create(slug="maple", name="Maple Coffee", plan="pro", currency="EUR")
owner = User.objects.create_user("owner@maple.example", "a-long-test-password")
Staff.objects.create_for(store, user=owner, role="owner")
way_in = accounts.connect(store, WayInKind.RECHARGE, "Recharge", actor=owner, secret="of the client")
answer = accounts.webhook_address(way_in, "order/updated")
"""
SECRET = "of the client"
LEFT = "SELECT count(*) FROM customers_arrival WHERE state <> 'done'"
WORDS, ORDERS, KILLS = 5, 40, 5


def send(address: str, said: dict[str, Any]) -> None:
    """As Recharge does: again, until it is answered with 200."""
    body = json.dumps({"order": said}).encode()
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            headers = recharge_headers(SECRET, body, at=timezone.now())
            answer = requests.post(address, data=body, headers=headers, timeout=10)
            if answer.status_code == 200:
                return
            assert answer.status_code in (429, 502, 503), answer.text
        time.sleep(0.1)
    raise AssertionError("It was not acknowledged for a minute and a half.")


def is_up(installation: Installation) -> bool:
    with contextlib.suppress(requests.RequestException):
        path = f"{installation.base}/webhooks/recharge/nobody/order/updated"
        return requests.post(path, data=b"{}", timeout=5).status_code == 401
    return False


def test_kills_while_webhooks_arrive(tmp_path: Path) -> None:
    with Installation(tmp_path, named_server()) as small:
        address = str(small.ask(ACCOUNT))
        for name in ("web", "worker", "beat"):
            small.start(name)
        small.wait(lambda: is_up(small), seconds=60, what="the web")
        words = [(number, minute) for number in range(ORDERS) for minute in range(WORDS)] * 2
        random.Random(3).shuffle(words)
        over = threading.Event()

        def kill() -> None:
            chance = random.Random(4)
            for number in range(KILLS):
                if over.wait(chance.uniform(0.5, 2.0)):
                    return
                name = "web" if number % 3 == 2 else "worker"
                small.kill(name)
                small.start(name)

        killer = threading.Thread(target=kill)
        killer.start()
        for number, minute in words:
            buyer = recharge_customer(number % 7 + 1, f"c{number % 7}@maple.example", at(0))
            send(address, recharge_order(number, buyer, at(minute), total_price=f"{minute}.50"))
        over.set()
        killer.join()

        def is_all_in() -> bool:
            with small.rows(LEFT) as rows:
                return rows[0][0] == 0

        small.wait(is_all_in, seconds=120, what="everything to be taken in")
        with small.rows("SELECT external_id, total FROM customers_order") as rows:
            found = sorted((int(key), float(total)) for key, total in rows)
        assert found == [(number, WORDS - 0.5) for number in range(ORDERS)]
        with small.rows("SELECT count(*) FROM customers_orderline") as rows:
            assert rows[0][0] == ORDERS
        with small.rows("SELECT count(*) FROM customers_customer") as rows:
            assert rows[0][0] == 7
        with small.rows("SELECT count(*) FROM customers_arrival") as rows:
            assert rows[0][0] == ORDERS * WORDS
        small.manage("check_invariants")
