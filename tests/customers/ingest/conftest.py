"""A source of each kind, with its key, and how programs send to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from customers.ingest import keys, pace, sweeping
from customers.models import ArrivalDay, Event, WayIn, WayInKind
from portal.models import Store, User


@dataclass
class Source:
    """A way in and its key."""

    way_in: WayIn
    key: str

    def post(self, path: str, body: Any, **headers: str) -> Any:
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        client = Client(raise_request_exception=False)
        given = {name.replace("_", "-"): said for name, said in headers.items()}
        return client.post(path, data, content_type="application/json", headers=given)

    def segment(self, call: str = "batch", **body: Any) -> Any:
        """Send a call, as Segment's libraries do."""
        return self.post(f"/segment/v1/{call}", {"writeKey": self.key, **body})

    def track(self, *records: Any, **body: Any) -> Any:
        """Send these calls as one batch."""
        return self.segment("batch", batch=list(records), **body)

    def amplitude(self, *events: Any, path: str = "/2/httpapi", **body: Any) -> Any:
        return self.post(path, {"api_key": self.key, "events": list(events), **body})

    def counts(self) -> dict[str, int]:
        """What became of the records of all days."""
        names = ("received", "stored", "duplicate", "invalid", "ignored", "unmatched")
        days = list(ArrivalDay.objects.for_store(self.way_in.store).filter(way_in=self.way_in))
        return {name: sum(getattr(day, name) for day in days) for name in names}

    def events(self) -> list[Event]:
        return list(Event.objects.for_store(self.way_in.store).order_by("pk"))


@pytest.fixture(autouse=True)
def _at_ease() -> None:
    pace.forget()


def make_source(store: Store, actor: User, kind: WayInKind = WayInKind.SEGMENT, label: str = "Shop") -> Source:
    return Source(*keys.create(store, kind, label, actor=actor))


@pytest.fixture
def segment(store: Store, owner: User) -> Source:
    return make_source(store, owner)


@pytest.fixture
def amplitude(store: Store, owner: User) -> Source:
    return make_source(store, owner, WayInKind.AMPLITUDE, "App")


@pytest.fixture
def take_in() -> Callable[[], int]:
    """Take in what waits, as the worker does."""
    return sweeping.take_in_all


def track(event: str = "Tapped", user: str | None = "u1", **fields: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"type": "track", "event": event, "userId": user}
    return {name: value for name, value in (said | fields).items() if value is not None}


def identify(user: str, email: str | None = None, **fields: Any) -> dict[str, Any]:
    traits = {"email": email} if email else {}
    return {"type": "identify", "userId": user, "traits": traits, **fields}
