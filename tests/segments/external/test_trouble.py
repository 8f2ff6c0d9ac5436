"""What goes wrong at the source: nothing of a reading counts that is not whole, and people are told in plain words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal import jobs
from portal.models import Job, Store
from portal.models.job import JobState
from segments.external import reading
from segments.models import Connection, ExternalMember
from segments.models.external import ConnectionState, LinkState, SyncOutcome
from tests.segments.conftest import make_customers
from tests.segments.external.conftest import Follower
from tests.segments.external.test_follow import address

pytestmark = pytest.mark.django_db
PROFILES = r"/profiles"


@pytest.fixture
def three(follower: Follower, store: Store) -> Follower:
    """A segment that follows a list of three customers; two others would come with the next sync, and one would go."""
    make_customers(store, 5)
    follower.follow([address(0), address(1), address(2)])
    follower.has(address(1), address(2), address(3), address(4))
    return follower


BEFORE = {address(0), address(1), address(2)}
AFTER = {address(1), address(2), address(3), address(4)}


@pytest.mark.parametrize(
    ("fault", "details"),
    [
        ("error", {"status": 500}),
        ("error", {"status": 503}),
        ("page", {"status": 502}),
        ("page", {"status": 200}),
        ("cut", {}),
        ("broken_json", {}),
        ("bomb", {"megabytes": 40}),
        ("hang_up", {}),
        ("missing_links", {}),
        ("missing_data", {}),
        ("challenge", {}),
        ("redirect", {"location": "http://127.0.0.1:1/"}),
    ],
)
def test_a_broken_answer_is_asked_for_again_and_is_never_a_last_page(
    three: Follower, fault: str, details: dict[str, Any]
) -> None:
    three.klaviyo.faults.add(fault, path=PROFILES, times=2, **details)
    three.again()
    assert three.members == BEFORE
    assert three.job.state == JobState.QUEUED
    assert "Klaviyo" in three.job.error
    assert "again by itself" in three.job.error
    assert 1 <= (three.job.due_at - timezone.now()).total_seconds() + 1 <= 61
    three.come_again()
    three.come_again()
    assert three.members == AFTER
    assert three.sync.outcome == SyncOutcome.APPLIED


def test_a_page_that_fails_for_ten_minutes_ends_the_sync_and_the_next_is_soon(three: Follower) -> None:
    three.klaviyo.faults.add("error", path=PROFILES, status=503)
    three.again()
    job = three.job
    began = timezone.now() - timedelta(minutes=11)
    Job.everywhere.filter(pk=job.pk).update(cursor={**job.cursor, "failing_since": began.isoformat()})
    three.come_again()
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "tried for ten minutes" in job.error
    assert three.members == BEFORE
    assert three.link.next_sync_at is not None
    assert three.link.next_sync_at <= timezone.now() + timedelta(hours=1)
    three.klaviyo.faults.clear()
    three.again()
    assert three.members == AFTER


def test_a_throttled_account_is_left_alone_and_that_counts_as_no_failure(three: Follower) -> None:
    three.klaviyo.faults.add("throttle", path=PROFILES, times=1, retry_after=3)
    three.again()
    job = three.job
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    assert "Waiting for Klaviyo" in job.error
    assert 1 < (job.due_at - timezone.now()).total_seconds() <= 3
    assert three.members == BEFORE
    three.come_again()  # too early by the account's clock: it is sat out
    assert three.klaviyo.early() == []
    assert three.members == AFTER


def test_who_asks_for_a_day_of_quiet_is_asked_again_by_the_next_sync(three: Follower) -> None:
    three.klaviyo.faults.add("throttle", path=PROFILES, times=1, retry_after=86_400)
    three.again()
    assert three.job.state == JobState.FAILED
    assert "The next sync tries again" in three.job.error
    assert three.members == BEFORE


@pytest.fixture
def long(follower: Follower, store: Store) -> Follower:
    """A segment that follows a list of 450, which are five pages."""
    make_customers(store, 450)
    follower.follow(address(number) for number in range(450))
    return follower


def test_a_cursor_that_expired_begins_again_beside_what_is_there(long: Follower) -> None:
    long.klaviyo.faults.add("expired_cursor", path="cursor", after=2, times=1)
    long.has(*(address(number) for number in range(10, 450)))
    sync = long.again()
    assert sync.outcome == SyncOutcome.APPLIED
    assert long.counts("read", "left", "already") == {"read": 440, "left": 10, "already": 440}


def test_a_cursor_that_expires_again_and_again_ends_the_sync(long: Follower) -> None:
    long.klaviyo.faults.add("expired_cursor", path="cursor")
    long.has(address(0))
    long.list.replace([address(number) for number in range(300)])
    long.again()
    assert long.job.state == JobState.FAILED
    assert "lost its place" in long.job.error
    assert len(long.members) == 450


@pytest.mark.parametrize("fault", ["loop", "endless"])
def test_pages_without_end_change_nothing(long: Follower, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(reading, "PAGES_MOST", 40)
    long.klaviyo.faults.add(fault, path=PROFILES)
    long.list.replace([address(number) for number in range(300)])
    long.again()
    assert long.job.state == JobState.FAILED
    assert len(long.members) == 450


def test_an_answer_that_does_not_say_whether_there_is_more_is_no_end(long: Follower) -> None:
    long.klaviyo.faults.add("missing_next", path=PROFILES)
    long.again()
    assert long.job.state == JobState.QUEUED
    assert "whether there is more" in long.job.error
    assert len(long.members) == 450


def test_an_answer_without_a_next_is_an_end_when_all_who_were_announced_have_come(three: Follower) -> None:
    three.klaviyo.faults.add("missing_next", path=PROFILES)
    three.again()
    assert three.members == AFTER


def test_a_list_that_is_gone_keeps_its_members(three: Follower) -> None:
    three.klaviyo.delete("L1")
    three.again()
    assert three.job.state == JobState.FAILED
    assert three.members == BEFORE
    assert three.link.state == LinkState.MISSING
    three.klaviyo.list("L1", "Newsletter", [address(1), address(2), address(3)])
    three.again()
    assert three.link.state == LinkState.ACTIVE
    assert three.members == {address(1), address(2), address(3)}


def test_a_refused_key_stops_everything_of_the_account_at_once(three: Follower, store: Store) -> None:
    three.klaviyo.revoke("pk_test")
    three.again()
    assert three.job.state == JobState.FAILED
    assert "Connect" in three.job.error
    assert Connection.objects.for_store(store).get().state == ConnectionState.REFUSED
    asked = len(three.klaviyo.requests)
    jobs.retry(three.job)
    three.work()
    assert len(three.klaviyo.requests) == asked
    assert "pk_test" not in three.job.error + Connection.objects.for_store(store).get().said
    assert three.members == BEFORE


def test_a_scope_that_is_missing_is_named(three: Follower, store: Store) -> None:
    account = three.klaviyo.accounts[0]
    three.klaviyo.add_key(account, "pk_test", frozenset({"accounts:read", "lists:read"}))
    three.again()
    assert three.job.state == JobState.FAILED
    assert "profiles:read" in three.job.error


def test_profiles_of_a_wrong_type_are_counted_and_listed(long: Follower) -> None:
    long.klaviyo.faults.add("wrong_types", path=PROFILES, every=50)
    sync = long.again()
    assert sync.outcome == SyncOutcome.APPLIED
    counts = long.counts("bad", "read")
    assert counts["bad"] > 0
    assert counts["read"] == 450
    assert len(sync.problems) == min(counts["bad"], 100)
    assert all(problem["reason"] for problem in sync.problems)


def test_too_many_of_a_wrong_type_and_nothing_counts(long: Follower) -> None:
    long.klaviyo.faults.add("wrong_types", path=PROFILES, every=10)
    long.again()
    assert long.job.state == JobState.FAILED
    assert "could not be read" in long.job.error
    assert len(long.members) == 450


def test_unknown_fields_are_nobodys_business(three: Follower) -> None:
    three.klaviyo.faults.add("unknown_fields", path=PROFILES)
    three.again()
    assert three.members == AFTER


@pytest.mark.parametrize("seed", range(20))
def test_people_who_move_while_we_read_come_at_most_once(long: Follower, store: Store, seed: int) -> None:
    long.klaviyo.faults.add("mutate", path=PROFILES, seed=seed)
    sync = long.again()
    assert sync.outcome == SyncOutcome.APPLIED
    rows = ExternalMember.objects.for_store(store).filter(sync=sync)
    assert rows.count() == rows.values("profile_id").distinct().count()
    long.klaviyo.faults.clear()
    long.again()
    listed = {long.list.account.email_of(profile) for profile in long.list.members}
    assert long.members == listed & {address(number) for number in range(450)}


def test_a_list_that_grew_while_it_was_read_is_read_once_more(long: Follower) -> None:
    long.list.replace([address(number) for number in range(430)])
    newcomers = [f"new{number}@town.example" for number in range(20)]
    first = iter([True])
    long.klaviyo.faults.add(
        "mutate", path=PROFILES, change=lambda _: long.list.join(*newcomers) if next(first, False) else None
    )
    sync = long.again()
    assert sync.outcome == SyncOutcome.APPLIED
    assert long.counts("read", "unmatched", "drifted") == {"read": 450, "unmatched": 20, "drifted": 0}
    pages = [seen.path for seen in long.klaviyo.requests if "/profiles" in seen.path]
    assert len([path for path in pages if "cursor" not in path]) == 3  # the import, and this one twice


def test_a_list_that_never_holds_still_is_taken_as_it_was_and_marked(long: Follower) -> None:
    numbers = iter(range(10_000))
    long.klaviyo.faults.add(
        "mutate",
        path=PROFILES,
        change=lambda _: long.list.join(*(f"new{next(numbers)}@town.example" for _ in range(10))),
    )
    sync = long.again()
    assert sync.outcome == SyncOutcome.APPLIED
    assert long.counts("drifted") == {"drifted": 1}


def test_what_readings_left_that_came_to_nothing_goes_with_the_next(long: Follower, store: Store) -> None:
    long.klaviyo.faults.add("wrong_types", path=PROFILES, every=10)
    for _ in range(2):
        long.again()
        assert long.job.state == JobState.FAILED
    rows = ExternalMember.objects.for_store(store)
    assert rows.values("sync").distinct().count() == 2  # the last that counts, and the last that did not
    long.klaviyo.faults.clear()
    long.again()
    assert rows.values("sync").distinct().count() == 1
