"""Seconds for the database: of statements, of waiting for others, of silence, all together; then it is as before."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from portal import deadline, wall
from portal.faults import Fault, fault_of
from portal.models import Store
from portal.postgres.base import BoundedConnection
from tests.conftest import is_postgresql
from tests.holding import others_hold
from tests.portal.test_connections import server_that_falls_silent

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 0.5
on_postgresql = pytest.mark.usefixtures("_on_postgresql")


@pytest.fixture
def _on_postgresql(db: None) -> None:
    if not is_postgresql():
        pytest.skip("SQLite takes no time over a statement but while another writes")


def asked(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchone() or ())


def limits() -> list[Any]:
    if not is_postgresql():
        return asked("PRAGMA busy_timeout")
    return asked("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")


def seconds_of(do: Callable[[], Any]) -> tuple[float, Fault | None]:
    """How long it took until it was given up, and what the matter was."""
    began, fault = time.monotonic(), None
    try:
        with deadline.within(SECONDS):
            do()
    except OperationalError as error:
        fault = fault_of(error)
    return time.monotonic() - began, fault


def write(store: Store) -> None:
    with transaction.atomic():
        Store.objects.filter(pk=store.pk).update(name="Written")


def test_who_is_held_up_by_others_gives_up(store: Store) -> None:
    before = limits()
    with others_hold(Store):
        taken, fault = seconds_of(lambda: write(store))
    assert taken < 2 * SECONDS
    # A database in a file that others write to may be one in memory here, which says so in another way.
    assert fault in (Fault.IN_THE_WAY, Fault.AWAY)
    assert limits() == before
    write(store)
    assert Store.objects.get(pk=store.pk).name == "Written"


@on_postgresql
def test_one_statement_is_ended_by_the_server(store: Store) -> None:
    before, same = limits(), connection.connection
    taken, fault = seconds_of(lambda: asked("SELECT pg_sleep(20)"))
    assert (taken < 2 * SECONDS, fault) == (True, Fault.AWAY)
    assert (limits(), connection.connection is same) == (before, True)


@on_postgresql
def test_all_statements_count_together(store: Store) -> None:
    before = limits()
    taken, fault = seconds_of(lambda: [asked("SELECT 1, pg_sleep(0.2)") for _ in range(50)])
    assert (taken < 2 * SECONDS, fault) == (True, Fault.AWAY)
    assert limits() == before


@on_postgresql
def test_time_of_ones_own_does_not_count(store: Store) -> None:
    def think_and_ask() -> None:
        time.sleep(2 * SECONDS)
        asked("SELECT 1")

    taken, fault = seconds_of(think_and_ask)
    assert (taken > SECONDS, fault) == (True, None)


@on_postgresql
def test_a_connection_that_is_made_meanwhile_knows_of_it(store: Store) -> None:
    before = limits()
    with deadline.within(SECONDS), wall.around(store):
        connection.close()
        assert limits() == ["400ms", "400ms"]
    assert limits() == before


@on_postgresql
def test_a_failed_transaction_leaves_nothing_of_it(store: Store) -> None:
    before = limits()
    with suppress(OperationalError), deadline.within(SECONDS), wall.around(store), transaction.atomic():
        asked("SELECT pg_sleep(20)")
    assert limits() == before
    assert asked("SELECT current_setting('role')") == ["none"]


def the_silent_are_given_up(seconds: float | None) -> float:
    with server_that_falls_silent() as port:
        address = f"host=127.0.0.1 port={port} user=x dbname=x gssencmode=disable sslmode=disable"
        with BoundedConnection.connect(address, autocommit=True, connect_timeout=3) as made:
            began = time.monotonic()
            with suppress(psycopg.OperationalError):
                if seconds is None:
                    made.execute("SELECT 1")
                else:
                    with deadline.within(seconds):
                        made.execute("SELECT 1")
            return time.monotonic() - began


def test_silence_counts_too(db: None) -> None:
    assert the_silent_are_given_up(SECONDS) < 1.5


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="nothing else ends the silence")
def test_without_a_deadline_the_silent_are_waited_for(db: None) -> None:
    assert the_silent_are_given_up(None) < 1.5
