"""Segments that follow lists, in whole installations: workers that die and are deployed anew while they read, many who
press at once, and a source that hangs, is overloaded, or fails."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from segments.sandbox.base import Seen
from segments.sandbox.klaviyo import KlaviyoSandbox
from tests.processes.conftest import named_server
from tests.processes.followers import PAGES, SYNC, Follower, Town
from tests.processes.installation import LEASE_SECONDS, Installation
from tests.processes.nursery import Nursery

pytestmark = pytest.mark.processes

SWEEP_SECONDS = 2
RECOVERED = 60 - (30 - LEASE_SECONDS) - (10 - SWEEP_SECONDS)
"""By when the next page is kept after a worker's death; in production, with its lease and its sweeper, a minute."""
ON_TIME = 15
"""Seconds from pressing the button to the last member, with nothing in the way but real workers."""
ON_ITS_WAY = 1
"""Seconds in which what was sent before a 429 had been read may still arrive."""
PENALTY = 4
PROFILES = r"/profiles"
EXPECTED = ("job_fenced", "WorkerLostError", "Worker exited prematurely", "SIGKILL", "SIGTERM", "Timed out waiting")
on_postgresql = pytest.mark.skipif(named_server() is None, reason="SQLite has one writer: nobody gets in between")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The clock, and a worker for what is not outside, run for all the tests; those that ask come and go with each."""
    directory = tmp_path_factory.mktemp("town")
    with (
        KlaviyoSandbox() as klaviyo,
        Installation(directory, named_server(), portion=500, KLAVIYO_API_URL=klaviyo.url) as installation,
        Nursery({**installation.environment, "CELERY_BROKER_URL": "memory://"}, directory / "nursery.log") as nursery,
    ):
        installation.start("beat")
        installation.start("worker")
        yield Town(installation, nursery, klaviyo)
        assert installation.complaints(*EXPECTED) == []


@pytest.fixture
def town(everything: Town) -> Iterator[Town]:
    yield everything
    everything.klaviyo.faults.clear()
    for name in set(everything.installation.processes) - {"worker", "beat"}:
        everything.installation.kill(name)


@pytest.fixture
def follower(town: Town) -> Follower:
    return town.follower()


def begun(town: Town, follower: Follower) -> None:
    """A worker is in the middle of reading, and of a page."""
    # Slow from there on where it is to be caught, so that a slow machine catches it too.
    town.klaviyo.faults.add("slow", path=PROFILES, key=follower.key, after=3, seconds=1)
    town.start("outside")
    follower.follow()
    follower.until_under_way()


def test_a_worker_is_killed_in_the_middle_of_a_page(town: Town, follower: Follower) -> None:
    begun(town, follower)
    town.installation.kill("outside")
    town.klaviyo.faults.clear()
    killed = follower.job()
    assert killed["state"] == "running"
    began = time.monotonic()
    town.installation.start("outside")
    follower.until_further(killed["done"], RECOVERED)
    assert time.monotonic() - began < RECOVERED
    follower.until_applied()
    assert PAGES <= len(follower.requests()) <= PAGES + 2, "more than the page at hand was read again"
    follower.comes_out_right()


def test_a_deploy_in_the_middle(town: Town, follower: Follower) -> None:
    begun(town, follower)
    assert town.installation.end("outside", seconds=10) < 10
    town.klaviyo.faults.clear()
    left = follower.job()
    assert (left["state"], left["attempts"]) == ("queued", 0)
    town.installation.start("outside")
    follower.until_applied()
    assert len(follower.requests()) == PAGES, "a page was read twice"
    follower.comes_out_right()


def test_a_deploy_while_the_source_wants_to_be_left_alone(town: Town, follower: Follower) -> None:
    town.nursery.run("lists.hold_off", follower.account.account_id, 40)
    town.start("outside")
    follower.follow()
    # Begun, and perhaps put back by now.
    follower.until(lambda: follower.job()["lease_token"], 30, "a worker")
    time.sleep(1)
    assert town.installation.end("outside", seconds=10) < 10
    assert follower.job()["state"] == "queued"
    assert follower.requests("") == []


def pressed_by_fifty(town: Town, follower: Follower, *, locked: bool) -> int:
    """How many syncs that made."""
    town.start("outside")
    follower.follow()
    follower.until_applied()
    town.installation.kill("outside")
    said = town.nursery.run("lists.press", follower.slug, 40, 10, locked).answer
    begun = said.pop("begun")
    assert sum(said.values()) == 50 - begun
    assert set(said) <= {"running already", "not due"}
    assert begun == town.nursery.run("lists.at_work", follower.slug).answer.count([SYNC, "queued"])
    return int(begun)


def test_fifty_press_at_once_and_one_sync_runs(town: Town, follower: Follower) -> None:
    assert pressed_by_fifty(town, follower, locked=True) == 1


@on_postgresql
@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="several find nothing at work, and begin")
def test_the_segment_must_be_held_while_one_begins(town: Town, follower: Follower) -> None:
    assert pressed_by_fifty(town, follower, locked=False) == 1


def synced_beside_one_that_hangs(town: Town, threads: str) -> float:
    """The seconds that a store's import takes while another's account does not answer anything."""
    stuck, free = town.follower(), town.follower()
    town.klaviyo.faults.add("hang", key=stuck.key, seconds=60)
    town.installation.start("outside", "outside", "-c", threads)
    stuck.follow()
    stuck.until(lambda: stuck.job()["lease_token"], 30, "a worker")
    began = time.monotonic()
    free.follow()
    free.until_applied(ON_TIME)
    taken = time.monotonic() - began
    time.sleep(max(0, 2 * LEASE_SECONDS - taken))
    asked = stuck.job()
    assert (asked["done"], asked["lease_token"]) == (0, 1), "who waits lost the work to another, who waits too now"
    free.comes_out_right()
    return taken


def test_one_account_hangs_and_the_others_are_on_time(town: Town) -> None:
    assert synced_beside_one_that_hangs(town, "4") < ON_TIME


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the only one who asks waits for the one that hangs")
def test_someone_else_must_be_there_to_ask(town: Town) -> None:
    assert synced_beside_one_that_hangs(town, "1") < ON_TIME


def synced_beside_those_who_wait(town: Town, **environment: str) -> float:
    """The seconds that a store's import takes while as many others as can be worked on wait to be let in again."""
    patient, free = [town.follower() for _ in range(2)], town.follower()
    for follower in patient:
        town.nursery.run("lists.hold_off", follower.account.account_id, 40)
    town.installation.start("outside", "outside", "-c", "2", **environment)
    for follower in patient:
        follower.follow()
    # Begun, and perhaps put back by now: each gives way to whatever else is due.
    town.installation.wait(
        lambda: all(follower.job()["lease_token"] for follower in patient), seconds=30, what="the workers"
    )
    began = time.monotonic()
    free.follow()
    free.until_applied(ON_TIME)
    taken = time.monotonic() - began
    assert [follower.requests("") for follower in patient] == [[], []]
    free.comes_out_right()
    return taken


