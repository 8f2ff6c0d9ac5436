"""A pytest plugin for the run on the second database: tests that ask for no database have run on the first one.

They can tell nothing new: pytest-django lets nobody near a database who does not ask for it.
"""

from __future__ import annotations

import pytest

ASKED_BY_NAME = {"db", "transactional_db", "live_server", "django_db_setup"}


def asks_for_database(item: pytest.Item) -> bool:
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return item.get_closest_marker("django_db") is not None or not ASKED_BY_NAME.isdisjoint(fixtures)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left = [item for item in items if not asks_for_database(item)]
    items[:] = [item for item in items if asks_for_database(item)]
    config.hook.pytest_deselected(items=left)
