"""A row that workers die of: every worker that touches it aborts, and all the others are worked on nevertheless."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.nursery import Nursery

pytestmark = pytest.mark.processes

CAST: dict[str, Any] = {
    "customers": [f"p{n:03}@maple.example" for n in range(90)],
    "members": [],
    "removed": [],
    "file": [[f"p{n:03}@maple.example", f"Person {n}", ""] for n in range(90)],
}
POISON = "p043@maple.example"
LINE = 43


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    directory = tmp_path_factory.mktemp("poison")
    with (
        Installation(directory, named_server(), portion=30, broker="memory://") as installation,
        Nursery(installation.environment, directory / "nursery.log") as nursery,
    ):
        yield nursery


def tell_until_it_ends(nursery: Nursery, story: str, slug: str, **switches: str) -> tuple[Any, int]:
    """As one worker after the other comes and dies; what is seen in the end, and how many have died."""
    for deaths in range(30):
        ended = nursery.run("scenes.recover", story, slug, CAST, **switches)
        if ended.signal is None:
            return ended.answer[1], deaths
        assert ended.signal == signal.SIGABRT
    raise AssertionError("The work kills one worker after the other for ever.")


@pytest.mark.parametrize(("story", "good"), [("import members", "Added"), ("import customers", "Customer updated")])
def test_a_row_that_kills_in_the_check_is_left_out(nursery: Nursery, story: str, good: str) -> None:
    slug = f"check-{story.replace(' ', '-')}"
    nursery.run("scenes.prepare", story, slug, CAST)
    seen, deaths = tell_until_it_ends(nursery, story, slug, ABORT_ON=POISON)
    assert seen["results"] == [["Invalid" if n == LINE else good for n in range(90)]]
    assert (seen["counts"][0][0]["invalid"], seen["counts"][0][1]) == (1, 90)
    assert all(state == "succeeded" for _, state, *_ in seen["jobs"])
    assert deaths <= 8
    assert nursery.run("oracle.broken").answer == {}
    reasons = nursery.run("oracle.reasons", slug).answer
    assert reasons == ["This row could not be processed. It was left out, so that the others could be."]


@pytest.mark.parametrize(("story", "good"), [("import members", "Added"), ("import customers", "Customer updated")])
def test_a_row_that_kills_in_the_import_is_left_out(nursery: Nursery, story: str, good: str) -> None:
    slug = f"import-{story.replace(' ', '-')}"
    # Killed when the click on Import is committed: everything before went well.
    assert nursery.run("scenes.perform", story, slug, CAST, {"CRASH_AT": "job.committed:2"}).signal == signal.SIGKILL
    seen, deaths = tell_until_it_ends(nursery, story, slug, ABORT_ON=POISON)
    assert seen["results"] == [["Invalid" if n == LINE else good for n in range(90)]]
    assert seen["counts"][0][0]["invalid"] == 1
    assert deaths <= 8
    if story == "import members":
        assert len(seen["members"]) == 89
        assert seen["days"] == [[89, 89, 0]]
    assert nursery.run("oracle.broken").answer == {}


def test_work_without_portions_ends_with_a_word(nursery: Nursery) -> None:
    slug = "no-portions"
    nursery.run("scenes.perform", "import members", slug, CAST, {})
    for _ in range(3):
        died = nursery.run("scenes.recover", "undo an import", slug, CAST, CRASH_AT="undo.withdrawn:1")
        assert died.signal == signal.SIGKILL
    seen = nursery.run("scenes.recover", "undo an import", slug, CAST, CRASH_AT="undo.withdrawn:1").answer
    kind, state, *_, error = seen[1]["jobs"][-1]
    assert (kind, state) == ("segments.undo_upload", "failed")
    assert "interrupted again and again" in error
