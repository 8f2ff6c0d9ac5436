"""Workers, servers and clocks that die, freeze and are deployed anew while a file is imported: the whole installation
in real processes, and a person at the browser."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

import pytest
import requests

from tests.processes.conftest import named_server
from tests.processes.installation import LEASE_SECONDS, Installation
from tests.processes.nursery import Nursery
from tests.processes.office import CHECK, PEOPLE, Office, Site

pytestmark = pytest.mark.processes

SWEEP_SECONDS = 2
RECOVERED = 60 - (30 - LEASE_SECONDS) - (10 - SWEEP_SECONDS)
"""By when a step is kept after the death of a worker, where another is there: the lease runs out, and the sweeper comes
by. They have 30 and 10 seconds in production, where it must not take more than a minute."""
EXPECTED = ("job_fenced", "WorkerLostError", "Worker exited prematurely", "SIGKILL", "SIGTERM", "Timed out waiting")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Web and beat run for all the tests; workers come and go with each."""
    directory = tmp_path_factory.mktemp("office")
    with (
        Installation(directory, named_server(), portion=20, TEST_PAUSE="0.1") as installation,
        Nursery({**installation.environment, "CELERY_BROKER_URL": "memory://"}, directory / "nursery.log") as nursery,
    ):
        installation.start("web")
        installation.start("beat")
        visitor = installation.browser()
        installation.wait(lambda: visitor.get("/accounts/login/").ok, seconds=60, what="the web")
        yield Office(installation, nursery)
        assert installation.complaints(*EXPECTED) == []


@pytest.fixture
def site(office: Office) -> Iterator[Site]:
    yield office.site()
    for name in set(office.installation.processes) - {"web", "beat"}:
        office.installation.kill(name)


def begun(site: Site) -> None:
    """A worker is in the middle of an import."""
    site.installation.start("worker")
    site.click_import(site.check(site.rows()), site.rows())
    site.until_under_way()


def test_its_child_is_killed_time_and_again(site: Site) -> None:
    site.installation.start("worker", CRASH_AT="step.kept:9")
    site.click_import(site.check(site.rows()), site.rows())
    waits = []
    while site.look()["state"] != "succeeded":
        waits.append(site.until_further(site.look()["done"]))
    job = site.job()
    assert job is not None
    assert job["lease_token"] >= 2, "nobody died, so nothing was tested"
    assert max(waits) < RECOVERED
    site.comes_out_right()


def test_everything_is_killed_at_once(site: Site) -> None:
    begun(site)
    for name in ("worker", "web", "beat"):
        site.installation.kill(name)
    killed = site.look()
    ready_before = site.installation.log("worker").count(" ready.")
    for name in ("web", "beat", "worker"):
        site.installation.start(name)
    site.installation.wait(
        lambda: site.installation.log("worker").count(" ready.") > ready_before, seconds=60, what="a worker"
    )
    assert site.until_further(killed["done"]) < RECOVERED
    site.until_done()
    site.comes_out_right()


def test_a_frozen_worker_is_overtaken_and_wakes(site: Site) -> None:
    begun(site)
    installation = site.installation
    installation.send("worker", signal.SIGSTOP)
    if installation.server is None and frozen_within_a_step(site):
        pytest.skip("SQLite has one writer, and it sleeps in the middle of writing")
    installation.start("second", "worker")
    site.until_done(90)
    installation.send("worker", signal.SIGCONT)
    installation.wait(lambda: "job_fenced" in installation.log("worker"), seconds=20, what="the first to be told")
    site.comes_out_right()


