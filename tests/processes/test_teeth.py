"""What would become of killed and crossing work without the protections that are nowhere else taken away."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.nursery import Nursery
from tests.processes.test_kill_everywhere import CAST, KNOWN, PORTION

pytestmark = pytest.mark.processes
STORY = "import members"
on_postgresql = pytest.mark.skipif(named_server() is None, reason="SQLite has one writer: nobody gets in between")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    directory = tmp_path_factory.mktemp("teeth")
    with (
        Installation(directory, named_server(), portion=PORTION, broker="memory://") as installation,
        Nursery(installation.environment, directory / "nursery.log") as nursery,
    ):
        yield nursery


def killed_with_the_rows_written(nursery: Nursery, slug: str, scene: str, place: str) -> None:
    """The worker dies when the first window of the import is written; another goes on."""
    nursery.run("scenes.perform", STORY, f"{slug}-golden", CAST, {})
    expected = nursery.run("scenes.recover", STORY, f"{slug}-golden", CAST).answer
    died = nursery.run(f"scenes.{scene}", STORY, slug, CAST, {"CRASH_AT": place})
    assert died.signal == signal.SIGKILL
    assert nursery.run("scenes.recover", STORY, slug, CAST).answer == expected


def test_rows_and_their_accounting_are_kept_together(nursery: Nursery) -> None:
    killed_with_the_rows_written(nursery, "together", "perform", "step.written:7")


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="rows whose accounting is lost are taken for others'")
def test_accounting_must_be_in_the_same_transaction(nursery: Nursery) -> None:
    killed_with_the_rows_written(nursery, "apart", "account_apart", "rows are committed:7")


def removed_while_a_file_brings_them(nursery: Nursery, slug: str, directory: Path, *, lock: bool) -> None:
    """Somebody is removed by hand at the moment at which an import brings the same person in."""
    nursery.run("scenes.seed", slug, CAST | {"members": [KNOWN[0]], "removed": []})
    mark = directory / "has asked"
    entering = nursery.begin("scenes.enter_slowly", slug, KNOWN[0], lock, str(mark))
    deadline = time.monotonic() + 30
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    if not mark.exists():
        pytest.fail("Nobody came in, so nothing was tested.")
    removing = nursery.begin("scenes.remove", slug, KNOWN[0], lock)
    nursery.end(entering)
    nursery.end(removing)
    assert nursery.run("oracle.broken").answer == {}


def test_who_is_removed_meanwhile_stays_out(nursery: Nursery, tmp_path: Path) -> None:
    removed_while_a_file_brings_them(nursery, "locked", tmp_path, lock=True)


@on_postgresql
@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the person is in and kept out")
def test_the_segment_must_be_locked(nursery: Nursery, tmp_path: Path) -> None:
    removed_while_a_file_brings_them(nursery, "open", tmp_path, lock=False)
