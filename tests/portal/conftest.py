from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from portal import jobs, work
from portal.outbound import Session
from tests.portal.counting import Counting
from tests.portal.outside import Authority, Outside, answer, says


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Counting]]:
    """The one kind of work that there is: `test.count`."""
    monkeypatch.setattr(work, "_kinds", {"test.count": work.Kind(Counting, "bulk")})
    yield Counting
    Counting.during = None
    jobs.stopping.clear()


@pytest.fixture
def _commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to follow a commit follows at once: a test's own transaction is never committed."""
    monkeypatch.setattr(transaction, "on_commit", lambda act, **_: act())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def service(authority: Authority) -> Iterator[Outside]:
    """An outside service at this machine that is shop.example."""
    with Outside(says(answer(b'{"ok": true}')), authority.server("shop.example", "127.0.0.1")) as outside:
        yield outside


@pytest.fixture
def session(authority: Authority) -> Iterator[Session]:
    with Session(authorities=authority.file) as opened:
        yield opened


@pytest.fixture
def plain() -> Iterator[Outside]:
    with Outside(says(answer(b'{"ok": true}', "200 OK", "X-Said: yes"))) as outside:
        yield outside
