"""Metrics of customers: all of them made anew, those of some, and how long an event takes to be told in them."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from tests.bench.measures import Store

CHANGED = 5_000
_FILL = Path(__file__).with_name("metrics_fill.sql")
_FLOOR = Path(__file__).with_name("metrics_floor.sql")
_HERE = """
import time
from django.db import transaction
from django.utils import timezone
from customers.metrics import due, work
from customers.metrics.recompute import recompute
from customers.models import Customer, Event, MetricsState, TouchedCustomer
from customers.touched import touch
from portal import jobs, wall
from portal.models import Job, Store
store = Store.objects.get(pk={store})
"""
_ALL = """
job = work.recompute_all(store, actor=None)
began = time.monotonic()
jobs.run(job.pk)
job.refresh_from_db()
assert job.state == "succeeded", job.error
answer = time.monotonic() - began
"""
_SOME = """
ids = list(Customer.objects.for_store(store).order_by("-pk").values_list("pk", flat=True)[:{changed} * 20:20])
took = []
for _ in range(3):  # the first loads the library of the models, as a worker does once
    began = time.monotonic()
    with transaction.atomic():
        recompute(store, ids, timezone.now())
    took.append(time.monotonic() - began)
answer = min(took)
"""


def metrics(store: Store) -> None:
    fill(store)
    ask = store.desk.installation.ask
    here = _HERE.format(store=store.id)
    first = ask(here + _ALL)
    again = ask(here + _ALL)
    change_each(store)
    changed = ask(here + _ALL)
    floor = floor_of(store)
    most = 2.0 if store.is_large else None
    store.add("metrics of all made the first time", first, "s")
    store.add("metrics of all made anew, each of them changed", changed, "s", floor=floor, most=most)
    store.add("metrics of all made anew, none of them changed", again, "s", floor=floor, most=most)
    some = ask(here + _SOME.format(changed=CHANGED))
    store.add(f"metrics of {CHANGED:,} customers", some, "s", most=1.0)
    store.add("from an event to the metric", event_to_metric(store), "s", most=60.0)
    visitor = store.desk.visitor
    visitor.get(f"{store.home}customers/data-audit/")
    took = []
    for _ in range(20):
        began = time.monotonic()
        visitor.get(f"{store.home}customers/data-audit/")
        took.append(time.monotonic() - began)
    store.report.spread("data audit", store.size, took, most=100)


def fill(store: Store) -> None:
    with psycopg.connect(store.database, autocommit=True) as connection:
        for statement in filter(str.strip, _FILL.read_text().split(";")):
            connection.execute(statement, {"store": store.id})
        connection.execute("VACUUM ANALYZE")


def change_each(store: Store) -> None:
    """Have the next reckoning come to something else for every customer, as the floor's does."""
    with psycopg.connect(store.database, autocommit=True) as connection:
        connection.execute("UPDATE customers_customermetrics SET skips = 77 WHERE store_id = %s", [store.id])
        connection.execute("VACUUM ANALYZE customers_customermetrics")


def event_to_metric(store: Store) -> float:
    """Seconds from an event's commit, with the customer told as touched, until the metric says so."""
    said = {"store": store.id}
    latest = "SELECT max(id) FROM customers_customer WHERE store_id = %(store)s"
    with psycopg.connect(store.database, autocommit=True) as connection:
        connection.execute(
            "WITH happened AS (INSERT INTO customers_event (store_id, customer_id, visitor, name, occurred_at, "
            "received_at, time_is, properties, message_key) "
            f"SELECT %(store)s, ({latest}), '', 'Logged In', now(), now(), 0, '{{}}', 'bench') "
            f"INSERT INTO customers_touchedcustomer (store_id, customer_id, at) SELECT %(store)s, ({latest}), now()",
            said,
        )
        began = time.monotonic()
        while time.monotonic() - began < 90:
            found = connection.execute(
                "SELECT last_login_at > now() - interval '3 minutes' FROM customers_customermetrics "
                f"WHERE store_id = %(store)s AND customer_id = ({latest})",
                said,
            ).fetchone()
            if found and found[0]:
                break
            time.sleep(0.1)
        return time.monotonic() - began


def floor_of(store: Store) -> float:
    """Seconds for the bare aggregates and their upsert, as one statement by hand: the second time, over rows that are
    there already."""
    statement = _FLOOR.read_text()
    listed = statement[statement.index("(") + 1 : statement.index(")")].replace("\n", " ").split(",")
    columns = [name.strip() for name in listed if name.strip() not in ("store_id", "customer_id")]
    statement = statement.replace("{columns}", ", ".join(columns))
    statement = statement.replace("{given}", ", ".join(f"excluded.{name}" for name in columns))
    with psycopg.connect(store.database, autocommit=True) as connection:
        table = "customers_customermetrics"
        connection.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)")
        try:
            connection.execute(statement, {"store": store.id})
            connection.execute(f"VACUUM ANALYZE floor_{table}")
            began = time.monotonic()
            connection.execute(statement, {"store": store.id})
            return time.monotonic() - began
        finally:
            connection.execute(f"DROP TABLE floor_{table}")
