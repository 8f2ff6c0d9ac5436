"""What files of events are checked and imported by: what they tell goes in where all else that happened does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.utils import timezone

from customers.imports import kinds
from customers.imports.bought import NOBODY, ApplyDeeds, Became, CheckDeeds, DeedSheet, Told
from customers.imports.events import EventReader
from customers.imports.readers import KEY, RECHARGE_ID, SAID, SHOPIFY_ID
from customers.imports.work import TO_WRITE
from customers.ingest import accounting, names, taking_in
from customers.ingest.storing import store_events
from customers.ingest.tracked import Tracked, session_of
from customers.ingest.tracking import addresses_in
from customers.models import ErasedIdentity, Event, EventTime, ImportVerdict, WayIn
from customers.privacy.identity import EMAIL, VISITOR, erased_among
from portal.jobs import Step, register
from portal.models import Job
from portal.sheets import Entry

EVENTS = kinds.KINDS["events"]
_COUNTED = {
    ImportVerdict.CREATED: ("stored",),
    ImportVerdict.UNMATCHED: ("stored", "unmatched"),
    ImportVerdict.UNCHANGED: ("duplicate",),
    ImportVerdict.REPEATED: ("duplicate",),
    ImportVerdict.INVALID: ("invalid",),
    ImportVerdict.ERASED: ("ignored",),
}
"""Verdict → as what such a row counts among all that comes in."""


class _EventSheet(DeedSheet):
    def judge(self, entries: Sequence[Entry]) -> None:
        self._find_customers(entries)
        here = self._here([entry.values[KEY] for entry in entries])
        for entry in entries:
            entry.verdict, entry.reason = ImportVerdict.CREATED, ""
            if entry.values[KEY] in here:
                entry.verdict = ImportVerdict.UNCHANGED
            elif entry.customer_id is None:
                entry.verdict, entry.reason = ImportVerdict.UNMATCHED, NOBODY

    def _here(self, keys: Sequence[str]) -> set[str]:
        """Those of the events that are stored already, by their keys."""
        found = Event.objects.for_store(self.store).filter(message_key__among=sorted(set(keys)))
        return set(found.values_list("message_key", flat=True)) if keys else set()

    def settle(self, entries: Sequence[Entry]) -> None:
        super().settle(entries)
        if not ErasedIdentity.objects.for_store(self.store).exists():
            return
        # As with all that happened: what names somebody who was erased is left out, whoever did it.
        said = [(entry, self._named(entry)) for entry in entries if entry.verdict != ImportVerdict.ERASED]
        asked: dict[str, set[str]] = {EMAIL: set(), VISITOR: set()}
        for kind, value in set().union(*(pairs for _, pairs in said)):
            asked[kind].add(value)
        erased = erased_among(self.store, asked)
        for entry, pairs in said:
            if erased & pairs:
                entry.forget()
                entry.values = list(self.nothing.values())

    def _named(self, entry: Entry) -> set[tuple[str, str]]:
        """The addresses in what the row says, and the names under which somebody is said to have done it."""
        of_nobody = (
            [] if entry.customer_id else _known_as(entry.email_key, entry.values[SHOPIFY_ID], entry.values[RECHARGE_ID])
        )
        called = {(VISITOR, names.digest(*name)) for name in of_nobody}
        return called | {(EMAIL, key) for key in addresses_in(entry.values[SAID])}


def _known_as(email_key: str, shopify_id: str, recharge_id: str) -> list[tuple[str, str]]:
    """Kinds and values of the names that a row has for a person, the address first."""
    every = ((names.EMAIL, email_key), (names.SHOPIFY, shopify_id), (names.RECHARGE, recharge_id))
    return [(kind, value) for kind, value in every if value]


@register(EVENTS.check, queue="interactive")
class CheckEvents(_EventSheet, CheckDeeds):
    reader = EventReader


@register(EVENTS.apply, queue="bulk")
class ApplyEvents(_EventSheet, ApplyDeeds):
    written = (Event,)
    to_write = (*TO_WRITE, ImportVerdict.UNMATCHED)

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._holds_names = False

    def step(self) -> Step:
        self._holds_names = False
        judged_in = self.job.cursor.get("world", self.upload.judged_in)
        if self.upload.counts.get(ImportVerdict.UNMATCHED) or judged_in != self.world():
            self._hold_names()
        before = self.job.cursor.get("line", 0)
        step: Step = super().step()
        if after := step.cursor.get("line", 0):
            self._account(before, after)
        return step

    def _hold_names(self) -> None:
        """Keep others from learning who is meant by names, and from erasing people, while this step does; before
        anything else is held, in the order of those who take in what arrives."""
        if not self._holds_names:
            taking_in.hold(self.store, waits=True)
            ways = WayIn.objects.for_store(self.store).order_by("pk")
            list(ways.select_for_update(no_key=True, of=("self",)).values_list("pk"))
            self._holds_names = True

    def write(self, told: Sequence[Told]) -> list[Became]:
        if any(row.customer_id is None for row in told):
            # Somebody was taken out since this step began: rare, and a deadlock would be tried again.
            self._hold_names()
        now = timezone.now()
        events = [_tracked(row, now) for row in told]
        is_new = store_events(self.store, None, events)
        return [(row.line, *_became(each, new)) for row, each, new in zip(told, events, is_new, strict=True)]

    def _account(self, before: int, after: int) -> None:
        """Count the rows of these lines among all that comes in."""
        found = self.rows.filter(line__gt=before, line__lte=after).order_by().values_list("verdict")
        counts: Counter[str] = Counter()
        for verdict, rows in found.annotate(rows=Count("pk")):
            counts.update(dict.fromkeys(("received", *_COUNTED[verdict]), rows))
        accounting.count_file(self.store, counts)


def _tracked(row: Told, now: datetime) -> Tracked:
    said: dict[str, Any] = row.said
    known_as = () if row.customer_id else tuple(_known_as(row.email_key, row.shopify_id, row.recharge_id))
    return Tracked(
        row.key, said["name"], datetime.fromisoformat(said["at"]), now, EventTime(said.get("time_is", 0)),
        session_of(said["properties"]), said["properties"], names.digest(*known_as[0]) if known_as else "",
        claims=known_as, customer_id=row.customer_id,
    )  # fmt: skip


def _became(each: Tracked, is_new: bool) -> tuple[str, str]:
    if not is_new:
        return ImportVerdict.UNCHANGED, ""
    return (ImportVerdict.CREATED, "") if each.customer_id else (ImportVerdict.UNMATCHED, NOBODY)
