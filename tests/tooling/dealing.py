"""A pytest plugin that deals the tests of real programs and of pages out to those who run them.

Tests of a file stay together, as they share an installation. The long ones are begun first, so that nobody
waits for another at the end, and the pages, which look at the same demo, go in portions.
"""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

PORTIONS = {"tests/browser/test_every_page.py": 8}
FIRST = (
    "test_every_page.py",
    "test_kill_everywhere.py",
    "test_deaths.py",
    "test_kill_lists.py",
    "test_syncs.py",
    "test_closing.py",
    "test_arrivals.py",
    "test_kill_histories.py",
    "test_broker_away.py",
    "test_database_away.py",
    "test_restored.py",
)
"""Files that take a minute and more: by turns one that keeps the processor busy, and one that mostly waits."""


class Dealing(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return f"{file} {zlib.crc32(nodeid.encode()) % PORTIONS.get(file, 1)}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Dealing:
    config.option.loadscopereorder = False
    return Dealing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))
