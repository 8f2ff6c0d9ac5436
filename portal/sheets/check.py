"""The check of an upload: reads the file into rows, and says of each what an import would do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from portal import crash, sets
from portal.emails import InvalidEmail, display_email, email_key
from portal.jobs import GiveUp, Step
from portal.models import Job
from portal.sheets.ahead import Ahead
from portal.sheets.files import digest, open_rows, opened, storable
from portal.sheets.work import ERASED, INVALID, LATER_ROW_COUNTS, LEFT_OUT, REPEATED, SUPERSEDED, Entry, SheetWork
from portal.tabular import Refused, Row

MOST_CHARACTERS_AT_ONCE = 3_000_000
NO_ADDRESS = "No e-mail address."


class CheckSheet(SheetWork):
    """Read the file into rows, and say of each what an import would do; refuse a file that is too long or broken.

    A subclass gives `columns`, `values` and `judge`, and `limit` with `too_long` where there is one.
    """

    limit: int | None = None
    looking_for_repeats = "Looking for people who come twice"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._source: Iterator[Row] | None = None
        self._ahead: Ahead[list[Entry]] | None = None
        self._email_at: int | None = self.upload.mapping.get("email")

    @property
    def full_portion(self) -> int | None:
        is_reading = self.job.cursor.get("stage", "clear") in {"clear", "read"}
        return self.chunk if is_reading else None

    def values(self, cells: Sequence[str]) -> tuple[Sequence[Any], str]:
        """The values for `columns` from a row's cells, and what is wrong with them ('' for nothing)."""
        raise NotImplementedError

    def too_long(self, count: int) -> str:
        """What to say of a file of `count` rows, which is more than `limit`."""
        raise NotImplementedError

    def step(self) -> Step:
        self.hold()
        if self.upload.confirmed_at:
            raise GiveUp(SUPERSEDED)
        stages = {"clear": self._clear, "read": self._read, "repeats": self._repeats, "refuse": self._refuse}
        try:
            return stages[self.job.cursor.get("stage", "clear")]()
        except Refused as refused:
            self.save_upload(refusal=refused.message)
            return Step(self.job.done, None, {"stage": "refuse"}, "Reading the file")

    def _clear(self) -> Step:
        """Take away what an earlier check left, which read the file another way."""
        if sets.delete_matching(self.rows, most=self.chunk):
            return Step(0, None, {"stage": "clear"}, "Reading the file")
        return self._read()

    def _read(self) -> Step:
        cursor = {"count": 0, "line": 0} | self.job.cursor
        world = cursor.setdefault("world", self.world())
        entries = self._next_entries(cursor["line"])
        if not entries:
            return self._reading_ends(cursor["count"], world)
        count = cursor["count"] + len(entries)
        if self.limit is None or count <= self.limit:
            self._stage(entries)
        self.job.done = count
        cursor |= {"stage": "read", "line": entries[-1].line, "count": count}
        return Step(count, None, cursor, "Reading the file")

    def _next_entries(self, after: int) -> list[Entry]:
        """The rows of the file beyond line `after`, as many as a step takes."""
        if self._source is None:
            self._source = self._open(after)
        if self.job.caution:
            # One at a time: the row that workers die of must not be read while they work on another.
            return self._read_entries(self._source, self.portion)
        if self._ahead is None:
            self._ahead = Ahead(partial(self._read_entries, self._source, self.portion))
        return self._ahead.take()

    def _read_entries(self, source: Iterator[Row], most: int) -> list[Entry]:
        """At most so many of the next rows, fewer where they are long."""
        if not most:
            # Not even its address is looked at; it may be that of someone who was erased.
            return [Entry(row.line, "", "", INVALID, LEFT_OUT) for row in islice(source, 1)]
        entries, weight = [], 0
        for row in islice(source, most):
            entries.append(self._entry(row))
            weight += sum(map(len, row.cells))
            if weight > MOST_CHARACTERS_AT_ONCE:
                break
        return entries

    def _open(self, after: int) -> Iterator[Row]:
        # A generator closes the file with itself, however the work ends.
        with opened(self.upload) as file:
            if digest(file) != self.upload.sha256:
                raise Refused("changed", "The file was changed after it was uploaded. Upload it again.")
            file.seek(0)
            yield from open_rows(file, self.upload, after=after)

    def _stage(self, entries: Sequence[Entry]) -> None:
        if self.portion:
            crash.taste(lambda: (str(text) for entry in entries for text in (entry.email, *entry.values)))
            self.settle(entries)
        else:
            entries[0].values = list(self.nothing.values())
        shared = ((self.store.pk, self.upload.pk, *_said(entry), *entry.values) for entry in entries)
        sets.load(self.row_model, (*_SHARED, *self.columns), shared)
        crash.point("check.loaded")

    def _entry(self, row: Row) -> Entry:
        email = "" if self._email_at is None else row.cells[self._email_at]
        entry = Entry(row.line, storable(email, 255))
        entry.values, wrong = self.values(row.cells)
        wrong = self._read_address(entry, email) or wrong
        if wrong := f"The row {row.problem}." if row.problem else wrong:
            entry.verdict, entry.reason = INVALID, storable(wrong, 255)
        return entry

    def _read_address(self, entry: Entry, email: str) -> str:
        """Take the address into the entry; what is wrong with it, or ''."""
        if not email:
            return self.without_address(entry)
        try:
            entry.email_key = email_key(email)
        except InvalidEmail as error:
            return f"Not an e-mail address: {error.reason}."
        if len(entry.email_key) != len(email) or entry.email_key != email.lower():
            entry.email = display_email(email)
        return ""

    def without_address(self, entry: Entry) -> str:
        """What is wrong with a row that has no address; '' when it can do without."""
        return NO_ADDRESS

    def _reading_ends(self, count: int, world: list[int]) -> Step:
        if self.limit is not None and count > self.limit:
            raise Refused("too-long", self.too_long(count))
        self.save_upload(row_count=count)
        crash.point("check.counted")
        sets.refresh_statistics(self.row_model)
        cursor = {"stage": "repeats", "count": count, "world": world}
        return Step(count, None, cursor, self.looking_for_repeats)

    def find_repeats(self) -> None:
        """Say of the rows of which a later one counts that they are repeated."""
        self.repeat_by("email_key", LATER_ROW_COUNTS)

    def repeat_by(self, column: str, reason: str) -> None:
        """Of the rows that have the same in `column`, only the last one counts."""
        the_same = Window(RowNumber(), partition_by=[F(column)], order_by=F("line").desc())
        earlier = self.rows.exclude(verdict__in=(INVALID, ERASED)).annotate(place=the_same).filter(place__gt=1)
        self.rows.filter(pk__in=earlier.values("pk")).update(verdict=REPEATED, reason=reason)

    def _repeats(self) -> Step:
        self.find_repeats()
        count, world = self.job.cursor["count"], self.job.cursor["world"]
        judged_in = world if world == self.world() else None
        self.save_upload(counts=self.count_verdicts(), checked_at=timezone.now(), judged_in=judged_in)
        return Step(count, count, {}, "Checked", result={"rows": count})

    def _refuse(self) -> Step:
        refused = Step(self.job.done, None, {"stage": "refuse"}, "Reading the file")
        if sets.delete_matching(self.rows, most=self.chunk):
            return refused
        return replace(refused, phase="Refused", result={"refused": True})


_SHARED = ("store", "upload", "line", "email", "email_key", "customer_id", "verdict", "reason")


def _said(entry: Entry) -> tuple[Any, ...]:
    return entry.line, entry.email, entry.email_key, entry.customer_id, entry.verdict, entry.reason
