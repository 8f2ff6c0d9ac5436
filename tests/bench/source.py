"""A stand-in for Klaviyo in a process of its own: an account for each store, with a list of all its customers."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import requests

from portal import processes
from segments.sandbox.klaviyo import KlaviyoSandbox
from segments.sandbox.limits import LARGE
from tests.processes.servers import free_port

START_SECONDS = 30
PEOPLE = "p{n}@bench.example"


def key_of(size: int) -> str:
    return f"pk_{size}"


def list_of(size: int) -> str:
    return f"All-{size}"


def fewest_seconds(calls: int) -> float:
    """How long so many calls take at least, if not one is to be refused."""
    minutes, rest = divmod(calls - 1, LARGE.steady)
    return float(60 * minutes + rest // LARGE.burst)


class Source:
    """The stand-in, seen from without."""

    def __init__(self, url: str) -> None:
        self.url = url

    def limit(self, *, on: bool) -> None:
        self._say("POST", "limits", {"on": on})

    def change(self, size: int, *, leave: list[str], join: list[str]) -> None:
        self._say("POST", f"groups/{list_of(size)}", {"leave": leave})
        self._say("POST", f"groups/{list_of(size)}", {"join": join})

    def statuses(self, size: int, after: int = 0) -> list[int]:
        """How each call with the store's key was answered, without the first `after`."""
        seen = self._say("GET", "requests", None)
        return [one["status"] for one in seen if one["key"] == key_of(size)][after:]

    def _say(self, method: str, room: str, what: Any) -> Any:
        answer = requests.request(method, f"{self.url}/_sandbox/{room}", json=what, timeout=300)
        answer.raise_for_status()
        return answer.json()


@contextlib.contextmanager
def served(sizes: list[int]) -> Iterator[Source]:
    """Runs beside what is measured, without limits, while the block lasts."""
    port = free_port()
    process = processes.start([sys.executable, "-m", "tests.bench.source", str(port), *map(str, sizes)])
    source = Source(f"http://127.0.0.1:{port}")
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                source.limit(on=False)
                break
            except requests.ConnectionError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield source
    finally:
        processes.end_group(process)


def main() -> None:
    port, *sizes = map(int, sys.argv[1:])
    klaviyo = KlaviyoSandbox(port=port, limits=False)
    for size in sizes:
        account = klaviyo.account(key_of(size), f"Shop of {size:,}")
        klaviyo.list(list_of(size), f"All {size:,}", size, account=account, pattern=PEOPLE)
    ending = threading.Event()
    klaviyo.start()
    with processes.stop_signals(ending.set):
        ending.wait()
    klaviyo.stop()


if __name__ == "__main__":
    main()