def test_who_waits_for_a_source_gives_way(town: Town) -> None:
    assert synced_beside_those_who_wait(town) < ON_TIME


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="those who wait keep the workers")
def test_who_waits_must_give_way(town: Town) -> None:
    assert synced_beside_those_who_wait(town, TEST_STUBBORN="1") < ON_TIME


def asked_in_a_penalty(town: Town, **environment: str) -> list[Seen]:
    """Two stores read from one account, by two workers; once, they are told to wait. Who asked all the same."""
    one = town.follower()
    other = town.follower(like=one)
    town.klaviyo.faults.add("slow", path=PROFILES, key=one.key, seconds=0.3)
    town.klaviyo.faults.add("throttle", path=PROFILES, key=one.key, after=8, times=1, retry_after=PENALTY)
    town.start("outside", "second", **environment)
    for follower in (one, other):
        follower.follow()
    for follower in (one, other):
        follower.until_applied()
        assert follower.job()["attempts"] <= 1
        follower.comes_out_right()
    requests = [seen for seen in town.klaviyo.requests if seen.key == one.key]
    (told,) = [seen.arrived for seen in requests if seen.status == 429]
    assert max(seen.arrived for seen in requests) > told + PENALTY, "nobody had to wait, so nothing was tested"
    return [seen for seen in requests if told + ON_ITS_WAY < seen.arrived < told + PENALTY]


def test_nobody_asks_before_a_penalty_is_over(town: Town) -> None:
    assert asked_in_a_penalty(town) == []


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the other worker was not told")
def test_all_workers_must_hear_of_a_penalty(town: Town) -> None:
    assert asked_in_a_penalty(town, TEST_UNTOLD="1") == []


def test_of_a_burst_of_errors_nothing_is_seen_in_the_end(town: Town, follower: Follower) -> None:
    burst = town.klaviyo.faults.add("error", path=PROFILES, key=follower.key, status=503, share=0.3, dice=3)
    town.start("outside")
    follower.follow()
    follower.until_applied(120)
    assert burst.struck >= 3, "there was no burst"
    assert len(follower.requests()) == PAGES + burst.struck
    follower.comes_out_right()
