"""Stores that are connected with the stand-in of Klaviyo, for tests of pages and of what stands behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.models import Store
from portal.outbound import Pace
from segments.models import Connection, ExternalGroup, ExternalLink, Segment, Sync
from segments.sandbox.klaviyo import KlaviyoSandbox
from segments.sources.base import Ask
from segments.sources.klaviyo import Klaviyo

KEY = "pk_maple_1234"
ACCOUNT = "Maple Coffee Inc."


@pytest.fixture
def klaviyo(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[KlaviyoSandbox]:
    """Klaviyo on this machine, with an account that KEY opens; it may be asked as fast as one likes."""
    monkeypatch.setattr(Klaviyo, "paces", dict.fromkeys(Ask, Pace(per_second=10_000, per_minute=100_000)))
    with KlaviyoSandbox(limits=False) as sandbox:
        sandbox.account(KEY, ACCOUNT)
        settings.KLAVIYO_API_URL = sandbox.url
        yield sandbox


class Office:
    """What a person does with lists elsewhere, through the pages."""

    def __init__(self, client: Client, store: Store, segment: Segment, run_jobs: Callable[[], Any]) -> None:
        self.client, self.store, self.segment, self.run_jobs = client, store, segment, run_jobs

    def url(self, name: str, *args: Any) -> str:
        return reverse(f"segments:{name}", args=(self.store.slug, *args))

    def get(self, name: str, *args: Any, status: int = 200, **query: Any) -> str:
        """The page, as text."""
        answer = self.client.get(self.url(name, *args), query)
        assert answer.status_code == status, (answer.status_code, answer.content.decode()[:500])
        return str(answer.content.decode())

    def post(self, name: str, *args: Any, follow: bool = True, **data: Any) -> Any:
        return self.client.post(self.url(name, *args), data, follow=follow)

    def connect(self, key: str = KEY) -> Connection:
        """Connect Klaviyo, and have the names of its lists read."""
        answer = self.post("connect", "klaviyo", api_key=key)
        assert answer.status_code == 200, answer.content.decode()
        self.run_jobs()
        return self.connection()

    def connection(self) -> Connection:
        found: Connection = Connection.objects.for_store(self.store).get()
        found.store = self.store
        return found

    def group(self, name: str) -> ExternalGroup:
        found: ExternalGroup = ExternalGroup.objects.for_store(self.store).get(name=name)
        return found

    def bring(self, name: str) -> Sync:
        """Import the list of this name, to its end."""
        self.post("external_confirm", self.segment.pk, group=self.group(name).pk)
        return self.worked()

    def sync(self) -> Sync:
        """Manage ▸ Sync from Klaviyo, to its end."""
        self.post("sync_now", self.segment.pk)
        return self.worked()

    def worked(self) -> Sync:
        self.run_jobs()
        self.segment.refresh_from_db()
        return self.latest()

    def latest(self) -> Sync:
        found: Sync = Sync.objects.for_store(self.store).filter(segment=self.segment).latest("pk")
        found.store, found.segment = self.store, self.segment
        return found

    def link(self) -> ExternalLink:
        found: ExternalLink = ExternalLink.objects.for_store(self.store).select_related("connection").get()
        found.store, found.segment = self.store, self.segment
        return found

    def page(self) -> str:
        """The page of the segment."""
        return self.get("detail", self.segment.pk)


@pytest.fixture
def office(
    client: Client, store: Store, segment: Segment, run_jobs: Callable[[], Any], klaviyo: KlaviyoSandbox
) -> Office:
    return Office(client, store, segment, run_jobs)


def words(page: str) -> str:
    """The page without its tags, its words one space apart."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())
