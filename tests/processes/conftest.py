from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.installation import Installation
from tests.processes.servers import Postgres, Redis
from tests.tooling.outcome import UnavailableError


def named_server() -> str | None:
    """The PostgreSQL server that this run of the tests is for; None for SQLite."""
    url = os.environ.get("DATABASE_URL", "")
    return url if url.startswith("postgres") else None


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation on the database that this run of the tests is for."""
    with Installation(tmp_path, named_server()) as made:
        yield made


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of the test's own, to be stopped and killed; in the run for PostgreSQL alone."""
    if named_server() is None:
        pytest.skip("belongs to the run on PostgreSQL")
    try:
        server = Postgres()
    except UnavailableError as error:
        pytest.skip(f"no PostgreSQL of our own: {error}")
    with server:
        yield server


@pytest.fixture
def redis() -> Iterator[Redis]:
    """A Redis of the test's own, to be emptied and killed."""
    try:
        server = Redis()
    except UnavailableError as error:
        pytest.skip(str(error))
    with server:
        yield server
