"""Once on each local day, in every zone of the world, whatever the clocks do."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import clock
from portal.clock import LONGEST, Due, due_on, next_due
from portal.models import Store, User

DAY = timedelta(days=1)
ZONES = sorted(zoneinfo.available_timezones())
BERLIN = ZoneInfo("Europe/Berlin")
HALF_PAST_TWO = time(2, 30)
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("zone", "day", "at", "due"),
    [
        ("Europe/Berlin", date(2026, 3, 29), HALF_PAST_TWO, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 10, 25), HALF_PAST_TWO, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 6, 1), HALF_PAST_TWO, datetime(2026, 6, 1, 0, 30, tzinfo=UTC)),
        # The clocks leapt from 23:00 to 24:00: half past eleven would be the next day.
        ("America/Nuuk", date(2024, 3, 30), time(23, 30), datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC)),
        # This day was left out.
        ("Pacific/Apia", date(2011, 12, 30), HALF_PAST_TWO, None),
    ],
)
def test_the_days_that_are_special(zone: str, day: date, at: time, due: datetime | None) -> None:
    assert due_on(day, at, ZoneInfo(zone)) == due


def special_days(zone: ZoneInfo, first: date, days: int) -> set[date]:
    """Those around which the clocks change."""
    found, before = set(), None
    for number in range(days):
        day = first + number * DAY
        offset = datetime(day.year, day.month, day.day, tzinfo=zone).utcoffset()
        if before is not None and offset != before:
            found |= {day + shift * DAY for shift in range(-3, 3)}
        before = offset
    return found


@pytest.mark.parametrize("part", range(8))
def test_exactly_once_on_each_day_for_twenty_years(part: int) -> None:
    checked = 0
    for name in ZONES[part::8]:
        zone = ZoneInfo(name)
        for day in special_days(zone, date(2011, 1, 1), 20 * 365):
            for at in (time(0), time(0, 30), HALF_PAST_TWO, time(23, 30), time(23, 59, 59)):
                due = due_on(day, at, zone)
                checked += 1
                if due is None:
                    noon = datetime.combine(day, time(12), tzinfo=zone)
                    assert noon.astimezone(UTC).astimezone(zone).date() != day, (name, day)
                    continue
                assert due.astimezone(zone).date() == day, (name, day, at)
                following = due_on(day + DAY, at, zone) or due_on(day + 2 * DAY, at, zone)
                assert following is not None
                assert due < following, (name, day, at)
    assert checked > 1000


@given(st.sampled_from(ZONES), st.times(), MOMENTS, st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_day_after_day_none_twice_and_none_left_out(name: str, at: time, begin: datetime, days: int) -> None:
    zone, now, last = ZoneInfo(name), begin, None
    for _ in range(days):
        due = next_due(at, zone, now=now, last=last)
        assert due.at >= now
        assert due.at.astimezone(zone).date() == due.day
        if last is not None:
            assert due.day == last.day + DAY
        # A clock that ticks a little late changes nothing.
        now, last = due.at + timedelta(seconds=40), due


@given(st.sampled_from(ZONES), MOMENTS, st.integers(0, 400))
@settings(max_examples=100, deadline=None)
def test_of_days_that_were_missed_the_latest_is_made_up_for(name: str, begin: datetime, hours: int) -> None:
    zone, at = ZoneInfo(name), time(3)
    last = next_due(at, zone, now=begin, last=None)
    now = last.at + timedelta(hours=hours)
    due = next_due(at, zone, now=now, last=last)
    assert due.day > last.day
    assert now - due.at < timedelta(hours=26)
    following = next_due(at, zone, now=now, last=due)
    assert following.at > now


@given(
    st.lists(st.sampled_from(ZONES), min_size=2, max_size=12),
    st.times(),
    MOMENTS,
)
@settings(max_examples=300, deadline=None)
def test_a_store_that_moves_has_no_day_twice_and_waits_no_longer_than_a_day_and_a_half(
    names: list[str], at: time, begin: datetime
) -> None:
    last = next_due(at, ZoneInfo(names[0]), now=begin, last=None)
    for name in names[1:]:
        due = next_due(at, ZoneInfo(name), now=last.at + timedelta(seconds=1), last=last)
        assert due.day > last.day
        assert timedelta(0) < due.at - last.at <= LONGEST
        last = due


def test_the_first_time_is_to_come() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert next_due(time(3), BERLIN, now=now, last=None) == Due(
        datetime(2026, 11, 23, 2, tzinfo=UTC), date(2026, 11, 23)
    )


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "Europe", "../etc/passwd", "Europe/Berlin\n", "\0", "x" * 5000])
def test_a_zone_that_nobody_knows_is_utc_with_a_warning(name: str, caplog: pytest.LogCaptureFixture) -> None:
    clock.zone.cache_clear()
    assert clock.zone(name) == ZoneInfo("UTC")
    assert "unknown_time_zone" in caplog.text


def test_pages_of_a_store_in_such_a_zone_are_served(
    store: Store, owner: User, client_of: Callable[[User], Client]
) -> None:
    Store.objects.filter(pk=store.pk).update(time_zone="Mars/Olympus")
    client = client_of(owner)
    for path in ("", "customers/", "segments/", "runs/", "audit/", "settings/"):
        assert client.get(f"/s/maple/{path}").status_code in {200, 302, 404}, path
    assert client.get("/s/maple/").status_code == 200
