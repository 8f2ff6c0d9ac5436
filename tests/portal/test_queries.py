"""What pages ask of the background work about their objects."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal import jobs
from portal.models import Job, Staff, Store
from portal.queries import latest_job, latest_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counting")]


def ask(subject: Staff) -> Job:
    return jobs.enqueue(subject.store, "test.count", label="Count", subject=subject, payload={"steps": 1}, actor=None)


def test_the_latest_job_of_each_is_told_in_one_query(store: Store, owner: object, viewer: object) -> None:
    one, other = Staff.objects.for_store(store).order_by("pk")[:2]
    ask(one)
    ask(other)
    newest = ask(one)
    assert latest_job(one) == newest
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = latest_jobs(store, [one, other])
    assert len(asked) == 1
    assert found[one.pk] == newest
    assert found[other.pk] == latest_job(other)


def test_who_has_no_job_is_left_out_and_nobody_asks_for_nobody(store: Store, owner: object) -> None:
    one = Staff.objects.for_store(store).order_by("pk")[0]
    assert latest_job(one) is None
    assert latest_jobs(store, [one]) == {}
    with CaptureQueriesContext(connection) as asked:
        assert latest_jobs(store, []) == {}
    assert not asked.captured_queries
