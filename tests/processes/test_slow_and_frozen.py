"""Workers that take longer than their lease: those that live keep it, those that froze lose it and write no more."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.nursery import Nursery
from tests.processes.oracle import Shop

pytestmark = pytest.mark.processes

LEASE = 2
STORY = "import members"
KNOWN = [f"p{n:02}@maple.example" for n in range(12)]
CAST: dict[str, Any] = {
    "customers": KNOWN,
    "members": [],
    "removed": [],
    "file": [[email, f"Person {n}", ""] for n, email in enumerate(KNOWN)],
}
SOON = "options=-c%20idle_in_transaction_session_timeout=2000%20-c%20lock_timeout=1000"
on_postgresql = pytest.mark.skipif(named_server() is None, reason="SQLite has one writer: nobody gets in between")


class Theatre:
    def __init__(self, installation: Installation, nursery: Nursery) -> None:
        self.installation, self.nursery = installation, nursery
        self._count = 0

    def name(self) -> str:
        self._count += 1
        return f"store-{self._count}"

    def token(self, slug: str) -> int:
        """How many workers have held the import of the store."""
        query = (
            "SELECT lease_token FROM portal_job JOIN portal_store ON portal_store.id = store_id "
            "WHERE slug = %s AND kind = %s"
        )
        with self.installation.rows(query, slug, "segments.import_upload") as rows:
            return int(rows[0][0]) if rows else 0

    def is_frozen(self, pid: int) -> bool:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def wait(self, condition: Callable[[], Any]) -> None:
        self.installation.wait(condition, seconds=30, what="the scene")

    def others_work_until(self, slug: str, condition: Callable[[], Any]) -> None:
        """Other workers come by, time and again."""

        def come_by() -> Any:
            self.nursery.run("scenes.work", slug)
            return condition()

        self.wait(come_by)

    def ended(self, slug: str) -> bool:
        seen = self.nursery.run("oracle.seen", slug).answer
        return [job[1] for job in seen["jobs"]] == ["succeeded", "succeeded"]

    def comes_out_right(self, slug: str) -> None:
        shop = Shop({email: ["", ""] for email in KNOWN})
        results = [shop.import_members(CAST["file"])]
        seen = self.nursery.run("oracle.seen", slug).answer
        assert seen == {**seen, **shop.told(), "results": results}
        assert [job[1] for job in seen["jobs"]] == ["succeeded", "succeeded"]
        assert self.nursery.run("oracle.broken").answer == {}


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    directory = tmp_path_factory.mktemp("theatre")
    made = Installation(directory, named_server(), portion=5, broker="memory://", COTERIE_JOB_LEASE_SECONDS=str(LEASE))
    if made.server:
        made.environment["DATABASE_URL"] += f"{'&' if '?' in made.database_url else '?'}{SOON}"
    with made as installation, Nursery(installation.environment, directory / "nursery.log") as nursery:
        yield Theatre(installation, nursery)


# --- Steps that take long ---------------------------------------------------------------------------------------------


def a_step_lasts_three_leases(theatre: Theatre, **changed: Any) -> str:
    """A worker takes its time in a step, while others come by; the store."""
    slug = theatre.name()
    # The second job is the import; others are at work all the time.
    slow = theatre.nursery.begin("scenes.linger", STORY, slug, CAST, "import.applied", 3 * LEASE, changed)
    theatre.wait(lambda: theatre.token(slug))
    until = time.monotonic() + 3 * LEASE + 1
    theatre.others_work_until(slug, lambda: time.monotonic() > until)
    theatre.nursery.end(slow)
    theatre.others_work_until(slug, lambda: theatre.ended(slug))
    return slug


@on_postgresql
def test_a_long_step_is_not_begun_by_another(theatre: Theatre) -> None:
    slug = a_step_lasts_three_leases(theatre)
    theatre.comes_out_right(slug)
    assert theatre.token(slug) == 1


@on_postgresql
@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="another begins the step while it is done")
def test_the_lease_must_be_renewed(theatre: Theatre) -> None:
    slug = a_step_lasts_three_leases(theatre, pulse=False)
    assert theatre.token(slug) == 1


@on_postgresql
def test_a_step_without_end_is_taken_away(theatre: Theatre) -> None:
    slug = a_step_lasts_three_leases(theatre, JOB_STEP_SECONDS_MOST=1)
    theatre.comes_out_right(slug)
    assert theatre.token(slug) > 1


# --- Workers that froze -----------------------------------------------------------------------------------------------


def one_freezes_and_another_takes_over(theatre: Theatre, place: str, scene: str = "perform") -> str:
    slug = theatre.name()
    frozen = theatre.nursery.begin(f"scenes.{scene}", STORY, slug, CAST, {"FREEZE_AT": place})
    theatre.wait(lambda: theatre.is_frozen(frozen))
    began = time.monotonic()
    theatre.others_work_until(slug, lambda: theatre.ended(slug))
    assert time.monotonic() - began < 60
    assert theatre.token(slug) >= 2
    os.kill(frozen, signal.SIGCONT)
    theatre.nursery.end(frozen)
    return slug


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("step.kept:6", id="between steps"),
        pytest.param("step.written:6", marks=on_postgresql, id="within a step"),
        pytest.param("step.accounted:6", marks=on_postgresql, id="before its commit"),
    ],
)
def test_a_frozen_worker_wakes_and_writes_no_more(theatre: Theatre, place: str) -> None:
    theatre.comes_out_right(one_freezes_and_another_takes_over(theatre, place))


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="without the token both do the work")
def test_without_the_token_it_goes_on(theatre: Theatre) -> None:
    theatre.comes_out_right(one_freezes_and_another_takes_over(theatre, "step.kept:6", "forget_tokens"))
