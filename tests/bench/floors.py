"""The floors: what the database needs when nobody asks, judges or reports anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.bench.town import COLUMNS, address

_MEMBERSHIP = "store_id, segment_id, customer_id, sources, added_at, entered_in, added_by_id, upload_id, name, phone"


def upload(database: str, store: int, size: int) -> float:
    """Seconds for COPY of `size` rows and one INSERT … SELECT of as many members, with all the indexes there are."""
    rows = "".join(f"{n}\t{address('p', n)}\tPerson {n}\n" for n in range(size)).encode()
    with _copies(database, "segments_membership") as connection:
        connection.execute("CREATE TEMP TABLE floor_rows (line bigint, email_key text, name text)")
        began = time.monotonic()
        _copy(connection, "floor_rows", rows)
        connection.execute(
            f"INSERT INTO floor_segments_membership ({_MEMBERSHIP}) "
            "SELECT store_id, 1, customer.id, 2, now(), 1, NULL, 1, name, '' FROM floor_rows "
            "JOIN customers_customer customer USING (email_key) WHERE store_id = %s ON CONFLICT DO NOTHING",
            [store],
        )
        return time.monotonic() - began


class Following:
    """Members as they were before a sync, in a table of their own with all the indexes there are."""

    def __init__(self, connection: psycopg.Connection, segment: int) -> None:
        self._connection, self._segment = connection, segment
        connection.execute(
            f"INSERT INTO floor_segments_membership ({_MEMBERSHIP}) "
            f"SELECT {_MEMBERSHIP} FROM segments_membership WHERE segment_id = %s",
            [segment],
        )
        connection.execute("ANALYZE floor_segments_membership")

    def seconds(self, sync: int) -> float:
        """For one INSERT … SELECT of those on the list, and one DELETE of those who are not."""
        listed = (
            "FROM segments_externalmember listed JOIN customers_customer customer USING (store_id, email_key) "
            "WHERE listed.sync_id = %(sync)s"
        )
        said = {"sync": sync, "segment": self._segment}
        began = time.monotonic()
        self._connection.execute(
            f"INSERT INTO floor_segments_membership ({_MEMBERSHIP}) SELECT store_id, %(segment)s, customer.id, 8, "
            f"now(), 1, NULL, NULL, '', '' {listed} ON CONFLICT DO NOTHING",
            said,
        )
        self._connection.execute(
            f"DELETE FROM floor_segments_membership WHERE customer_id NOT IN (SELECT customer.id {listed})", said
        )
        return time.monotonic() - began


@contextmanager
def following(database: str, segment: int) -> Iterator[Following]:
    with _copies(database, "segments_membership") as connection:
        yield Following(connection, segment)


def customers(database: str, store: int, size: int) -> tuple[float, float]:
    """Seconds for COPY of `size` customers and one INSERT … ON CONFLICT DO UPDATE: all new, and then all there."""
    with _copies(database, "customers_customer") as connection:
        connection.execute(
            f"INSERT INTO floor_customers_customer ({COLUMNS}) "
            f"SELECT {COLUMNS} FROM customers_customer WHERE store_id = %s",
            [store],
        )
        new = _bring(connection, store, size, "first")
        return new, _bring(connection, store, size, "second")


def _bring(connection: psycopg.Connection, store: int, size: int, tag: str) -> float:
    rows = "".join(
        f"{address('new', n)}\tFirst{n % 999}\tLast{n % 4999}\t2024-01-02 03:04:05+00\torganic\t"
        f'["a", "{tag}"]\t{{}}\tsubscribed\n'
        for n in range(size)
    ).encode()
    connection.execute("DROP TABLE IF EXISTS floor_rows")
    connection.execute(
        "CREATE TEMP TABLE floor_rows (email text, first text, last text, signed_up timestamptz, channel text, "
        "tags jsonb, attributes jsonb, consent text)"
    )
    began = time.monotonic()
    _copy(connection, "floor_rows", rows)
    connection.execute(
        f"INSERT INTO floor_customers_customer ({COLUMNS}) "
        "SELECT %s, email, email, first, last, '', signed_up, channel, tags, attributes, '', '', '', consent, now(), "
        "now() FROM floor_rows ON CONFLICT (store_id, email_key) DO UPDATE SET first_name = excluded.first_name, "
        "last_name = excluded.last_name, signed_up_at = excluded.signed_up_at, tags = excluded.tags, "
        "acquisition_channel = excluded.acquisition_channel, changed_at = excluded.changed_at",
        [store],
    )
    return time.monotonic() - began


def _copy(connection: psycopg.Connection, table: str, rows: bytes) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        for start in range(0, len(rows), 1 << 20):
            copy.write(rows[start : start + (1 << 20)])


@contextmanager
def _copies(database: str, table: str) -> Iterator[psycopg.Connection]:
    """A connection to the database, with an empty copy of the table, indexes and all, while the block lasts."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)")
        try:
            yield connection
        finally:
            connection.execute(f"DROP TABLE floor_{table}")
