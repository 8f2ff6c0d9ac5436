"""Stores on an installation that runs in real processes, and their owners at the browser."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from tests.processes.installation import Installation
from tests.processes.nursery import Nursery
from tests.processes.oracle import Shop

PASSWORD = "a-long-test-password"
PEOPLE = 400
CHECK, IMPORT = "segments.check_upload", "segments.import_upload"


class Site:
    """A store of PEOPLE customers with an empty segment, and its owner, signed in."""

    def __init__(self, installation: Installation, nursery: Nursery, slug: str) -> None:
        self.installation, self.nursery, self.slug = installation, nursery, slug
        self.keys = [f"p{n:03}@{slug}.example" for n in range(PEOPLE)]
        nursery.run("scenes.seed", slug, {"customers": self.keys, "members": [], "removed": [], "file": []})
        self.segment = nursery.run("scenes.let_in", slug, PASSWORD).answer
        self.owner = installation.browser()
        self.owner.sign_in(f"owner@{slug}.example", PASSWORD)
        self.shop = Shop({key: ["", ""] for key in self.keys})
        self.results: list[list[str]] = []
        self.progress: list[int] = []

    @property
    def page(self) -> str:
        return f"/s/{self.slug}/segments/{self.segment}/"

    def rows(self, start: int = 0, end: int = PEOPLE) -> list[list[str]]:
        return [[key, f"Person {n}", f"555-{n}"] for n, key in enumerate(self.keys[start:end], start)]

    def bring(self, rows: list[list[str]], name: str = "people.csv") -> str:
        """Upload a file to the segment; the address of its page."""
        content = "\n".join(["email,name,phone", *(",".join(row) for row in rows)]).encode()
        answer = self.owner.post(f"{self.page}imports/new/", {}, file=(name, content, "text/csv"))
        assert "/imports/" in answer.url, answer.text[-1_000:]
        return answer.url.removeprefix(self.owner.base)

    def check(self, rows: list[list[str]], name: str = "people.csv") -> str:
        """Upload a file, and wait until it is checked; the address of its page."""
        page = self.bring(rows, name)
        self.installation.wait(lambda: self.state(CHECK) == "succeeded", seconds=60, what="the check")
        return page

    def click_import(self, page: str, rows: list[list[str]]) -> None:
        self.owner.press(page, f"{page}import/").raise_for_status()
        self.results.append(self.shop.import_members(rows))

    def job(self, kind: str = IMPORT) -> dict[str, Any] | None:
        """The store's latest job of the kind."""
        columns = ("id", "state", "done", "total", "attempts", "lease_token")
        query = (
            f"SELECT {', '.join(f'j.{name}' for name in columns)} FROM portal_job j "
            "JOIN portal_store s ON s.id = j.store_id WHERE s.slug = %s AND j.kind = %s ORDER BY j.id DESC LIMIT 1"
        )
        with self.installation.rows(query, self.slug, kind) as rows:
            return dict(zip(columns, rows[0], strict=True)) if rows else None

    def state(self, kind: str = IMPORT) -> str:
        return str((self.job(kind) or {}).get("state", ""))

    def look(self, kind: str = IMPORT) -> dict[str, Any]:
        """See how far the work is, which must not run back, nor beyond its end."""
        job = self.job(kind) or {"done": 0, "total": None, "state": ""}
        self.progress.append(job["done"])
        assert job["total"] is None or job["done"] <= job["total"]
        assert self.progress == sorted(self.progress), "progress ran back"
        assert job["state"] not in {"failed", "cancelled"}, job
        return job

    def until(self, condition: Callable[[dict[str, Any]], Any], seconds: float = 60) -> float:
        """Look again and again until `condition` holds of the import; how long that took."""
        began = time.monotonic()
        self.installation.wait(lambda: condition(self.look()), seconds=seconds, what="the import")
        return time.monotonic() - began

    def until_further(self, done: int) -> float:
        """Until more than so many rows are done; how long that took."""
        return self.until(lambda job: job["done"] > done or job["state"] == "succeeded")

    def until_done(self, seconds: float = 60) -> float:
        return self.until(lambda job: job["state"] == "succeeded", seconds)

    def until_under_way(self, part: float = 0.2, seconds: float = 60) -> float:
        """Until a part of the rows is done, and not all of them."""
        return self.until(lambda job: job["state"] == "running" and job["done"] >= part * PEOPLE, seconds)

    def comes_out_right(self) -> None:
        """What is in the database is what the model says, nothing contradicts itself, and no log tells of an error."""
        seen = self.nursery.run("oracle.seen", self.slug).answer
        assert seen == {**seen, **self.shop.told(), "results": self.results}
        assert self.nursery.run("oracle.broken").answer == {}


class Office:
    """Makes sites, each with a name of its own."""

    def __init__(self, installation: Installation, nursery: Nursery) -> None:
        self.installation, self.nursery = installation, nursery
        self._numbers = itertools.count(1)

    def site(self) -> Site:
        return Site(self.installation, self.nursery, f"site{next(self._numbers)}")
