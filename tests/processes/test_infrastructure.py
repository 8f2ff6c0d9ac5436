"""A database or a broker that goes away, falls silent or has no room, and comes back: what people see, what goes on."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from tests.processes.conftest import named_server
from tests.processes.installation import PROGRAMS, ROOT, Installation
from tests.processes.servers import Postgres, Redis
from tests.processes.tcpproxy import TcpProxy
from tests.processes.visitor import Visitor

pytestmark = pytest.mark.processes

PASSWORD = "a-long-test-password"
SEED = f"""
from portal.models import Staff, Store, User
from customers.models import Customer
from segments.models import Segment
store = Store.objects.create(slug="maple", name="Maple Coffee", plan="pro")
user = User.objects.create_user("owner@maple.example", {PASSWORD!r})
Staff.objects.create_for(store, user=user, role="owner")
for number in range(40):
    Customer(store=store, email=f"p{{number}}@maple.example").save()
answer = Segment.objects.create_for(store, name="Big Spenders").pk
"""
FILE = ("people.csv", b"email\n" + b"".join(b"p%d@maple.example\n" % number for number in range(40)), "text/csv")


@contextlib.contextmanager
def opened(installation: Installation, *programs: str) -> Iterator[tuple[Visitor, int]]:
    """The installation with a store and these programs; its owner, signed in, and a segment."""
    with installation:
        segment = installation.ask(SEED)
        for name in ("web", *programs):
            installation.start(name)
        visitor = installation.browser()
        installation.wait(lambda: visitor.get("/accounts/login/").ok, seconds=60, what="the web")
        visitor.sign_in("owner@maple.example", PASSWORD)
        yield visitor, segment


def timed(visitor: Visitor, path: str, **headers: str) -> tuple[requests.Response, float]:
    began = time.monotonic()
    answer = visitor.session.get(visitor.base + path, headers=headers, timeout=60)
    return answer, time.monotonic() - began


# --- The database -----------------------------------------------------------------------------------------------------


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


# --- The broker -------------------------------------------------------------------------------------------------------


def press_import(visitor: Visitor, segment: int) -> tuple[str, float]:
    """Bring a file; the address of its page, and the seconds that sending it took."""
    form = f"/s/maple/segments/{segment}/imports/new/"
    token = visitor.token(form)
    began = time.monotonic()
    answer = visitor.session.post(
        visitor.base + form,
        data={"csrfmiddlewaretoken": token},
        files={"file": FILE},
        headers={"Referer": visitor.base + form},
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 302, answer.text[-500:]
    return urlsplit(answer.headers["Location"]).path, time.monotonic() - began


def is_checked(installation: Installation) -> bool:
    job = installation.job("segments.check_upload")
    assert job is None or job["state"] not in {"failed", "cancelled"}, job
    return bool(job and job["state"] == "succeeded")


def state(installation: Installation) -> str:
    job = installation.job("segments.check_upload")
    assert job is not None
    return str(job["state"])


def test_a_click_while_the_broker_is_away(redis: Redis, tmp_path: Path) -> None:
    installation = Installation(tmp_path, named_server(), broker=redis.url())
    with opened(installation, "worker", "beat") as (visitor, segment):
        redis.kill()
        page, seconds = press_import(visitor, segment)
        assert seconds < 2
        assert state(installation) == "queued"
        assert visitor.get(page).ok
        assert visitor.get("/healthz").json()["broker"] == "unreachable"
        redis.start()
        installation.wait(lambda: is_checked(installation), seconds=30, what="the check to be done")


def test_a_click_while_the_broker_says_nothing(redis: Redis, tmp_path: Path) -> None:
    with TcpProxy(("127.0.0.1", redis.port)) as proxy:
        installation = Installation(tmp_path, named_server(), broker=redis.url(proxy.port))
        with opened(installation) as (visitor, segment):
            press_import(visitor, segment)
            proxy.black_hole = True
            assert press_import(visitor, segment)[1] < 3
            assert press_import(visitor, segment)[1] < 1, "everybody waits for it anew"


@pytest.mark.parametrize("fault", ["full", "readonly"])
def test_work_goes_on_while_the_broker_takes_nothing(redis: Redis, tmp_path: Path, fault: str) -> None:
    installation = Installation(tmp_path, named_server(), broker=redis.url(), COTERIE_STANDIN_SECONDS="4")
    with opened(installation, "worker", "beat") as (visitor, segment):
        refuse(redis, fault)
        assert press_import(visitor, segment)[1] < 2
        installation.wait(lambda: is_checked(installation), seconds=40, what="the check to be done")
        assert "standin_works" in installation.log("worker")


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="nobody rings, and nobody looks by himself")
def test_work_would_stand_still(redis: Redis, tmp_path: Path) -> None:
    installation = Installation(tmp_path, named_server(), broker=redis.url(), COTERIE_STANDIN_SECONDS="3600")
    with opened(installation, "worker", "beat") as (visitor, segment):
        refuse(redis, "full")
        press_import(visitor, segment)
        installation.wait(lambda: is_checked(installation), seconds=30, what="the check to be done")


def refuse(redis: Redis, fault: str) -> None:
    """Let Redis take no message any more."""
    if fault == "full":
        redis.client.config_set("maxmemory", 1)
        redis.client.config_set("maxmemory-policy", "noeviction")
    else:
        # As after a snapshot that failed: MISCONF.
        redis.client.config_set("min-replicas-to-write", 1)


def test_connections_to_the_broker_that_are_reset(redis: Redis, tmp_path: Path) -> None:
    with TcpProxy(("127.0.0.1", redis.port)) as proxy:
        installation = Installation(tmp_path, named_server(), broker=redis.url(proxy.port))
        with opened(installation, "worker", "beat") as (visitor, _):
            for number in range(8):
                proxy.reset()
                press_import(visitor, installation.ask(_segment(number)))
                installation.wait(lambda: is_checked(installation), seconds=60, what=f"the work after reset {number}")


def _segment(number: int) -> str:
    return (
        "from portal.models import Store\nfrom segments.models import Segment\n"
        f"answer = Segment.objects.create_for(Store.objects.get(), name='Segment {number}').pk"
    )


# --- The web itself ---------------------------------------------------------------------------------------------------


def test_a_sender_who_goes_away_half_way(tmp_path: Path) -> None:
    with opened(Installation(tmp_path, named_server())) as (visitor, segment):
        form = f"/s/maple/segments/{segment}/imports/new/"
        token, boundary = visitor.token(form), b"x" * 20
        cookies = "; ".join(f"{name}={value}" for name, value in visitor.session.cookies.items())
        rows = b"".join(b"p%d@maple.example\r\n" % number for number in range(200_000))
        part = b"--" + boundary + b"\r\nContent-Disposition: form-data; name="
        body = part + b"csrfmiddlewaretoken\r\n\r\n" + token.encode() + b"\r\n"
        body += part + b"file; filename=people.csv\r\n\r\nemail\r\n" + rows + b"\r\n--" + boundary + b"--\r\n"
        head = (
            f"POST {form} HTTP/1.1\r\nHost: {urlsplit(visitor.base).netloc}\r\nCookie: {cookies}\r\n"
            f"Referer: {visitor.base}{form}\r\nContent-Type: multipart/form-data; boundary={boundary.decode()}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        for share in (0.1, 0.5, 0.99):
            with socket.create_connection(("127.0.0.1", urlsplit(visitor.base).port), timeout=10) as wire:
                wire.sendall(head.encode() + body[: int(len(body) * share)])
        time.sleep(1)
        assert not list((tmp_path / "incoming").iterdir())
        assert not list((tmp_path / "files").rglob("*.csv"))
        press_import(visitor, segment)
        assert len(list((tmp_path / "files").rglob("*.csv"))) == 1


def test_a_log_that_takes_nothing(tmp_path: Path) -> None:
    installation = Installation(tmp_path, named_server())
    with installation, Path("/dev/full").open("ab", buffering=0) as full:
        installation.ask(SEED)
        installation.start("web")
        visitor = installation.browser()
        installation.wait(lambda: visitor.get("/accounts/login/").ok, seconds=60, what="the web")
        installation.kill("web")
        program, *rest = PROGRAMS["web"]
        address = f"127.0.0.1:{installation.port}"
        web = subprocess.Popen(
            [str(Path(sys.executable).with_name(program)), *rest, "-b", address, "--access-logfile", "-"],
            cwd=ROOT, env=installation.environment, stdin=subprocess.DEVNULL, stdout=full, stderr=full,
        )  # fmt: skip
        try:
            installation.wait(lambda: visitor.get("/accounts/login/").ok, seconds=60, what="the web without a log")
            visitor.sign_in("owner@maple.example", PASSWORD)
            for path, status in (("/s/maple/", 200), ("/s/nowhere/", 404), ("/healthz", 503)):
                assert visitor.get(path).status_code == status
        finally:
            web.terminate()
            web.wait(30)


def test_requests_leave_nothing_open(tmp_path: Path) -> None:
    with opened(Installation(tmp_path, named_server())) as (visitor, _):
        held = {}
        paths = ["/s/maple/", "/s/maple/customers/", "/s/nowhere/", "/healthz", "/static/img/mark.svg"]
        with ThreadPoolExecutor(4) as pool:
            for lap in range(3):
                list(pool.map(visitor.get, paths * 80))
                time.sleep(1)
                held[lap] = open_files(urlsplit(visitor.base).port or 0)
        assert abs(held[2] - held[1]) <= 3, held


def open_files(port: int) -> int:
    """How many files and sockets the web's processes hold that listen on the port."""
    count = 0
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and f"127.0.0.1:{port}".encode() in (process / "cmdline").read_bytes():
                count += len(list((process / "fd").iterdir()))
    return count
