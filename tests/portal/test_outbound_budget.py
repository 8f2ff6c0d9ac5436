"""Calls kept to a pace: no window of a minute or a second has more of them than it may, whoever calls."""

from __future__ import annotations

import bisect
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from subprocess import PIPE
from typing import Any

import pytest
from django.db import connection, models
from django.db.transaction import TransactionManagementError, atomic

from portal import tasks
from portal.models import CallBudget, Store
from portal.outbound import Pace, Session, Throttled, backoff, budget, held, hold_off, raise_for, send, wait_for
from portal.wall import around
from tests.conftest import is_postgresql
from tests.portal.counting import at_once
from tests.portal.outside import Outside, answer

KLAVIYO = Pace(75, 700)
KEY = "klaviyo:A1"


def most_within(times: list[float], seconds: float) -> int:
    """The most of the times that lie in a window of so many seconds, which does not include its end."""
    times = sorted(times)
    return max(bisect.bisect_left(times, at + seconds - 1e-6) - index for index, at in enumerate(times))


def keeps(times: list[float], pace: Pace) -> bool:
    return most_within(times, 60) <= pace.per_minute and most_within(times, 1) <= pace.per_second


def ideal(calls: int, pace: Pace) -> float:
    """Seconds from the first to the last of the calls, if each is made as soon as both limits let it."""
    times: list[float] = []
    for at in range(calls):
        second = times[at - pace.per_second] + 1 if at >= pace.per_second else 0.0
        minute = times[at - pace.per_minute] + 60 if at >= pace.per_minute else 0.0
        times.append(max(second, minute, at / pace.per_second if at < pace.per_second else 0.0))
    return times[-1]


class Account:
    """A row that is in no database, and a clock that is set by hand."""

    def __init__(self, now: float = 1_795_348_800.3) -> None:
        self.row, self.now = CallBudget(key=KEY), now
        self.granted: list[float] = []

    def ask(self, pace: Pace = KLAVIYO) -> float:
        """Reserve the next call; the seconds to wait for it."""
        budget._set_back(self.row, self.now)
        self.row.at = self.now
        at = budget._first_free(self.row, pace, self.now)
        budget._grant(self.row, pace, at, self.now)
        self.granted.append(at)
        return at - self.now


@pytest.mark.parametrize("calls", [1, 75, 76, 700, 701, 1_000, 5_000])
def test_a_walk_takes_hardly_longer_than_the_limits_ask_for(calls: int) -> None:
    account = Account()
    for _ in range(calls):
        account.now += account.ask()
    took = account.granted[-1] - account.granted[0]
    assert keeps(account.granted, KLAVIYO)
    assert took <= 1.1 * ideal(calls, KLAVIYO)
    assert len(account.row.counts) <= 63


def test_the_measure_of_a_thousand_calls() -> None:
    # 700 at 75 a second; when the first of them are a minute old, the other 300 at 75 a second.
    assert 63 < ideal(1_000, KLAVIYO) < 65


@pytest.mark.parametrize("seed", range(30))
def test_no_window_is_ever_too_full(seed: int) -> None:
    rng = random.Random(seed)
    account, pace = Account(rng.uniform(0, 2e9)), Pace(rng.randint(1, 20), rng.randint(20, 90))
    for _ in range(600):
        # Some wait for their turn, some reserve while others wait, some come late.
        wait = account.ask(pace)
        account.now += rng.choice([0, 0.001, wait, wait, wait + rng.expovariate(1), rng.expovariate(0.05)])
        assert len(account.row.counts) < 700
    assert keeps(account.granted, pace)
    assert account.granted == sorted(account.granted)


@pytest.mark.teeth
@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="seconds are forgotten as soon as they begin to leave the minute"
)
def test_with_windows_cut_short_some_are_too_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MINUTE", 58)
    for seed in range(5):
        test_no_window_is_ever_too_full(seed)


def test_a_clock_that_is_set_back_keeps_nobody_waiting() -> None:
    account = Account()
    for _ in range(700):
        account.now += account.ask()
    account.now -= 3 * 3600
    assert 0 < account.ask() < 62
    account.now -= 0.4
    assert account.ask() < 62


def test_a_clock_that_is_set_back_forgets_nothing() -> None:
    account = Account()
    for _ in range(600):
        account.now += account.ask()
    account.now -= 86_400.7
    waits = [account.ask() for _ in range(101)]
    assert waits[99] < 2
    assert waits[100] > 45


@pytest.mark.parametrize(("attempt", "most"), [(0, 2), (1, 2), (2, 4), (5, 32), (6, 60), (7, 60), (5000, 60)])
def test_the_wait_after_a_failure_is_by_chance(attempt: int, most: float) -> None:
    rng = random.Random(1)
    waits = [backoff(attempt, rng) for _ in range(2_000)]
    assert min(waits) >= 1
    assert max(waits) <= most
    assert max(waits) - min(waits) > 0.9 * (most - 1)
    assert abs(sum(waits) / len(waits) - (1 + most) / 2) < 0.1 * most


@pytest.mark.django_db
def test_the_first_call_is_free_and_the_next_ones_are_spaced(store: Store) -> None:
    with around(store):
        assert wait_for(KEY, Pace(2, 700)) == 0
        assert 0.2 < wait_for(KEY, Pace(2, 700)) <= 0.53
        assert 0.7 < wait_for(KEY, Pace(2, 700)) <= 1.06
        assert wait_for("klaviyo:B2", Pace(2, 700)) == 0


