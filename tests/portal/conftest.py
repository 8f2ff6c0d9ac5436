from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from portal import jobs, work
from tests.portal.counting import Counting


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Counting]]:
    """The one kind of work that there is: `test.count`."""
    monkeypatch.setattr(work, "_kinds", {"test.count": (Counting, "bulk")})
    yield Counting
    Counting.during = None
    jobs.stopping.clear()


@pytest.fixture
def _commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to follow a commit follows at once: a test's own transaction is never committed."""
    monkeypatch.setattr(transaction, "on_commit", lambda act, **_: act())
