"""Lists are read by themselves once on each day of the store's calendar, whatever happens to the clock."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from portal.models import Job, Store, User
from portal.models.job import JobState
from segments import actions
from segments.external import connections, groups, links, schedule
from segments.models import Connection, ExternalLink, Sync
from segments.models.external import ConnectionState, LinkState, SyncCause
from tests.segments.external.conftest import Follower

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = SyncCause.DAILY


@pytest.fixture
def followed(follower: Follower) -> Follower:
    follower.follow()
    return follower


def is_done(follower: Follower) -> None:
    """What was begun has ended."""
    Job.everywhere.exclude(state=JobState.SUCCEEDED).update(
        state=JobState.SUCCEEDED, started_at=timezone.now(), finished_at=timezone.now()
    )


def days_of(follower: Follower) -> list[date | None]:
    syncs = Sync.objects.for_store(follower.store).filter(cause=DAILY).order_by("pk")
    return list(syncs.values_list("day", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"])
def test_there_is_one_for_each_day_of_the_store_however_the_clock_ticks(
    followed: Follower, store: Store, zone: str
) -> None:
    store.time_zone = zone
    store.save()
    start = datetime(2027, 3, 20, 12, tzinfo=UTC)
    begun_on = store.day(start)
    ExternalLink.objects.for_store(store).update(last_due_at=start, last_due_on=begun_on, next_sync_at=start)
    schedule.plan(_link(followed), now=start)
    now = start
    while now < start + 18 * DAY:
        now += 3 * HOUR
        for _ in range(2):  # doubled ticks
            schedule.run_due(now)
        is_done(followed)
    days = days_of(followed)
    assert days == [begun_on + n * DAY for n in range(1, len(days) + 1)]
    assert len(days) in (17, 18)


def _link(follower: Follower) -> ExternalLink:
    link = ExternalLink.objects.for_store(follower.store).select_related("connection", "segment").get()
    link.store = link.connection.store = follower.store
    return link


@pytest.mark.parametrize("letter", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
def test_in_every_time_zone_no_day_is_left_out_and_none_comes_twice(letter: str) -> None:
    connection = Connection(source="klaviyo", account_id="AcC")
    assert schedule.time_of_day(connection).hour in range(24)
    for zone in sorted(name for name in zoneinfo.available_timezones() if name.upper().startswith(letter)):
        store = Store(time_zone=zone)
        for turn in (datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)):
            link = ExternalLink(store=store, connection=connection, last_due_at=turn, last_due_on=store.day(turn))
            at, before = turn, store.day(turn)
            for _ in range(36):
                at = schedule._next(link, at)
                link.last_due_at, link.last_due_on = at, store.day(at)
                assert store.day(at) - before == DAY, (zone, at)
                before = store.day(at)


@pytest.mark.django_db
def test_days_that_were_missed_are_caught_up_with_one(followed: Follower) -> None:
    schedule.run_due(timezone.now() + 7 * DAY)
    assert len(days_of(followed)) == 1
    is_done(followed)
    schedule.run_due(timezone.now() + 7 * DAY + HOUR / 60)
    assert len(days_of(followed)) == 1
    assert (followed.link.next_sync_at or timezone.now()) > timezone.now() + 7 * DAY


@pytest.mark.django_db
def test_the_import_is_the_sync_of_its_day(followed: Follower, store: Store) -> None:
    link = followed.link
    assert link.last_due_on == store.day(timezone.now())
    assert link.next_sync_at is not None
    assert store.day(link.next_sync_at) == store.day(timezone.now()) + DAY


@pytest.mark.django_db
def test_a_sync_that_is_due_waits_for_the_one_at_work(followed: Follower) -> None:
    followed.again(work=False)
    tomorrow = timezone.now() + 2 * DAY
    assert schedule.run_due(tomorrow) == 0
    followed.work()
    assert schedule.run_due(tomorrow) == 1
    followed.work()
    assert followed.sync.cause == DAILY
    assert followed.sync.outcome == "applied"


@pytest.mark.django_db
def test_one_list_of_an_account_is_read_after_the_other(followed: Follower, store: Store, owner: User) -> None:
    followed.klaviyo.list("L2", "Second")
    connections.refresh_index(followed.connection, actor=owner)
    followed.work()
    second = actions.create_segment(store, name="Second", actor=owner)
    links.link_segment(second, groups.groups(followed.connection, "list").get(group_id="L2"), actor=owner)
    followed.work()
    tomorrow = timezone.now() + 2 * DAY
    assert schedule.run_due(tomorrow) == 1
    assert schedule.run_due(tomorrow) == 0
    followed.work()
    assert schedule.run_due(tomorrow) == 1


@pytest.mark.django_db
def test_accounts_are_spread_over_the_day() -> None:
    times = {schedule.time_of_day(Connection(source="klaviyo", account_id=f"AcC{n}")) for n in range(500)}
    assert len(times) > 400
    assert {at.hour for at in times} == set(range(24))


@pytest.mark.django_db
def test_a_link_from_before_the_daily_sync_is_synced_by_hand_until_an_owner_says_otherwise(
    followed: Follower, store: Store, owner: User
) -> None:
    eve = datetime(2025, 1, 22, 23, 59, tzinfo=UTC)
    ExternalLink.objects.for_store(store).update(created_at=eve)
    link = _link(followed)
    schedule.plan(link, now=timezone.now())
    assert _link(followed).next_sync_at is None
    assert schedule.run_due(timezone.now() + 9 * DAY) == 0
    followed.set(daily=True, brake_percent=30, brake_people=100)
    assert _link(followed).next_sync_at is not None
    assert schedule.run_due(timezone.now() + 9 * DAY) == 1
    is_done(followed)
    followed.set(daily=False, brake_percent=30, brake_people=100)
    assert followed.link.next_sync_at is None


@pytest.mark.django_db
def test_a_list_that_is_gone_is_asked_for_three_more_days(followed: Follower) -> None:
    followed.klaviyo.delete("L1")
    followed.again()
    assert followed.link.state == LinkState.MISSING
    start = timezone.now()
    begun = 0
    for hours in range(24 * 9):
        begun += schedule.run_due(start + hours * HOUR)
        is_done(followed)
    assert begun in (2, 3)
    assert followed.link.next_sync_at is None


@pytest.mark.django_db
def test_an_account_that_is_not_connected_is_not_asked(followed: Follower, store: Store) -> None:
    Connection.objects.for_store(store).update(state=ConnectionState.REFUSED)
    assert schedule.run_due(timezone.now() + 3 * DAY) == 0
    assert followed.link.next_sync_at is None
    connection = Connection.objects.for_store(store).get()
    Connection.objects.for_store(store).update(state=ConnectionState.CONNECTED)
    connection.refresh_from_db()
    connection.store = store
    schedule.resume(connection, now=timezone.now())
    assert followed.link.next_sync_at is not None


@pytest.mark.django_db
def test_a_deleted_segment_is_not_synced(followed: Follower, owner: User) -> None:
    actions.delete_segment(followed.segment, typed=followed.segment.name, cancel_running=True, actor=owner)
    assert schedule.run_due(timezone.now() + 3 * DAY) == 0


@pytest.mark.django_db
def test_a_store_whose_plan_holds_no_segments_is_passed_over_until_it_does_again(
    followed: Follower, store: Store
) -> None:
    Store.objects.filter(pk=store.pk).update(plan="standard")
    assert schedule.run_due(timezone.now() + 2 * DAY) == 0
    assert followed.link.next_sync_at is not None
    Store.objects.filter(pk=store.pk).update(plan="pro")
    assert schedule.run_due(timezone.now() + 4 * DAY) == 1
