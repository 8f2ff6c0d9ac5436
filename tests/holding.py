"""Another session that holds what a test is about, and takes its time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from django.db.models import Model

from tests.conftest import database_address, is_postgresql


@contextmanager
def others_hold(model: type[Model], statement: str = "", *, seconds: float | None = None) -> Iterator[None]:
    """Within, or for so many seconds of it, somebody else holds the table of the model (SQLite: the database), or what
    the `statement` holds on PostgreSQL."""
    release = threading.Event()
    other = _on_postgresql(statement or f"LOCK TABLE {model._meta.db_table}") if is_postgresql() else _on_sqlite()

    def let_go() -> None:
        release.wait(seconds)
        other.rollback()
        other.close()

    holder = threading.Thread(target=let_go)
    holder.start()
    try:
        yield
    finally:
        release.set()
        holder.join()


def _on_postgresql(statement: str) -> Any:
    other = psycopg.connect(database_address())
    other.execute(statement.encode())
    return other


def _on_sqlite() -> Any:
    name = str(connection.settings_dict["NAME"])
    other = sqlite3.connect(name, uri=name.startswith("file:"), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other
