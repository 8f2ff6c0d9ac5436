"""Reading what a provider has: all of it once, and each night what changed since, as providers lose webhooks.

Page by page: a page is applied in one transaction with the place where the next begins, so a killed worker repeats one
page at most, and what it writes again changes nothing. A reading that comes to its end says up to when everything is
here for certain; the next begins an hour before that.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from customers.commerce.records import Outcome
from customers.models import WayIn, WayInKind
from customers.providers import checking
from customers.providers.accounts import Credentials, credentials_of
from customers.providers.basket import Basket
from customers.providers.walks import TOURS, Walk, put_all
from portal import crash, jobs, turns
from portal.jobs import GiveUp, Later, Step, register
from portal.models import Job, User
from portal.models.job import ACTIVE_STATES
from portal.outbound import Blocked, CursorExpired, OutboundError, Refused, Temporary, Throttled, backoff
from portal.vault import Unreadable

HISTORY, QUEUE = "customers.read_history", "outside"
OVERLAP = timedelta(hours=1)
READ_SECONDS = 2.0
ROWS_AT_ONCE = 1_000
PATIENCE = timedelta(minutes=10)
RESTARTS_MOST = 3
ONLY_WEBHOOKS = "only webhooks"
GONE = "The source is gone: it was revoked, or its token was taken away."
_COUNTED = (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.OLDER)


def begin(way_in: WayIn, *, actor: User | None, only_webhooks: bool = False) -> Job | None:
    """Have the account read, or only its webhooks looked at, in the caller's transaction with the way in held; None
    while it is being read."""
    if jobs.of_subject(way_in).filter(state__in=ACTIVE_STATES).exists():
        return None
    what = "Read" if way_in.history_read_at is None else "Compare with"
    label = f"{'Check webhooks of' if only_webhooks else what} {TOURS[WayInKind(way_in.kind)].label}"
    payload = {ONLY_WEBHOOKS: True} if only_webhooks else None
    return jobs.enqueue(way_in.store, HISTORY, label=label, subject=way_in, payload=payload, actor=actor)


@register(HISTORY, queue=QUEUE)
class ReadHistory:
    """Walks the lists of an account one after the other, and looks at its webhooks last."""

    def __init__(self, job: Job) -> None:
        self.job, self.store = job, job.store
        self.way_in = self._the_way_in()
        self.tour = TOURS[WayInKind(self.way_in.kind)]
        self._api: Any = None
        self._rows: list[Any] = []
        self._next: str | None = None
        self._began = ""
        self._restarts = False
        self._webhooks = checking.Seen()

    def _the_way_in(self) -> WayIn:
        found = WayIn.objects.for_store(self.store).filter(pk=self.job.subject_id, revoked_at=None).first()
        if found is None or not found.credentials:
            raise GiveUp(GONE)
        found.store = self.store
        way_in: WayIn = found
        return way_in

    def close(self) -> None:
        if self._api is not None:
            self._api.close()
            self._api = None

    # --- Outside of a transaction

    def prepare(self) -> None:
        """Ask for what the next step writes."""
        self._rows, self._restarts = [], False
        if not self.job.cursor:
            self._began = timezone.now().isoformat()
            return
        try:
            if (walk := self._walk) is not None:
                self._read(walk)
            else:
                self._webhooks = checking.look(self.way_in, self._opened(), self._ask)
        except CursorExpired:
            self._begin_again()
        except Throttled as error:
            raise turns.held_off([self._key], error, service=self.tour.label) from error
        except Temporary as error:
            self._bear(error)
        except (Refused, Blocked) as error:
            raise self._gives_up(f"{error} Give it a new token in Settings ▸ Data sources.") from error
        except OutboundError as error:
            raise self._gives_up(str(error)) from error

    @property
    def _walk(self) -> Walk | None:
        at: int = self.job.cursor.get("walk", 0)
        return self.tour.walks[at] if at < len(self.tour.walks) else None

    @property
    def _key(self) -> str:
        return f"{self.way_in.kind}:{self.way_in.account or self.way_in.pk}"

    @property
    def _since(self) -> datetime | None:
        said = self.job.cursor.get("since")
        return datetime.fromisoformat(said) if said else None

    def _opened(self) -> Any:
        if self._api is None:
            try:
                given = credentials_of(self.way_in)
            except (Unreadable, ValueError) as error:
                raise self._gives_up("The stored token cannot be read any more. Give it anew.") from error
            self._api = self.tour.open(self.way_in, _with_token(given))
        return self._api

    def _ask(self, call: Any) -> Any:
        """What `call` gives, once it is its turn."""
        turns.sit_out(self._key, self.tour.pace, service=self.tour.label, queue=QUEUE)
        return call()

    def _read(self, walk: Walk) -> None:
        api, until, cursor = self._opened(), time.monotonic() + READ_SECONDS, self.job.cursor.get("page")
        while True:
            asked = cursor
            try:
                rows, cursor = self._ask(partial(walk.page, api, self._since, asked))
            except (Temporary, Later):
                if self._rows:
                    return  # what has come is kept; the next step asks for this page again
                raise
            if cursor is not None and cursor == asked:
                raise self._gives_up(f"{self.tour.label} gave the same page again and again.")
            self._rows += rows
            self._next = cursor
            if cursor is None or time.monotonic() > until or len(self._rows) >= ROWS_AT_ONCE:
                return

    def _begin_again(self) -> None:
        """The provider has forgotten where we were: begin with the first page; what is known already stays."""
        if self._rows:
            return  # first what has come is kept
        if self.job.cursor.get("restarts", 0) >= RESTARTS_MOST:
            raise self._gives_up(f"{self.tour.label} lost its place again and again. It is tried again tomorrow.")
        self._restarts = True

    def _bear(self, error: Temporary) -> None:
        """Come again later, and give up after a while; but what was read stands, whatever is wrong with webhooks."""
        cursor, now = self.job.cursor, timezone.now()
        since = datetime.fromisoformat(cursor.get("failing_since", now.isoformat()))
        if now - since <= PATIENCE:
            failures = cursor.get("failures", 0) + 1
            kept = {**cursor, "failing_since": since.isoformat(), "failures": failures}
            wait = backoff(failures, turns.chance)
            raise Later(f"{error} It is tried again by itself.", seconds=wait, cursor=kept) from error
        if self._walk is not None:
            raise self._gives_up(f"{error} It was tried for ten minutes. It is tried again tomorrow.") from error
        self._webhooks = checking.Seen(at=now.isoformat(), trouble=str(error))

    def _gives_up(self, why: str) -> GiveUp:
        mine = WayIn.objects.for_store(self.store).filter(pk=self.way_in.pk)
        mine.update(last_error=why[:500], last_error_at=timezone.now())
        return GiveUp(why)

    # --- In a transaction

    def step(self) -> Step:
        rows = WayIn.objects.for_store(self.store).filter(pk=self.way_in.pk, revoked_at=None)
        held = rows.select_for_update(no_key=True, of=("self",)).first()
        if held is None:
            raise GiveUp(GONE)
        held.store = self.store
        self.way_in = held
        if not self.job.cursor:
            since = held.reconciled_to - OVERLAP if held.reconciled_to else None
            first = len(self.tour.walks) if self.job.payload.get(ONLY_WEBHOOKS) else 0
            return self._at(walk=first, began=self._began, since=since.isoformat() if since else None, counts={})
        if (walk := self._walk) is None:
            return self._ends()
        if self._restarts:
            return self._at(page=None, restarts=self.job.cursor.get("restarts", 0) + 1)
        return self._write(walk)

    def _at(self, **changes: Any) -> Step:
        cursor = {**self.job.cursor, **changes}
        for name in ("failing_since", "failures"):
            cursor.pop(name, None)
        place = cursor["walk"]
        names = [walk.name for walk in self.tour.walks]
        phase = f"Reading {names[place]}" if place < len(names) else "Looking at webhooks"
        return Step(sum(cursor["counts"].get("read", {}).values()), None, cursor, phase)

    def _write(self, walk: Walk) -> Step:
        basket = Basket(self.store, self.way_in.kind, self.way_in)
        useless = put_all(walk, basket, self._rows)
        became = Counter(str(one.main) for one in basket.write().values())
        crash.point("history.page written")
        counts = {name: dict(numbers) for name, numbers in self.job.cursor["counts"].items()}
        read = counts.setdefault("read", {})
        read[walk.name] = read.get(walk.name, 0) + len(self._rows)
        told = counts.setdefault("told", {})
        for name, number in (*became.items(), ("unreadable", useless)):
            told[name] = told.get(name, 0) + number
        place = self.job.cursor["walk"] + (self._next is None)
        return self._at(walk=place, page=self._next, counts=counts)

    def _ends(self) -> Step:
        cursor = self.job.cursor
        if not self.job.payload.get(ONLY_WEBHOOKS):
            self.way_in.reconciled_to = datetime.fromisoformat(cursor["began"])
            self.way_in.history_read_at = self.way_in.history_read_at or timezone.now()
            self.way_in.save(update_fields=["reconciled_to", "history_read_at"])
        crash.point("history.ending")
        counts = cursor["counts"]
        done = sum(counts.get("read", {}).values())
        result = {**counts, "since": cursor.get("since"), "webhooks": self._webhooks.told()}
        return Step(done, done, {}, "Read", result=result)


def _with_token(given: Credentials) -> Credentials:
    if not given.token:
        raise Refused("No token is known for its interface.")
    return given
