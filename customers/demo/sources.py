"""The ways in through which the demo's events came, with what came on each day."""

from __future__ import annotations

import secrets
from collections import Counter
from datetime import date, datetime
from random import Random

from customers.demo.doing import SINCE, Deed
from customers.ingest.keys import digest
from customers.models import ArrivalDay, WayIn, WayInKind
from portal import sets
from portal.models import Store

_DAY = ("store", "way_in", "day", "received", "stored", "duplicate", "invalid", "ignored", "unmatched")
_OF_SITE = {"web"}


class Sources:
    """A site and an app. Nobody has the keys: who would like to send something makes a source of their own."""

    def __init__(self, store: Store, now: datetime) -> None:
        self.store, self.now = store, now
        self._site = self._make(WayInKind.SEGMENT, "Shop website")
        self._app = self._make(WayInKind.AMPLITUDE, "Mobile app")
        self._days: Counter[tuple[int, date]] = Counter()
        self._last: dict[int, tuple[datetime, str]] = {}

    def _make(self, kind: WayInKind, label: str) -> WayIn:
        key = secrets.token_urlsafe(32)
        made: WayIn = WayIn.objects.create_for(
            self.store, kind=kind, label=label, key_digest=digest(key), key_ends=key[-4:], created_at=self.now - SINCE
        )
        return made

    def of(self, deed: Deed) -> int | None:
        """The number of the way in that the deed came through; None for what happened before there were any."""
        if deed.at < self.now - SINCE:
            return None
        way_in = self._site if deed.properties.get("app", "web") in _OF_SITE else self._app
        self._days[way_in.pk, self.store.day(deed.at)] += 1
        if way_in.pk not in self._last or deed.at > self._last[way_in.pk][0]:
            self._last[way_in.pk] = deed.at, deed.name
        return way_in.pk

    def count(self) -> None:
        """Write what came on each day, and what came last."""
        rng = Random(f"sources {self.store.slug}")  # noqa: S311 - made-up counts need no secret dice
        rows = []
        for (way_in, day), stored in sorted(self._days.items()):
            duplicate, invalid = rng.randrange(1 + stored // 40), int(rng.random() < 0.02)
            received = stored + duplicate + invalid
            rows.append((self.store.pk, way_in, day, received, stored, duplicate, invalid, 0, 0))
        sets.load(ArrivalDay, _DAY, rows)
        for source in (self._site, self._app):
            if source.pk not in self._last:
                continue
            at, name = self._last[source.pk]
            day = self.store.day(at)
            source.last_at = at
            source.latest = {name: [self._days[source.pk, day], at.isoformat(), day.isoformat()]}
            source.save(update_fields=["last_at", "latest"])
