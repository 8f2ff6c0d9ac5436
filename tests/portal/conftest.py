from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal import jobs, work
from tests.portal.counting import Counting


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Counting]]:
    """The one kind of work that there is: `test.count`."""
    monkeypatch.setattr(work, "_kinds", {"test.count": (Counting, "bulk")})
    yield Counting
    Counting.during = None
    jobs.stopping.clear()