def frozen_within_a_step(site: Site) -> bool:
    """Whether the database's one lock is held."""
    import sqlite3

    file = site.installation.directory / "coterie.sqlite3"
    with contextlib.closing(sqlite3.connect(file, timeout=0.2, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        database.execute("ROLLBACK")
        return False


def test_messages_are_doubled(site: Site) -> None:
    installation = site.installation
    page = ready(site)
    installation.start("second", "worker")
    site.click_import(page, site.rows())
    job = site.job()
    assert job is not None
    installation.ask(f"from portal import jobs\nanswer = [jobs.ring({job['id']}, 'bulk') for _ in range(8)]")
    site.until_done()
    time.sleep(1)
    job = site.job()
    assert job is not None
    assert job["lease_token"] == 1
    site.comes_out_right()


def ready(site: Site) -> str:
    """The page of a file that is checked, with a worker waiting."""
    site.installation.start("worker")
    return site.check(site.rows())


def lose_the_message(site: Site) -> None:
    """Nobody is there when Import is clicked, and the broker forgets."""
    installation = site.installation
    page = ready(site)
    installation.kill("worker")
    site.click_import(page, site.rows())
    for message in (installation.directory / "broker" / "messages").glob("*.bulk.msg"):
        message.unlink()
    installation.start("worker")


def test_a_message_is_lost(site: Site) -> None:
    lose_the_message(site)
    site.until_under_way(seconds=RECOVERED)
    site.until_done()
    site.comes_out_right()


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="without the sweeper nobody hears of the work")
def test_someone_must_sweep(site: Site) -> None:
    site.installation.kill("beat")
    try:
        lose_the_message(site)
        site.until_under_way(seconds=RECOVERED)
    finally:
        site.installation.start("beat")


def test_a_deploy_in_the_middle(site: Site) -> None:
    begun(site)
    before = site.look()["done"]
    assert site.installation.end("worker", seconds=10) < 10
    assert site.state() == "queued"
    assert before <= site.look()["done"] < PEOPLE
    site.installation.start("worker")
    site.until_done()
    site.comes_out_right()


def test_cancelled_in_the_middle_and_taken_back(site: Site) -> None:
    begun(site)
    job = site.job()
    assert job is not None
    run = f"/s/{site.slug}/runs/{job['id']}/"
    site.owner.press(run, f"{run}cancel/").raise_for_status()
    site.installation.wait(lambda: site.state() == "cancelled", seconds=30, what="the end of it")
    done = (site.job() or {})["done"]
    seen = site.nursery.run("oracle.seen", site.slug).answer
    assert 0 < len(seen["members"]) == done < PEOPLE
    assert site.nursery.run("oracle.broken").answer == {}
    page = site.owner.get(site.page).text
    assert f"{done} " in page
    site.nursery.run("scenes.undo_import", site.slug, [])
    seen = site.nursery.run("oracle.seen", site.slug).answer
    assert (seen["members"], seen["count"]) == ([], [0])
    assert site.nursery.run("oracle.broken").answer == {}


def test_the_web_dies_between_commit_and_bell(site: Site) -> None:
    installation = site.installation
    installation.start("worker")
    installation.kill("web")
    installation.start("web", CRASH_AT="job.committed:1")
    installation.wait(lambda: site.owner.get("/accounts/login/").ok, seconds=60, what="the web")
    with pytest.raises(requests.ConnectionError):
        site.bring(site.rows())
    installation.wait(lambda: site.state(CHECK) == "succeeded", seconds=RECOVERED, what="the check")
    installation.kill("web")
    installation.start("web")
    assert site.nursery.run("oracle.broken").answer == {}


def test_two_files_at_once(site: Site) -> None:
    first, second = site.rows(0, 250), site.rows(150, PEOPLE)
    site.installation.start("worker")
    pages = [site.check(first, "first.csv"), site.check(second, "second.csv")]
    site.installation.start("second", "worker")
    for page in pages:
        site.owner.press(page, f"{page}import/").raise_for_status()
    query = (
        "SELECT count(*) FROM portal_job j JOIN portal_store s ON s.id = j.store_id "
        "WHERE s.slug = %s AND state = 'succeeded'"
    )

    def all_done() -> bool:
        with site.installation.rows(query, site.slug) as rows:
            return bool(rows[0][0] == 4)

    site.installation.wait(all_done, seconds=60, what="both")
    seen = site.nursery.run("oracle.seen", site.slug).answer
    assert len(seen["members"]) == seen["count"][0] == PEOPLE
    added = sum(counts["added"] for counts, _ in seen["counts"])
    already = sum(counts.get("already", 0) for counts, _ in seen["counts"])
    assert (added, already) == (PEOPLE, 100)
    assert seen["days"] == [[PEOPLE, PEOPLE, 0]]
    assert site.nursery.run("oracle.broken").answer == {}
