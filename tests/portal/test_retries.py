"""What only met others in its way is done anew, whole, and a few times only."""

from __future__ import annotations

import ast
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client

from customers import actions
from customers.models import Customer
from portal import faults
from portal.faults import TRIES, retried
from portal.models import AuditEntry, Store, User
from tests.conftest import database_address, is_postgresql, make_customer
from tests.portal.test_faults import AWAY, DEADLOCK
from tests.test_architecture import modules


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "PAUSE_SECONDS", 0.01)


def failing(times: int, error: Exception) -> tuple[Callable[[], str], list[int]]:
    calls: list[int] = []

    @retried
    def action() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "done"

    return action, calls


@pytest.mark.django_db(transaction=True)
class TestRetried:
    @pytest.mark.parametrize("times", range(TRIES))
    def test_it_is_done_in_the_end(self, times: int) -> None:
        action, calls = failing(times, DEADLOCK)
        assert (action(), len(calls)) == ("done", times + 1)

    def test_it_is_given_up(self) -> None:
        action, calls = failing(TRIES, DEADLOCK)
        with pytest.raises(OperationalError):
            action()
        assert len(calls) == TRIES

    def test_a_database_that_is_away_is_not_asked_again(self) -> None:
        action, calls = failing(1, AWAY)
        with pytest.raises(OperationalError):
            action()
        assert len(calls) == 1

    def test_nothing_is_begun_anew_that_has_taken_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(faults, "PATIENCE_SECONDS", -1)
        action, calls = failing(1, DEADLOCK)
        with pytest.raises(OperationalError):
            action()
        assert len(calls) == 1

    def test_within_a_transaction_the_whole_is_for_others_to_repeat(self) -> None:
        action, calls = failing(1, DEADLOCK)
        with transaction.atomic(), pytest.raises(OperationalError):
            action()
        assert len(calls) == 1


def test_every_action_is_tried_anew() -> None:
    """What opens a transaction among the actions is decorated, so that nobody has to think of it."""
    wrong = [
        f"{name}.{node.name}"
        for name, tree in modules().items()
        if {"actions", "erase"} & set(name.split("."))
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and "transaction.atomic()" in ast.unparse(node)
        and node.name != "_save_name"
        and "retried" not in [ast.unparse(decorator) for decorator in node.decorator_list]
    ]
    assert not wrong


@pytest.fixture
def editing(store: Store, owner: User, monkeypatch: pytest.MonkeyPatch) -> tuple[Client, Customer, dict[str, str]]:
    """Someone at the form of a customer, about to send it."""
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    customer = make_customer(store, "ada@maple.example")
    page = client.get(f"/s/maple/customers/{customer.pk}/edit/").content.decode()
    seen = page.split('name="seen_at"')[1].split('value="')[1].split('"')[0]
    form = {"email": customer.email, "first_name": "Ada", "marketing_consent": "unknown", "seen_at": seen}
    return client, customer, form | {"signed_up_at": "2026-01-01T10:00:00"}


@contextmanager
def crossing(store: Store, customer: Customer) -> Iterator[None]:
    """Another session that takes the customer first and then the register: the order in which a form does not."""
    address = database_address()
    has_first = threading.Event()

    def cross() -> None:
        with psycopg.connect(address, connect_timeout=3) as other:
            # Whoever finds the deadlock is the one who is thrown out of it: not this one.
            other.execute("SET deadlock_timeout = '30s'")
            other.execute("SELECT 1 FROM customers_customer WHERE id = %s FOR UPDATE", [customer.pk])
            has_first.set()
            time.sleep(0.3)
            other.execute("SELECT 1 FROM customers_customerregister WHERE store_id = %s FOR UPDATE", [store.pk])

    thread = threading.Thread(target=cross)
    thread.start()
    assert has_first.wait(5)
    try:
        yield
    finally:
        thread.join(30)


def send(editing: tuple[Client, Customer, dict[str, str]]) -> int:
    client, customer, form = editing
    return client.post(f"/s/maple/customers/{customer.pk}/edit/", form).status_code


@pytest.mark.django_db(transaction=True)
def test_two_who_cross_both_get_through(editing: Any, store: Store) -> None:
    if not is_postgresql():
        pytest.skip("SQLite has one lock, which nobody can cross")
    with crossing(store, editing[1]):
        assert send(editing) == 302
    assert Customer.everywhere.get().first_name == "Ada"
    assert AuditEntry.everywhere.filter(verb="changed").count() == 1


@pytest.mark.teeth
@pytest.mark.django_db(transaction=True)
@pytest.mark.xfail(strict=True, reason="the database throws one of the two out")
def test_without_another_try_one_of_them_is_thrown_out(
    editing: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_postgresql():
        pytest.xfail("SQLite has one lock, which nobody can cross")
    monkeypatch.setattr(actions, "change_customer", actions.change_customer.__wrapped__)  # type: ignore[attr-defined]
    with crossing(store, editing[1]):
        assert send(editing) == 302


@contextmanager
def held_by_another(seconds: float) -> Iterator[None]:
    """SQLite's one lock is with another for a while, and is asked for a short while only."""
    connection.ensure_connection()
    connection.connection.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(seconds, lambda: other.execute("ROLLBACK"))
    timer.start()
    try:
        yield
    finally:
        timer.join()
        other.close()
        connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("seconds", "status"), [(0.1, 302), (5, 503)])
def test_a_locked_sqlite_is_asked_again(
    editing: Any, seconds: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_postgresql():
        pytest.skip("PostgreSQL locks rows")
    monkeypatch.setattr(faults, "PAUSE_SECONDS", 0.3)
    with held_by_another(seconds):
        assert send(editing) == status
