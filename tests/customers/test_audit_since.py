"""Since when there are events is told at once, without a look at the events, which may be many millions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.metrics import auditing, work
from customers.models import ArrivalDay, Event, MetricsState
from portal.models import Job, Store, User
from tests.conftest import make_customer
from tests.customers.conftest import Importer

pytestmark = pytest.mark.django_db
HEAD = "E-mail,Event,Time\n"


def since(store: Store) -> datetime | None:
    """As the page of the audit has it; asked without reading any event."""
    with CaptureQueriesContext(connection) as asked:
        found = auditing.coverage(store, auditing.state_of(store))
    assert Event._meta.db_table not in " ".join(query["sql"] for query in asked.captured_queries)
    said = found["since"].get("events")
    return datetime.fromisoformat(said) if said else None


def test_since_the_first_of_the_events(importer: Importer, store: Store) -> None:
    assert since(store) is None
    make_customer(store, "ann@x.example")
    importer.of("events").bring(f"{HEAD}ann@x.example,A,2026-05-09T10:00:00Z\neve@x.example,A,2025-01-01T10:00:00Z\n")
    assert since(store) == datetime(2026, 5, 9, 10, tzinfo=UTC)
    importer.of("events").bring(f"{HEAD}ann@x.example,A,2026-06-09T10:00:00Z\n", "later.csv")
    assert since(store) == datetime(2026, 5, 9, 10, tzinfo=UTC)
    importer.of("events").bring(f"{HEAD}ann@x.example,A,2026-03-09T10:00:00Z\n", "earlier.csv")
    assert since(store) == datetime(2026, 3, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize("is_large", [False, True])
def test_what_was_measured_counts_until_something_earlier_comes(
    is_large: bool,
    importer: Importer,
    store: Store,
    owner: User,
    run_jobs: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_customer(store, "ann@x.example")
    importer.of("events").bring(f"{HEAD}ann@x.example,A,2026-03-09T10:00:00Z\n")
    ArrivalDay.objects.for_store(store).update(day=store.day(timezone.now()) - timedelta(days=3))
    Event.objects.for_store(store).update(occurred_at=datetime(2026, 4, 1, tzinfo=UTC))
    work.recompute_all(store, actor=owner)
    run_jobs()
    assert MetricsState.objects.for_store(store).get().full_at
    if is_large:
        monkeypatch.setattr("customers.metrics.measuring.LIVE_MOST", 0)
    assert since(store) == datetime(2026, 4, 1, tzinfo=UTC)
    importer.of("events").bring(f"{HEAD}ann@x.example,A,2026-02-09T10:00:00Z\n", "earlier.csv")
    assert since(store) == datetime(2026, 2, 9, 10, tzinfo=UTC)
