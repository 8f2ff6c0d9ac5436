"""`make soak`: an installation at work for minutes or hours, while its processes are killed at random.

A person brings one file after the other to stores of their own; every few seconds something dies: a worker or its
child, the web, the clock, PostgreSQL, Redis. In the end every store holds what the model says, and nothing contradicts
itself. The seed is printed; the same seed chooses the same victims.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import requests

from tests.processes.installation import Installation
from tests.processes.nursery import Nursery
from tests.processes.office import CHECK, IMPORT, Office, Site
from tests.processes.servers import Postgres, Redis
from tests.tooling.outcome import UnavailableError

PATIENCE = 180
"""Seconds after which something that should have come by itself counts as lost."""


class Soak:
    def __init__(self, installation: Installation, postgres: Postgres, redis: Redis | None, seed: int) -> None:
        self.installation, self.postgres, self.redis = installation, postgres, redis
        self.chance = random.Random(seed)
        self.killed: Counter[str] = Counter()
        self._next = time.monotonic() + 5

    def mischief(self) -> None:
        """Kill something, if it is time to."""
        if time.monotonic() < self._next:
            return
        victims = ["worker", "web", "beat", "child", "postgres", *(["redis"] if self.redis else [])]
        name = self.chance.choice(victims)
        special = {"child": self._kill_child, "postgres": self._restart_postgres, "redis": self._restart_redis}
        special.get(name, lambda: self._restart(name))()
        self.killed[name] += 1
        self._next = time.monotonic() + self.chance.uniform(3, 12)

    def _restart(self, name: str) -> None:
        self.installation.kill(name)
        self.installation.start(name)

    def _kill_child(self) -> None:
        for pid in self.installation.children("worker"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _restart_postgres(self) -> None:
        if self.chance.random() < 0.5:
            self.postgres.kill()
        else:
            self.postgres.stop(immediate=True)
        self.postgres.start()

    def _restart_redis(self) -> None:
        assert self.redis is not None
        self.redis.kill()
        self.redis.start()

    def insist(self, act: Callable[[], Any], what: str) -> Any:
        """Do it, and again while what it needs is down; fails after PATIENCE."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if value := act():
                    return value
            except (requests.RequestException, psycopg.Error, AssertionError) as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"In vain: {what}") from error
            if time.monotonic() > deadline:
                raise AssertionError(f"In vain: {what}")
            time.sleep(0.1)
            self.mischief()

    def bring_and_import(self, site: Site) -> None:
        rows = site.rows()
        page = self.insist(lambda: site.bring(rows), "the upload")
        self.insist(lambda: site.state(CHECK) == "succeeded", "the check")

        def click() -> bool:
            if not site.job(IMPORT):
                site.owner.press(page, f"{page}import/").raise_for_status()
            return bool(site.job(IMPORT))

        self.insist(click, "the click on Import")
        site.results.append(site.shop.import_members(rows))
        self.insist(lambda: site.look()["state"] == "succeeded", "the import")


def soak(minutes: float, seed: int) -> str:
    """Run it; what is to be said of it. Raises AssertionError with what was wrong."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coterie-soak-")))
        postgres = stack.enter_context(Postgres())
        redis = None
        with contextlib.suppress(UnavailableError):
            redis = stack.enter_context(Redis())
        broker = redis.url() if redis else "filesystem://"
        installation = stack.enter_context(
            Installation(directory, postgres.url(), broker=broker, portion=20, TEST_PAUSE="0.1")
        )
        environment = {**installation.environment, "CELERY_BROKER_URL": "memory://"}
        nursery = stack.enter_context(Nursery(environment, directory / "nursery.log"))
        installation.start_all()
        office, sites = Office(installation, nursery), []
        run = Soak(installation, postgres, redis, seed)
        until = time.monotonic() + 60 * minutes
        while time.monotonic() < until:
            sites.append(run.insist(office.site, "a new store"))
            run.bring_and_import(sites[-1])
        for site in sites:
            site.comes_out_right()
        killed = ", ".join(f"{name} {count}" for name, count in sorted(run.killed.items()))
        return f"{len(sites)} files imported; killed: {killed}. Nothing was lost, and nothing contradicts itself."


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.processes", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    options = parser.parse_args()
    print(f"{options.minutes:g} minutes with seed {options.seed}", flush=True)  # noqa: T201
    print(soak(options.minutes, options.seed))  # noqa: T201
    return 0
