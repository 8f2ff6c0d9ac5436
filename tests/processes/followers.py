"""Stores whose segments follow lists, on an installation that runs in real processes, with a stand-in at the source."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from segments.sandbox.crowd import Account
from segments.sandbox.klaviyo import KlaviyoSandbox
from tests.processes.installation import Installation
from tests.processes.nursery import Nursery
from tests.processes.oracle import Shop

PEOPLE, PAGES = 60, 12
SYNC, APPLY = "segments.sync", "segments.apply_sync"


class Follower:
    """A store with an account of its own at the source, or a part in another's; PEOPLE customers, and a list of PAGES
    pages with all of them on it."""

    def __init__(
        self, installation: Installation, nursery: Nursery, klaviyo: KlaviyoSandbox, slug: str, like: Follower | None
    ) -> None:
        self.installation, self.nursery, self.klaviyo, self.slug = installation, nursery, klaviyo, slug
        self.key: str = like.key if like else f"pk_{slug}"
        self.account: Account = like.account if like else klaviyo.account(self.key, slug)
        self.list = klaviyo.list(
            f"List-{slug}", slug, PAGES * 100, account=self.account, pattern=f"p{{n}}@{slug}.example"
        )
        people = [f"p{n}@{slug}.example" for n in range(PEOPLE)]
        cast = {"customers": people, "members": people[:2], "removed": people[2:4], "file": []}
        nursery.run("scenes.seed", slug, cast)
        nursery.run("lists.connect", slug, self.key, self.account.account_id, self.list.group_id)
        self.shop = Shop({key: ["", ""] for key in people})
        self.shop.add(*people[:4])
        self.shop.remove(*people[2:4])

    def follow(self) -> None:
        """Have the segment follow the list; a worker reads it as soon as it hears of that."""
        self.nursery.run("lists.follow", self.slug, self.list.group_id)

    def job(self, kind: str = SYNC) -> dict[str, Any]:
        """The store's latest job of the kind; one of no state, if there is none."""
        columns = ("id", "state", "done", "total", "attempts", "lease_token", "error")
        query = (
            f"SELECT {', '.join(f'j.{name}' for name in columns)} FROM portal_job j "
            "JOIN portal_store s ON s.id = j.store_id WHERE s.slug = %s AND j.kind = %s ORDER BY j.id DESC LIMIT 1"
        )
        with self.installation.rows(query, self.slug, kind) as rows:
            found = rows[0] if rows else (0, "", 0, None, 0, 0, "")
        job = dict(zip(columns, found, strict=True))
        assert job["state"] not in {"failed", "cancelled"}, job
        return job

    def until(self, condition: Callable[[], Any], seconds: float, what: str) -> None:
        self.installation.wait(condition, seconds=seconds, what=what)

    def until_under_way(self, pages: int = 3) -> None:
        """Until so many pages are kept, and not all of them."""
        self.until(lambda: self.job()["done"] >= 100 * pages, 30, "the reading")
        assert self.job()["done"] < 100 * PAGES, "all of it has been read already"

    def until_further(self, done: int, seconds: float) -> None:
        self.until(lambda: self.job()["done"] > done or self.job()["state"] == "succeeded", seconds, "the next page")

    def until_applied(self, seconds: float = 60) -> None:
        self.until(lambda: self.job(APPLY)["state"] == "succeeded", seconds, "the end")

    def requests(self, path: str = "/profiles") -> list[Any]:
        """What was asked of the list, page by page."""
        mine = f"/{self.list.group_id}{path}"
        return [seen for seen in self.klaviyo.requests if mine in seen.path]

    def comes_out_right(self) -> None:
        """What is in the database is what the model says, and nothing contradicts itself."""
        self.shop.sync([["both", "", key] for key in self.shop.customers], "both")
        seen = self.nursery.run("oracle.seen", self.slug).answer
        assert seen == {**seen, **self.shop.told()}
        assert len(seen["profiles"]) == PAGES * 100
        assert [said[1] for said in seen["syncs"]] == ["applied"]
        assert self.nursery.run("oracle.broken").answer == {}


class Town:
    """Makes followers, each with a name of its own."""

    def __init__(self, installation: Installation, nursery: Nursery, klaviyo: KlaviyoSandbox) -> None:
        self.installation, self.nursery, self.klaviyo = installation, nursery, klaviyo
        self._numbers = itertools.count(1)

    def follower(self, like: Follower | None = None) -> Follower:
        """A store with an account of its own, or with a key of the account of another."""
        return Follower(self.installation, self.nursery, self.klaviyo, f"shop{next(self._numbers)}", like)

    def start(self, *names: str, **environment: str) -> None:
        """Start workers that ask other systems, and wait until they listen."""
        for name in names:
            before = self.installation.log(name).count(" ready.")
            self.installation.start(name, "outside", **environment)
            self.installation.wait(
                lambda name=name, before=before: self.installation.log(name).count(" ready.") > before,  # type: ignore[misc]
                seconds=60,
                what=name,
            )
