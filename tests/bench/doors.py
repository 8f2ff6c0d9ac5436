"""What staff do, through the doors that they do it through; and what it costs the programs behind them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.town import OWNER, PASSWORD
from tests.processes.installation import Installation
from tests.processes.visitor import Visitor

PATIENCE = 3_600
"""Seconds after which a run that has not ended is given up."""


class Desk:
    """Someone signed in, with the installation in view."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.visitor: Visitor = installation.start_all()
        self.visitor.sign_in(OWNER, PASSWORD)

    # --- Runs -------------------------------------------------------------------------------------------------------

    def restart_worker(self, name: str = "worker", **environment: str) -> None:
        """So that what is measured next is all that the worker has ever done."""
        self.installation.end(name, 60)
        started = self.installation.log(name).count(" ready.")
        self.installation.start(name, **environment)
        self.installation.wait(
            lambda: self.installation.log(name).count(" ready.") > started, seconds=60, what="the worker"
        )

    def worker_memory(self, name: str = "worker") -> float:
        """The most that a process of the worker has ever held, in MB."""
        pids = [self.installation.processes[name].pid, *self.installation.children(name)]
        return max(_peak(pid) for pid in pids)

    def web_memory(self) -> float:
        pids = [self.installation.processes["web"].pid, *self.installation.children("web")]
        return max(_peak(pid) for pid in pids)

    def last_job(self) -> int:
        with self.installation.rows("SELECT coalesce(max(id), 0) FROM portal_job") as rows:
            return int(rows[0][0])

    def wait_for(self, kind: str, after: int, each: Callable[[], Any] = lambda: time.sleep(0.02)) -> float:
        """Wait until the job of this kind with a number beyond `after` has finished, doing `each` meanwhile; the
        seconds since the call."""
        began = time.monotonic()
        query = "SELECT state, error FROM portal_job WHERE kind = %s AND id > %s"
        while time.monotonic() - began < PATIENCE:
            with self.installation.rows(query, kind, after) as rows:
                for state, error in rows:
                    if state == "succeeded":
                        return time.monotonic() - began
                    if state in {"failed", "cancelled"}:
                        raise RuntimeError(f"{kind}: {state}: {error}")
            each()
        raise RuntimeError(f"{kind} did not end in {PATIENCE} s.")

    def run(self, kind: str, ask: Callable[[], Any], each: Callable[[], Any] = lambda: time.sleep(0.02)) -> float:
        """Ask for work and wait for its end; the seconds from asking."""
        after, began = self.last_job(), time.monotonic()
        ask()
        self.wait_for(kind, after, each)
        return time.monotonic() - began

    # --- Pages ------------------------------------------------------------------------------------------------------

    def time_page(self, path: str) -> float:
        """Seconds until the whole page was there."""
        began = time.monotonic()
        answer = self.visitor.get(path)
        taken = time.monotonic() - began
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
        return taken

    def time_pages(self, paths: list[str], times: int) -> list[float]:
        for path in paths:
            self.time_page(path)
        return [self.time_page(path) for _ in range(times) for path in paths]

    def download(self, page: str, action: str, **data: str) -> tuple[float, float, int]:
        """Press an export button: seconds to the first byte, to the last, and how many lines came."""
        began = time.monotonic()
        answer = self.visitor.session.post(
            self.visitor.base + action,
            data={"csrfmiddlewaretoken": self.visitor.token(page), **data},
            headers={"Referer": self.visitor.base + page},
            stream=True,
            timeout=PATIENCE,
        )
        answer.raise_for_status()
        first, lines = None, 0
        for part in answer.iter_content(1 << 16):
            first = first or time.monotonic() - began
            lines += part.count(b"\n")
        return first or 0.0, time.monotonic() - began, lines


def _peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) / 1024 if found else 0.0
