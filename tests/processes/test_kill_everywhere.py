"""`kill -9` at every crash point, the first time a process comes by it, the second, and so on: what comes of the work
is what would have come of it undisturbed, and what a model in plain Python says."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.nursery import Nursery
from tests.processes.oracle import Shop

pytestmark = pytest.mark.processes

PORTION = 7
KNOWN = [f"p{n:02}@maple.example" for n in range(12)]
INSIDE, REMOVED = KNOWN[:2], KNOWN[2:4]
CAST: dict[str, Any] = {
    "customers": KNOWN,
    "members": INSIDE,
    "removed": REMOVED,
    "file": [
        *[[email, f"Person {n}", f"555-{n}"] for n, email in enumerate(KNOWN[:9])],
        ["nobody@maple.example", "Nobody", ""],
        ["not an address", "Wrong", ""],
        [f" {KNOWN[5].upper()} ", "The last word", ""],
        ["new@maple.example", "New", "1"],
    ],
}
STORIES = (
    "import customers",
    "import members",
    "undo an import",
    "delete a segment",
    "export members",
    "erase a person",
    "make metrics",
)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    directory = tmp_path_factory.mktemp("nursery")
    with (
        Installation(directory, named_server(), portion=PORTION, broker="memory://") as installation,
        Nursery(installation.environment, directory / "nursery.log") as nursery,
    ):
        yield nursery


def modelled(story: str) -> dict[str, Any]:
    """What the model says must come of the story."""
    shop = Shop({email: ["", ""] for email in KNOWN})
    shop.add(*INSIDE, *REMOVED)
    shop.remove(*REMOVED)
    if story == "make metrics":
        return shop.told()
    bring = shop.import_customers if story == "import customers" else shop.import_members
    results = [bring(CAST["file"])]
    if story == "undo an import":
        shop.undo()
    if story == "delete a segment":
        shop.delete()
        return shop.told() | {"results": [], "count": [], "days": []}
    if story == "erase a person":
        shop.erase(KNOWN[0])
        results = [["Erased person" if row[0] == KNOWN[0] else said for row, said in zip(CAST["file"], results[0])]]  # noqa: B905
    return shop.told() | {"results": results}


@pytest.mark.parametrize("story", STORIES)
def test_killed_at_every_point_it_comes_to_the_same_end(
    nursery: Nursery, story: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("kills", kill_everywhere(nursery, story, CAST, modelled(story)))


def kill_everywhere(nursery: Nursery, story: str, cast: dict[str, Any], model: dict[str, Any]) -> int:
    """Kill the story at every point, and hold what comes of it against the undisturbed run, and that against the model;
    how many kills that were."""
    names = (f"{story.replace(' ', '-')}-{number}" for number in itertools.count(1))
    golden = next(names)
    points = nursery.run("scenes.rehearse", story, golden, cast).answer
    assert points, "the story comes by no crash point"
    answer, expected = nursery.run("scenes.recover", story, golden, cast).answer
    assert expected == {**expected, **model}
    for name in dict.fromkeys(points):
        for hit in itertools.count(1):
            slug = next(names)
            killed = nursery.run("scenes.perform", story, slug, cast, {"CRASH_AT": f"{name}:{hit}"})
            if killed.signal is None:
                break
            assert killed.signal == signal.SIGKILL
            where = f"killed at {name}, time {hit}"
            assert nursery.run("scenes.recover", story, slug, cast).answer == [answer, expected], where
        assert hit - 1 == points.count(name)
    assert nursery.run("oracle.broken").answer == {}
    return len(points)
