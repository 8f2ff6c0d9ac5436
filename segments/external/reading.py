"""Reading a list or segment at its source, page by page, until all of it is there: nothing is changed before."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from customers.privacy.identity import EMAIL, erased_among
from portal import crash, sets
from portal.emails import InvalidEmail, email_key
from portal.jobs import GiveUp, Later, Step, register
from portal.models import Job
from portal.models.job import JobState
from portal.outbound import CursorExpired, Garbled, Missing, OutboundError, Temporary, backoff
from portal.turns import chance
from segments.external import links, outcome
from segments.external.calls import Caller
from segments.external.syncs import SYNC
from segments.models import ExternalMember, Sync
from segments.models.external import SyncOutcome, Trouble
from segments.sources.base import Ask, Member, MemberPage

READ_SECONDS = 2.0
"""So long pages are collected before they are written: people see progress, and a killed worker repeats no more."""
PAGES_MOST = 100_000
RESTARTS_MOST = 2
PATIENCE = timedelta(minutes=10)
"""How long a page is asked for again and again."""
DRIFT_PERCENT = 2
"""By how much the group may have grown or shrunk while it was read, before it is read once more."""
BAD_PERCENT = 5
"""Of the profiles, so many may be unreadable before the reading counts for nothing."""
PROBLEMS_KEPT = 100
_IN_TURN_SECONDS = 5.0

GONE = "The import is gone: the segment was unlinked or deleted meanwhile."


@dataclass
class _Batch:
    """What was read since the last step."""

    members: list[Member] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)
    pages: int = 0
    next: str | None = None


@register(SYNC, queue="outside")
class ReadGroup:
    """Reads every page into the table under the number of the sync, and has it applied once all of it is there."""

    def __init__(self, job: Job) -> None:
        self.job, self.store = job, job.store
        found = Sync.objects.for_store(job.store).filter(pk=job.subject_id).select_related("link__connection")
        sync: Sync | None = found.first()
        if sync is None or sync.link is None:
            raise GiveUp(GONE)
        self.sync, self.link = sync, sync.link
        self.sync.store = self.link.store = self.link.connection.store = job.store
        self.caller = Caller(self.link.connection)
        self.rows = ExternalMember.objects.for_store(job.store).filter(sync=sync)
        self._batch = _Batch()
        self._size: int | None = None
        self._seen: set[int] = set()

    def close(self) -> None:
        self.caller.close()

    # --- Outside of a transaction ---

    def prepare(self) -> None:
        """Ask the source for what the next step writes."""
        asking = {"begin": self._ask_first, "read": self._ask_pages, "again": self._ask_size}
        ask = asking.get(self._stage)
        if ask is None:
            return
        try:
            ask()
        except Missing as error:
            links.note_missing(self.link)
            raise GiveUp(f"{error} The members stay as they are.") from error
        except Temporary as error:
            raise self._come_again(error) from error
        except OutboundError as error:
            raise GiveUp(str(error)) from error

    @property
    def _stage(self) -> str:
        stage: str = self.job.cursor.get("stage", "begin")
        return stage

    def _ask_first(self) -> None:
        mine = {"kind": SYNC, "state": JobState.RUNNING, "pk__lt": self.job.pk}
        others = Sync.objects.for_store(self.store).filter(link__connection=self.link.connection)
        ahead = Job.objects.for_store(self.store).filter(subject_id__in=others.values("pk"), **mine)
        if ahead.filter(lease_until__gte=timezone.now()).exists():
            raise Later(f"Waiting for its turn: {self.caller.label} is being read.", seconds=_IN_TURN_SECONDS)
        self._ask_size()

    def _ask_size(self) -> None:
        kind, group = self.link.kind, self.link.group_id
        self._size = self.caller.ask(Ask.SIZE, lambda source: source.size(kind, group))

    def _ask_pages(self) -> None:
        batch = _Batch(next=self.job.cursor.get("page"))
        until, most = time.monotonic() + READ_SECONDS, sets.chunk_size(ExternalMember)
        self._batch = batch
        while True:
            try:
                page = self._page(batch.next)
            except CursorExpired:
                self._batch = self._from_the_start()
                return
            except (Temporary, Later):
                if batch.pages:
                    return  # what has come is kept; the next step asks for this page again
                raise
            self._refuse_loop(page, batch)
            batch.members += page.members
            batch.bad += page.bad
            batch.pages, batch.next = batch.pages + 1, page.next
            if page.next is None:
                self._refuse_unsure(page, batch)
                return
            if time.monotonic() > until or len(batch.members) >= most - 1_000:
                return

    def _page(self, cursor: str | None) -> MemberPage:
        kind, group = self.link.kind, self.link.group_id
        return self.caller.ask(Ask.MEMBERS, lambda source: source.members(kind, group, cursor))

    def _from_the_start(self) -> _Batch:
        """The source has forgotten where we were: begin with the first page, beside what is there already."""
        if self.job.cursor.get("restarts", 0) >= RESTARTS_MOST:
            raise GiveUp(f"{self.caller.label} lost its place again and again. The next sync tries again.")
        self._seen.clear()
        return _Batch()

    def _refuse_loop(self, page: MemberPage, batch: _Batch) -> None:
        if page.next is None:
            return
        mark = hash(page.next)
        if mark in self._seen or page.next == batch.next:
            raise GiveUp(f"{self.caller.label} gave the same page again and again. Nothing was changed.")
        self._seen.add(mark)
        if self.job.cursor.get("pages", 0) + batch.pages >= PAGES_MOST:
            raise GiveUp(f"{self.caller.label} has more pages than a list can have. Nothing was changed.")

    def _refuse_unsure(self, page: MemberPage, batch: _Batch) -> None:
        """What does not say that it was the last page, is it when as many have come as were announced."""
        announced = self.job.cursor.get("size")
        come = self.job.cursor.get("read", 0) + len(batch.members) + len(batch.bad)
        if not page.is_sure and (announced is None or come < announced):
            raise Garbled(f"{self.caller.label}'s answer does not say whether there is more.")

    def _come_again(self, error: Temporary) -> Exception:
        """Ask for the same once more after a while; after ten minutes in vain the next sync does."""
        cursor, now = self.job.cursor, timezone.now()
        since = datetime.fromisoformat(cursor.get("failing_since", now.isoformat()))
        failures = cursor.get("failures", 0) + 1
        if now - since > PATIENCE:
            then = "it is tried again within the hour" if links.try_soon(self.link) else "try again later"
            return GiveUp(f"{error} It was tried for ten minutes. Nothing was changed; {then}.")
        kept = {**cursor, "failing_since": since.isoformat(), "failures": failures}
        return Later(f"{error} It is tried again by itself.", seconds=backoff(failures, chance), cursor=kept)

    # --- In a transaction ---

    def step(self) -> Step:
        links.hold(self.link)
        steps = {
            "begin": self._begin,
            "sweep": self._sweep,
            "read": self._write,
            "again": self._look_back,
            "clear": self._clear,
        }
        return steps.get(self._stage, self._compare)()

    def _at(self, stage: str, phase: str = "Reading", **changes: Any) -> Step:
        cursor = {**self.job.cursor, **changes, "stage": stage}
        for name in ("failing_since", "failures"):
            cursor.pop(name, None)
        size = cursor.get("size")
        read = cursor.get("read", 0)
        return Step(read, None if size is None else max(size, read), cursor, phase)

    def _begin(self) -> Step:
        return self._at("sweep", size=self._size, page=None, read=0, pages=0)

    def _sweep(self) -> Step:
        """Take away what readings left that came to nothing, before there is another."""
        is_swept = not links.forget_old_readings(self.link, besides=self.sync)
        return self._at("read" if is_swept else "sweep")

    def _write(self) -> Step:
        batch, cursor = self._batch, self.job.cursor
        if not batch.pages:
            return self._at("read", page=None, restarts=cursor.get("restarts", 0) + 1)
        new = self._new(batch.members)
        self._load(new)
        self._note_bad(batch.bad)
        crash.point("sync.page written")
        changes = {
            "page": batch.next,
            "read": cursor.get("read", 0) + len(new) + len(batch.bad),
            "bad": cursor.get("bad", 0) + len(batch.bad),
            "pages": cursor.get("pages", 0) + batch.pages,
        }
        return self._at("read" if batch.next is not None else "again", **changes)

    def _new(self, members: Sequence[Member]) -> list[Member]:
        """Those who are not in the table yet: people move between pages while these are read."""
        once = {member.id: member for member in members}
        there = self.rows.filter(profile_id__among=list(once)).values_list("profile_id", flat=True)
        for profile_id in there:
            del once[profile_id]
        return list(once.values())

    def _load(self, members: Sequence[Member]) -> None:
        keys = [_key(member) for member in members]
        erased = self._erased(members, keys)
        rows = (
            (self.store.pk, self.sync.pk, member.id, *(_BLANK if place in erased else key))
            for place, (member, key) in enumerate(zip(members, keys, strict=True))
        )
        sets.load(ExternalMember, ("store", "sync", "profile_id", "email_key", "trouble"), rows)

    def _erased(self, members: Sequence[Member], keys: Sequence[tuple[str, str]]) -> set[int]:
        identity = self.caller.source_class.identity
        known_as = {EMAIL: [key for key, _ in keys if key], identity: [member.id for member in members]}
        gone = erased_among(self.store, known_as)
        if not gone:
            return set()
        pairs = enumerate(zip(members, keys, strict=True))
        return {at for at, (who, (key, _)) in pairs if (EMAIL, key) in gone or (identity, who.id) in gone}

    def _note_bad(self, bad: Iterable[tuple[str, str]]) -> None:
        problems = [*self.sync.problems, *({"id": name, "reason": reason} for name, reason in bad)][:PROBLEMS_KEPT]
        if problems != self.sync.problems:
            self.sync.problems = problems
            self.sync.save(update_fields=["problems"])

    def _look_back(self) -> Step:
        """Read it once more if it became another while it was read."""
        cursor = self.job.cursor
        before, after = cursor.get("size"), self._size
        has_drifted = before is not None and after is not None and _drift(before, after) > DRIFT_PERCENT
        if has_drifted and not cursor.get("rereads"):
            return self._at("clear", rereads=1)
        return self._at("compare", "Comparing", drifted=has_drifted)

    def _clear(self) -> Step:
        if sets.delete_matching(self.rows, most=sets.chunk_size(ExternalMember)):
            return self._at("clear")
        self._seen.clear()
        return self._at("begin", read=0, bad=0, pages=0)

    def _compare(self) -> Step:
        cursor = self.job.cursor
        bad, read = cursor.get("bad", 0), cursor.get("read", 0)
        if bad * 100 > read * BAD_PERCENT:
            raise GiveUp(
                f"{bad:,} of {read:,} profiles could not be read, which is more than {BAD_PERCENT} %. "
                f"Nothing was changed."
            )
        sets.refresh_statistics(ExternalMember)
        said = {"read": read, "bad": bad, "drifted": int(cursor.get("drifted", False))}
        result = outcome.decide(self.sync, self.link, said)
        return Step(read, read, {}, "Held" if result == SyncOutcome.HELD else "Read", result={"outcome": result})


_BLANK = ("", str(Trouble.ERASED))


def _key(member: Member) -> tuple[str, str]:
    """What the profile's customer is recognised by, and what keeps it from being recognised."""
    if member.email is None or not member.email.strip():
        return "", Trouble.NO_EMAIL
    try:
        return email_key(member.email), Trouble.NONE
    except InvalidEmail:
        return "", Trouble.INVALID


def _drift(before: int, after: int) -> float:
    return abs(after - before) * 100 / max(before, 1)