@pytest.mark.django_db
def test_who_will_not_wait_that_long_reserves_nothing() -> None:
    pace = Pace(1, 10)
    assert wait_for(KEY, pace) == 0
    before = CallBudget.objects.values().get()
    assert wait_for(KEY, pace, most=0.1) > 0.5
    assert CallBudget.objects.values("counts", "next_at").get() == {k: before[k] for k in ("counts", "next_at")}
    assert 0.5 < wait_for(KEY, pace, most=2) <= 1.05


@pytest.mark.django_db
def test_nobody_calls_while_the_service_asks_for_quiet(store: Store, other_store: Store) -> None:
    with around(store):
        assert held(KEY) == 0
        wait_for(KEY, KLAVIYO)
        assert held(KEY) == 0
        hold_off(KEY, 7)
    with around(other_store):
        assert 6 < held(KEY) <= 7
        assert 6 < wait_for(KEY, KLAVIYO) <= 7
        assert 6 < wait_for(KEY, KLAVIYO) <= 7.1
        hold_off(KEY, 2)
        assert 6 < held(KEY) <= 7
        hold_off(KEY, 900)
    assert 898 < held(KEY) <= 900
    assert held("klaviyo:B2") == 0
    hold_off("klaviyo:B2", -5)
    assert held("klaviyo:B2") == 0


@pytest.mark.django_db
def test_what_nobody_uses_is_forgotten() -> None:
    for key in ("lately", "long ago", "long ago and held"):
        wait_for(key, KLAVIYO)
    hold_off("long ago and held", 100_000)
    CallBudget.objects.exclude(key="lately").update(at=models.F("at") - 90_000)
    tasks.forget()
    assert set(CallBudget.objects.values_list("key", flat=True)) == {"lately", "long ago and held"}


@pytest.mark.django_db(transaction=True)
def test_it_is_asked_outside_of_transactions() -> None:
    with pytest.raises((RuntimeError, TransactionManagementError)), atomic():
        wait_for(KEY, KLAVIYO)


class Recorded:
    """What the row was told at each grant."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times: list[float] = []
        grant = budget._grant

        def recording(row: CallBudget, pace: Pace, at: float, now: float) -> None:
            self.times.append(at)
            grant(row, pace, at, now)

        monkeypatch.setattr(budget, "_grant", recording)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return Recorded(monkeypatch).times


def reserving(times: int) -> Callable[[], None]:
    def reserve() -> None:
        for _ in range(times):
            wait_for(KEY, KLAVIYO)

    return reserve


@pytest.mark.django_db(transaction=True)
def test_threads_that_ask_at_once_share_one_pace(recorded: list[float]) -> None:
    assert at_once(*[reserving(50)] * 6) == [None] * 6
    assert len(recorded) == 300
    assert keeps(recorded, KLAVIYO)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the row is not locked")
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has one writer at a time, whether it locks rows or not")
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_threads_do_not(recorded: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.QuerySet, "select_for_update", lambda self, **_: self)
    test_threads_that_ask_at_once_share_one_pace(recorded)


WORKER = """
import sys, django
django.setup()
from portal.outbound import Pace, budget
from portal.models import Store
from portal.wall import around
grant = budget._grant
def recording(row, pace, at, now):
    print(repr(at))
    grant(row, pace, at, now)
budget._grant = recording
store = Store.objects.get()
sys.stdin.readline()
with around(store):
    for _ in range(200):
        budget.wait_for("klaviyo:A1", Pace(75, 700))
"""


@pytest.mark.skipif(not is_postgresql(), reason="SQLite is for one machine, and few workers")
@pytest.mark.django_db(transaction=True)
def test_processes_that_ask_at_once_share_one_pace(store: Store) -> None:
    given = connection.settings_dict
    address = f"postgresql://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
    environment = {**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER], stdin=PIPE, stdout=PIPE, env=environment, text=True)
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [worker.communicate(timeout=60)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4
    times = [float(line) for text in said for line in text.split()]
    assert len(times) == 800
    assert keeps(times, KLAVIYO)
    assert max(times) - min(times) <= 1.1 * ideal(800, KLAVIYO)


class Strict:
    """A service that answers its tenth request, and only that, with a penalty of a second."""

    def __init__(self) -> None:
        self.arrived: list[float] = []

    def __call__(self, client: Any, request: bytes) -> None:
        self.arrived.append(time.monotonic())
        is_too_many = len(self.arrived) == 10
        client.sendall(answer(b"", "429 X", "Retry-After: 1") if is_too_many else answer())


def call(url: str, times: int, penalties: list[float]) -> None:
    """Call as everybody should, and come back when told to."""
    with Session() as session:
        while times:
            time.sleep(wait_for(KEY, Pace(30, 700)))
            if held(KEY):
                continue
            try:
                raise_for(send("GET", url, trusted=True, session=session), "Klaviyo")
                times -= 1
            except Throttled as error:
                hold_off(KEY, error.retry_after or 60)
                penalties.append(time.monotonic())


@pytest.mark.django_db(transaction=True)
def test_a_penalty_is_kept_by_all_workers() -> None:
    penalties: list[float] = []
    with Outside(strict := Strict()) as outside:
        assert at_once(*[lambda: call(outside.url, 6, penalties)] * 4) == [None] * 4
    (began,) = penalties
    # Who was on the way out when it was said, is out.
    assert [at for at in strict.arrived if began + 0.25 < at < began + 0.98] == []
    assert len(strict.arrived) == 25


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the penalty is told to nobody")
@pytest.mark.django_db(transaction=True)
def test_a_penalty_that_nobody_is_told_of_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.hold_off", lambda key, seconds: None)
    test_a_penalty_is_kept_by_all_workers()
