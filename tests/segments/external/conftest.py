"""A store that is connected with a stand-in for Klaviyo, and what its staff and workers do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from portal import jobs
from portal.models import Job, Store, User
from portal.models.job import JobState
from portal.outbound import Pace
from segments.external import connections, groups, links
from segments.models import Connection, ExternalLink, Segment, Sync
from segments.sandbox.crowd import Group
from segments.sandbox.klaviyo import KlaviyoSandbox
from segments.sources.base import Ask
from segments.sources.klaviyo import Klaviyo
from tests.segments.conftest import emails_in

KEY = "pk_test"


@pytest.fixture
def klaviyo(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[KlaviyoSandbox]:
    """A Klaviyo that may be asked as fast as one likes."""
    monkeypatch.setattr(Klaviyo, "paces", dict.fromkeys(Ask, Pace(per_second=10_000, per_minute=100_000)))
    with KlaviyoSandbox(limits=False) as sandbox:
        settings.KLAVIYO_API_URL = sandbox.url
        sandbox.account(KEY, "Little Shop")
        yield sandbox


@pytest.fixture
def connection(klaviyo: KlaviyoSandbox, store: Store, owner: User) -> Connection:
    account = connections.try_out("klaviyo", {"api_key": KEY})
    return connections.connect(store, "klaviyo", {"api_key": KEY}, account, actor=owner)


class Follower:
    """A segment that follows a list at Klaviyo, and what is done with it."""

    def __init__(self, klaviyo: KlaviyoSandbox, connection: Connection, segment: Segment, owner: User) -> None:
        self.klaviyo, self.connection, self.segment, self.owner = klaviyo, connection, segment, owner
        self.store = segment.store
        self.list: Group = klaviyo.list("L1", "Newsletter")

    @property
    def members(self) -> set[str]:
        return emails_in(self.segment)

    @property
    def link(self) -> ExternalLink:
        return ExternalLink.objects.for_store(self.store).select_related("synced").get(segment=self.segment)

    @property
    def sync(self) -> Sync:
        return Sync.objects.for_store(self.store).filter(segment=self.segment).latest("pk")

    @property
    def job(self) -> Job:
        return jobs.of_subject(self.sync).latest("pk")

    def has(self, *members: Any) -> None:
        """The list has these members from now on."""
        self.list.replace(members)

    def work(self) -> list[Job]:
        """Do what is due, as workers would; the jobs that were begun."""
        done = []
        while job := Job.everywhere.filter(state=JobState.QUEUED, due_at__lte=timezone.now()).order_by("pk").first():
            jobs.run(job.pk)
            job.refresh_from_db()
            done.append(job)
        return done

    def come_again(self) -> list[Job]:
        """Let the time pass that waiting work waits for, and do it."""
        Job.everywhere.filter(state=JobState.QUEUED).update(due_at=timezone.now())
        return self.work()

    def follow(self, members: Iterable[Any] = ()) -> Sync:
        """Import the list with these members, and have all of the work done."""
        self.has(*members)
        self.work()
        group = groups.groups(self.connection, "list").get(group_id="L1")
        links.link_segment(self.segment, group, actor=self.owner)
        self.work()
        return self.sync

    def again(self, *, work: bool = True) -> Sync:
        """Press “Sync from Klaviyo”."""
        links.sync_now(self.segment, actor=self.owner)
        if work:
            self.work()
        return self.sync

    def set(self, **wanted: Any) -> None:
        """Change how the segment is synced, as an owner does who has just opened the page."""
        link = self.link
        seen = {"daily": link.is_synced_daily, "brake_percent": link.brake_percent, "brake_people": link.brake_people}
        links.change_link(self.segment, seen=seen, wanted=wanted, actor=self.owner)

    def counts(self, *names: str) -> dict[str, int]:
        counts = self.sync.counts
        return {name: counts.get(name, 0) for name in names}


@pytest.fixture
def follower(klaviyo: KlaviyoSandbox, connection: Connection, segment: Segment, owner: User) -> Follower:
    return Follower(klaviyo, connection, segment, owner)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the time that schedules go by."""

    def set_time(now: datetime) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: now)

    return set_time
