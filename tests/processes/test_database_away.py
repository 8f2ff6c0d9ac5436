"""A database that goes away, falls silent or has no room, and comes back: what people see, what goes on."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.processes.installation import Installation
from tests.processes.servers import Postgres
from tests.processes.shop import PASSWORD, SEED, opened, timed
from tests.processes.tcpproxy import TcpProxy

pytestmark = pytest.mark.processes


def test_pages_without_a_database_and_after_it(postgres: Postgres, tmp_path: Path) -> None:
    installation = Installation(tmp_path, postgres.url())
    with opened(installation) as (visitor, _):
        assert visitor.get("/s/maple/").ok
        for end in (False, True):
            postgres.stop(immediate=end)
            for path in ("/s/maple/", "/s/maple/customers/", "/s/maple/segments/", "/"):
                answer, seconds = timed(visitor, path)
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
                assert "Back in a moment" in answer.text
                assert "Traceback" not in answer.text
                assert "no-store" in answer.headers["Cache-Control"]
                assert seconds < 6
            assert visitor.get("/healthz").json()["database"] == "unreachable"
            assert timed(visitor, "/s/maple/", Accept="application/json")[0].json()["status"] == 503
            assert visitor.get("/static/img/mark.svg").ok
            postgres.start()
            back = time.monotonic()
            installation.wait(lambda: visitor.get("/s/maple/").ok, seconds=15, what="pages")
            assert time.monotonic() - back < 15
            assert "Maple Coffee" in visitor.get("/s/maple/").text, "signed out by an outage"
        log = Path(tmp_path / "web.log").read_text()
        assert "database_unavailable" in log
        assert "Traceback" not in log


def test_no_room_for_another_connection(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres("max_connections=12", "superuser_reserved_connections=0"))
        visitor, _ = stack.enter_context(opened(Installation(tmp_path, server.url())))
        pool = stack.enter_context(ThreadPoolExecutor(8))
        held = []
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held.append(psycopg.connect(server.url(), connect_timeout=3))
        answers = [found.status_code for found in pool.map(visitor.get, ["/s/maple/"] * 24)]
        assert set(answers) <= {200, 503}
        assert 503 in answers
        assert visitor.get("/healthz").status_code == 503
        for connection in held:
            connection.close()
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and not visitor.get("/s/maple/").ok:
            time.sleep(0.1)
        assert {found.status_code for found in pool.map(visitor.get, ["/s/maple/"] * 12)} == {200}


def test_a_database_that_swallows_everything_holds_nobody_for_long(postgres: Postgres, tmp_path: Path) -> None:
    with TcpProxy(("127.0.0.1", postgres.port)) as proxy:
        installation = Installation(tmp_path, postgres.url(), database_port=proxy.port)
        with opened(installation) as (visitor, _), ThreadPoolExecutor(6) as pool:
            assert {found.status_code for found in pool.map(visitor.get, ["/s/maple/"] * 12)} == {200}
            proxy.black_hole = True
            answers = list(pool.map(lambda path: timed(visitor, path), ["/s/maple/", "/s/maple/customers/"] * 3))
            assert [answer.status_code for answer, _ in answers] == [503] * 6
            assert max(seconds for _, seconds in answers) < 30, [seconds for _, seconds in answers]
            # Whoever comes later meets no connection that is half-way through something, and is told sooner.
            assert timed(visitor, "/s/maple/")[1] < 6
            proxy.black_hole = False
            installation.wait(lambda: visitor.get("/s/maple/").ok, seconds=15, what="pages")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = Path(tempfile.mkdtemp(prefix="coterie-disk-"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("only root may mount")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()


def test_a_database_without_room(postgres: Postgres, small_disk: Path, tmp_path: Path) -> None:
    """What has to grow fails as a database does that is away; with room again all goes on, and nobody has to repair."""
    (space := small_disk / "space").mkdir()
    if postgres.who:
        os.chown(space, postgres.who["user"], postgres.who["group"])
        small_disk.chmod(0o755)
    installation = Installation(tmp_path, postgres.url())
    with installation:
        with psycopg.connect(postgres.url(), autocommit=True, connect_timeout=5) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{space}'".encode())
            connection.execute(f'ALTER DATABASE "{installation.database_name}" SET TABLESPACE small'.encode())
        segment = installation.ask(SEED)
        visitor = installation.start_all()
        visitor.sign_in("owner@maple.example", PASSWORD)
        fill(small_disk / "filler")
        form = f"/s/maple/segments/{segment}/imports/new/"
        answers = []
        for number in range(60):
            rows = b"".join(b"p%d@maple.example,%s\n" % (line, b"x" * 200) for line in range(300 + number))
            answers.append(visitor.post(form, {}, file=("people.csv", b"email,name\n" + rows, "text/csv")).status_code)
            if answers[-1] == 503 or waits(installation):
                break
        assert set(answers) <= {200, 503}
        assert answers[-1] == 503 or waits(installation), "it had room enough"
        assert visitor.get("/s/maple/").status_code in {200, 503}
        (small_disk / "filler").unlink()
        installation.wait(lambda: not unfinished(installation), seconds=90, what="everything to be done")
        assert visitor.get(form).ok
        installation.manage("check_invariants")


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65_536))


def waits(installation: Installation) -> bool:
    """Whether work was put back for want of room, which who connects anew may be in want of too."""
    with (
        contextlib.suppress(psycopg.OperationalError),
        installation.rows("SELECT count(*) FROM portal_job WHERE state = 'queued' AND error <> ''") as rows,
    ):
        return bool(rows[0][0])
    return True


def unfinished(installation: Installation) -> int:
    with installation.rows("SELECT count(*) FROM portal_job WHERE state <> 'succeeded'") as rows:
        return int(rows[0][0])
