"""Commits whose answer is lost on the way: what was done is neither lost nor done twice. And a server that goes down at
once in the middle of the work, time and again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.nursery import Nursery
from tests.processes.office import Office
from tests.processes.servers import Postgres
from tests.processes.tcpproxy import TcpProxy
from tests.processes.test_kill_everywhere import CAST, PORTION

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(named_server() is None, reason="SQLite has no wire that could break"),
]


@pytest.fixture
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nursery, TcpProxy]]:
    """Forks whose way to the database is a wire of ours."""
    server = named_server() or ""
    parts = urlsplit(server)
    directory = tmp_path_factory.mktemp("wired")
    with (
        TcpProxy((parts.hostname or "127.0.0.1", parts.port or 5432)) as proxy,
        Installation(directory, server, portion=PORTION, broker="memory://", database_port=proxy.port) as installation,
        Nursery(installation.environment, directory / "nursery.log") as nursery,
    ):
        yield nursery, proxy


@pytest.mark.parametrize("story", ["import customers", "import members"])
def test_the_answer_to_every_commit_is_lost_once(
    wired: tuple[Nursery, TcpProxy], story: str, record_property: Callable[[str, object], None]
) -> None:
    nursery, proxy = wired
    golden = f"golden-{story.replace(' ', '-')}"
    nursery.run("scenes.prepare", story, golden, CAST)
    expected = nursery.run("scenes.recover", story, golden, CAST).answer
    for time in itertools.count(1):
        slug = f"{story.replace(' ', '-')}-{time}"
        nursery.run("scenes.prepare", story, slug, CAST)
        proxy.lose_answer_to(b"COMMIT", time)
        nursery.end(nursery.begin("scenes.tell", story, slug, CAST), may_fail=True)
        if proxy.is_watching:
            break
        assert nursery.run("scenes.recover", story, slug, CAST).answer == expected, f"commit {time}"
    assert time > 10, "the work commits too seldom for this to mean anything"
    assert nursery.run("oracle.broken").answer == {}
    record_property("lost", time - 1)


def test_the_server_goes_down_at_once_time_and_again(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("down")
    with (
        Installation(directory, postgres.url(), portion=20, TEST_PAUSE="0.1") as installation,
        Nursery({**installation.environment, "CELERY_BROKER_URL": "memory://"}, directory / "nursery.log") as nursery,
    ):
        visitor = installation.start_all()
        assert visitor.get("/accounts/login/").ok
        site = Office(installation, nursery).site()
        site.click_import(site.check(site.rows()), site.rows())
        for done in (40, 120, 200, 280):
            site.until_further(done)
            postgres.stop(immediate=True)
            postgres.start()
        site.until_done(90)
        site.comes_out_right()
