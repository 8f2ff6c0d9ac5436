"""Strangers hammer at the real server, from many addresses and all at once; the owner comes and goes."""

from __future__ import annotations

import itertools
import threading
from collections import Counter

import pytest

from tests.processes.installation import Installation, Visitor

pytestmark = pytest.mark.processes
EMAIL, PASSWORD = "owner@maple.example", "a-long-test-password"
SEED = f"""
from portal.models import Staff, Store, User
store = Store.objects.create(slug="maple", name="Maple Coffee", plan="pro")
Staff.objects.create_for(store, user=User.objects.create_user({EMAIL!r}, {PASSWORD!r}), role="owner")
answer = store.pk
"""
STRANGERS, TRIES = 8, 12
OF_ACCOUNT = 20


def stranger(base: str, address: str) -> Visitor:
    """Somebody behind the proxy, which tells where they are."""
    visitor = Visitor(base)
    visitor.session.headers["X-Forwarded-For"] = f"6.6.6.6, {address}"
    return visitor


def guess(base: str, addresses: list[str], password: str) -> Counter[str]:
    """One try from each address; how often each answer came."""
    said: Counter[str] = Counter()
    for address in addresses:
        answer = stranger(base, address).post("/accounts/login/", {"login": EMAIL, "password": password})
        wrong, limited = "is not right" in answer.text, "Too many tries" in answer.text
        said["wrong" if wrong else "limited" if limited else f"{answer.status_code} {answer.url}"] += 1
    return said


def test_hundreds_of_guesses_at_once_and_the_owner_all_the_while(installation: Installation) -> None:
    installation.environment["COTERIE_BEHIND_PROXY"] = "1"
    installation.ask(SEED)
    installation.start("web")
    owner = stranger(installation.base, "192.0.2.1")
    installation.wait(lambda: owner.get("/accounts/login/").ok, seconds=60, what="the web")
    owner.sign_in(EMAIL, PASSWORD)
    numbers = itertools.count(1)
    places = [[f"198.51.{n >> 8}.{n & 255}" for n in itertools.islice(numbers, TRIES)] for _ in range(STRANGERS)]
    said: list[Counter[str]] = []
    threads = [
        threading.Thread(target=lambda at=at: said.append(guess(installation.base, at, "a guess"))) for at in places
    ]
    for thread in threads:
        thread.start()
    comings = 0
    while any(thread.is_alive() for thread in threads):
        owner.post("/accounts/logout/", {})
        owner.sign_in(EMAIL, PASSWORD)
        comings += 1
    for thread in threads:
        thread.join()
    assert sum(said, Counter()) == {"wrong": OF_ACCOUNT, "limited": STRANGERS * TRIES - OF_ACCOUNT}
    assert comings >= 3
    assert guess(installation.base, ["203.0.113.1"], PASSWORD) == {"limited": 1}
