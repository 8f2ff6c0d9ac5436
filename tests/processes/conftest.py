from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation on the database that this run of the tests is for."""
    url = os.environ.get("DATABASE_URL", "")
    with Installation(tmp_path, url if url.startswith("postgres") else None) as made:
        yield made
