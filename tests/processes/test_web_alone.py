"""The web itself: senders who go away, a log that takes nothing, and what requests leave open."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.processes.conftest import named_server
from tests.processes.installation import PROGRAMS, ROOT, Installation
from tests.processes.shop import PASSWORD, SEED, opened, press_import

pytestmark = pytest.mark.processes


@pytest.mark.once  # it is about files
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


@pytest.mark.once  # it is about the log
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
