"""The portal that the browser visits: the demo's stores, with web, worker and beat as real processes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from portal.demo import PASSWORD
from portal.demo_outside import KLAVIYO_KEY
from segments.sandbox.klaviyo import KlaviyoSandbox
from tests.processes.installation import ROOT, Installation, Visitor

STORE = "juniper"
STANDARD_STORE = "corner"


@dataclass
class Portal:
    """A running installation, what the tests ask it past the browser, and the Klaviyo that it calls."""

    installation: Installation
    klaviyo: KlaviyoSandbox

    @cached_property
    def owner(self) -> Visitor:
        """The owner, at a browser without scripts that is quick to use."""
        made = self.installation.browser()
        made.sign_in("owner@demo.example", PASSWORD)
        return made

    @property
    def base(self) -> str:
        return self.installation.base

    def path(self, rest: str = "", store: str = STORE) -> str:
        return f"/s/{store}/{rest}"

    def sample(self, name: str) -> Path:
        return self.installation.directory / "samples" / name

    def value(self, query: str, *parameters: Any) -> Any:
        """The first column of the first row that the query gives, or None."""
        with self.installation.rows(query, *parameters) as rows:
            return rows[0][0] if rows else None

    def write(self, statement: str, *parameters: Any) -> None:
        """Change a row past the application."""
        path = self.installation.directory / "coterie.sqlite3"
        with contextlib.closing(sqlite3.connect(path, timeout=20)) as database, database:
            database.execute(statement, parameters)

    @contextlib.contextmanager
    def worker_held(self) -> Iterator[None]:
        """The worker does nothing inside the block."""
        group = self.installation.processes["worker"].pid
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def mail(self, pattern: str) -> tuple[str, ...]:
        """The groups of `pattern` in the first mail that has it."""
        for mail in sorted((self.installation.directory / "mail").glob("*")):
            if found := re.search(pattern, mail.read_text()):
                return found.groups()
        raise AssertionError(f"No mail holds {pattern}")

    def settled(self, query: str, *parameters: Any) -> Any:
        """Wait for the query's first value to be there and true."""
        return self.installation.wait(lambda: self.value(query, *parameters), seconds=60, what=query)


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Portal]:
    """A portal with the demo in it, in a directory of its own."""
    installation = Installation(directory, None)
    installation.environment |= {"COTERIE_DEMO": "1", "COTERIE_JOB_LEASE_SECONDS": "30"}
    # Collecting and compressing takes as long as the rest together.
    collecting = subprocess.Popen(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"], cwd=ROOT, env=installation.environment
    )
    klaviyo = KlaviyoSandbox(limits=False)
    klaviyo.account(KLAVIYO_KEY, "Juniper at Klaviyo")
    try:
        installation.manage("migrate", "-v0")
        installation.manage("load_demo")
        installation.environment |= {"KLAVIYO_API_URL": klaviyo.start().url}
        for name in ("worker", "outside", "beat"):
            installation.start(name)
        assert collecting.wait(120) == 0
        installation.start("web")
        visitor = installation.browser()
        installation.wait(lambda: visitor.get("/accounts/login/").ok, seconds=60, what="the web")
        yield Portal(installation, klaviyo)
    finally:
        collecting.kill()
        klaviyo.stop()
        installation.__exit__()
