"""`kill -9` at every crash point of what a segment does that follows a list elsewhere; see test_kill_everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from segments.sandbox.klaviyo import KlaviyoSandbox
from tests.processes import lists
from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.nursery import Nursery
from tests.processes.oracle import Shop
from tests.processes.test_kill_everywhere import INSIDE, KNOWN, PORTION, REMOVED, kill_everywhere

pytestmark = pytest.mark.processes

NEW = ["new1@maple.example", "new2@maple.example"]
CAST: dict[str, Any] = {
    "customers": KNOWN,
    "members": INSIDE,
    "removed": REMOVED,
    "file": [
        ["both", "by-hand", KNOWN[0]],
        ["first", "by-hand-too", KNOWN[1]],
        ["both", "removed", KNOWN[2]],
        *[["first", f"goes-{n}", email] for n, email in enumerate(KNOWN[4:7])],
        ["both", "stays", KNOWN[7]],
        ["both", "twice", f" {KNOWN[7].upper()} "],
        *[["later", f"comes-{n}", email] for n, email in enumerate(KNOWN[8:11])],
        ["both", "stranger", "nobody@maple.example"],
        ["first", "without-address", ""],
        *[["both", f"new-{n}", email] for n, email in enumerate(NEW)],
    ],
}
STORIES = ("import a list", "sync a list", "unlink and keep", "unlink and let go", "newcomers join")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    directory = tmp_path_factory.mktemp("nursery")
    with KlaviyoSandbox(limits=False) as klaviyo:
        klaviyo.account(lists.KEY, account_id=lists.ACCOUNT)
        klaviyo.list(lists.LIST, "Newsletter")
        with (
            Installation(
                directory, named_server(), portion=PORTION, broker="memory://", KLAVIYO_API_URL=klaviyo.url
            ) as installation,
            Nursery(installation.environment, directory / "nursery.log") as nursery,
        ):
            yield nursery


def modelled(story: str) -> dict[str, Any]:
    """What the model says must come of the story."""
    shop = Shop({email: ["", ""] for email in KNOWN})
    shop.add(*INSIDE, *REMOVED)
    shop.remove(*REMOVED)
    shop.sync(CAST["file"], "first")
    if story == "sync a list":
        shop.sync(CAST["file"], "later")
    if story.startswith("unlink"):
        shop.unlink(keep=story.endswith("keep"))
    if story == "newcomers join":
        shop.customers |= {email: ["", ""] for email in NEW}
        shop.sync(CAST["file"], "first")
    return shop.told()


@pytest.mark.parametrize("story", STORIES)
def test_killed_at_every_point_it_comes_to_the_same_end(
    nursery: Nursery, story: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("kills", kill_everywhere(nursery, story, CAST, modelled(story)))
