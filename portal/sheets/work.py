"""The work on an upload: the check that reads the file into rows, and the import that does what the check promised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar

from django.db.models import Count, F, Model, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from portal import crash, jobs, sets
from portal.emails import InvalidEmail, display_email, email_key
from portal.jobs import GiveUp, Step
from portal.models import Job, SheetRow, SheetUpload
from portal.sheets.files import digest, open_rows, opened, storable
from portal.tabular import Refused, Row

READ_AT_ONCE = 2
"""Portions of rows that one step of a check reads; it holds nobody up, and looking people up is faster for many."""
MOST_CHARACTERS_AT_ONCE = 8_000_000
PENDING, REPEATED, INVALID, ERASED = "pending", "repeated", "invalid", "erased"
GONE = "The upload is gone."
SUPERSEDED = "Something else was begun with this file since; see there."
LATER_ROW_COUNTS = "The same person comes again in a later line; the last one counts."
WAS_ERASED = "This person was erased on request; add them by hand only with their new consent."


@dataclass(slots=True)
class Entry:
    """A row of the file on its way into the table: what it says, and the verdict on it."""

    line: int
    email: str
    email_key: str = ""
    verdict: str = PENDING
    reason: str = ""
    customer_id: int | None = None
    values: Sequence[Any] = ()

    def forget(self) -> None:
        """Keep of the row only that it was there: the person was erased."""
        self.email = self.email_key = ""
        self.verdict, self.reason, self.customer_id = ERASED, WAS_ERASED, None


class SheetWork:
    """Work on one upload, the job's subject."""

    upload_model: ClassVar[type[SheetUpload]]
    row_model: ClassVar[type[SheetRow]]
    columns: ClassVar[Sequence[str]] = ()
    """The fields of a row beyond the shared ones; an entry's `values` are theirs."""
    judged_by: ClassVar[int] = 0
    """How many of `columns`, from the first, `judge` looks at."""
    outcomes: dict[str, str] = {}
    """Verdict of the check → what it is called once the import has come past the row."""

    def __init__(self, job: Job) -> None:
        self.job, self.store = job, job.store
        upload = self.upload_model.objects.for_store(job.store).filter(pk=job.subject_id).first()
        if upload is None:
            raise GiveUp(GONE)
        self.upload: Any = upload
        self.upload.store = job.store
        self.rows: QuerySet[Any] = self.row_model.objects.for_store(job.store).filter(upload=upload)
        self.chunk = sets.chunk_size(self.row_model)

    def hold(self) -> None:
        """Keep others from working on the upload while this step lasts.

        Raises GiveUp when it is gone, or when something newer was begun with it: an old check that is tried again must
        not undo what an import relies on.
        """
        mine = self.upload_model.objects.for_store(self.store).filter(pk=self.upload.pk)
        held = list(mine.select_for_update(no_key=True, of=("self",)).values_list("confirmed_at", flat=True))
        if not held:
            raise GiveUp(GONE)
        self.upload.confirmed_at = held[0]
        latest = jobs.of_subject(self.upload).first()
        if latest is not None and latest.pk != self.job.pk:
            raise GiveUp(SUPERSEDED)

    def judge(self, entries: Sequence[Entry]) -> None:
        """Set verdict and customer of each entry, all of them pending; with a query or two for all together."""
        raise NotImplementedError

    def erased(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those of the entries, none of them a customer's, whose people were erased."""
        return []

    def settle(self, entries: Sequence[Entry]) -> None:
        """Judge the entries that wait for it, and forget of all who was erased."""
        self.judge([entry for entry in entries if entry.verdict == PENDING])
        strangers = [entry for entry in entries if entry.customer_id is None and entry.email_key]
        for entry in self.erased(strangers):
            entry.forget()
            entry.values = list(self.nothing.values())

    @property
    def nothing(self) -> dict[str, Any]:
        """The columns beyond the shared ones, as they are in a row that says nothing."""
        fields = [self.row_model._meta.get_field(name) for name in self.columns]
        return {field.name: None if field.null else "" for field in fields}

    def world(self) -> list[int]:
        """The versions of all that `judge` reads: while none has gone up, it would say the same again."""
        raise NotImplementedError

    def count_verdicts(self) -> dict[str, int]:
        found = self.rows.order_by().values_list("verdict").annotate(rows=Count("pk"))
        return dict(found)

    def save_upload(self, **fields: Any) -> None:
        self.upload_model.objects.for_store(self.store).filter(pk=self.upload.pk).update(**fields)


class CheckSheet(SheetWork):
    """Read the file into rows, and say of each what an import would do; refuse a file that is too long or broken.

    A subclass gives `columns`, `values` and `judge`, and `limit` with `too_long` where there is one.
    """

    limit: int | None = None

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._source: Iterator[Row] | None = None
        self._email_at: int = self.upload.mapping["email"]

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
        if self._source is None:
            self._source = self._open(cursor["line"])
        entries = self._next_entries(self._source)
        if not entries:
            return self._reading_ends(cursor["count"], world)
        count = cursor["count"] + len(entries)
        if self.limit is None or count <= self.limit:
            self._stage(entries)
        self.job.done = count
        cursor |= {"stage": "read", "line": entries[-1].line, "count": count}
        return Step(count, None, cursor, "Reading the file")

    def _next_entries(self, source: Iterator[Row]) -> list[Entry]:
        """The next rows of the file, as many as a step takes, or fewer where they are long."""
        entries, weight = [], 0
        for row in islice(source, READ_AT_ONCE * self.chunk):
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
        crash.taste(lambda: (str(text) for entry in entries for text in (entry.email, *entry.values)))
        self.settle(entries)
        shared = ((self.store.pk, self.upload.pk, *_said(entry), *entry.values) for entry in entries)
        sets.load(self.row_model, (*_SHARED, *self.columns), shared)
        crash.point("check.loaded")

    def _entry(self, row: Row) -> Entry:
        email = row.cells[self._email_at]
        entry = Entry(row.line, storable(email, 255))
        entry.values, wrong = self.values(row.cells)
        try:
            entry.email_key = email_key(email)
            if len(entry.email_key) != len(email) or entry.email_key != email.lower():
                entry.email = display_email(email)
        except InvalidEmail as error:
            wrong = f"Not an e-mail address: {error.reason}." if email else "No e-mail address."
        if wrong := f"The row {row.problem}." if row.problem else wrong:
            entry.verdict, entry.reason = INVALID, storable(wrong, 255)
        return entry

    def _reading_ends(self, count: int, world: list[int]) -> Step:
        if self.limit is not None and count > self.limit:
            raise Refused("too-long", self.too_long(count))
        self.save_upload(row_count=count)
        crash.point("check.counted")
        sets.refresh_statistics(self.row_model)
        cursor = {"stage": "repeats", "count": count, "world": world}
        return Step(count, None, cursor, "Looking for people who come twice")

    def _repeats(self) -> Step:
        by_person = Window(RowNumber(), partition_by=[F("email_key")], order_by=F("line").desc())
        earlier = self.rows.exclude(verdict__in=(INVALID, ERASED)).annotate(place=by_person).filter(place__gt=1)
        self.rows.filter(pk__in=earlier.values("pk")).update(verdict=REPEATED, reason=LATER_ROW_COUNTS)
        count, world = self.job.cursor["count"], self.job.cursor["world"]
        judged_in = world if world == self.world() else None
        self.save_upload(counts=self.count_verdicts(), checked_at=timezone.now(), judged_in=judged_in)
        return Step(count, count, {}, "Checked", result={"rows": count})

    def _refuse(self) -> Step:
        refused = Step(self.job.done, None, {"stage": "refuse"}, "Reading the file")
        if sets.delete_matching(self.rows, most=self.chunk):
            return refused
        return replace(refused, phase="Refused", result={"refused": True})


class ApplySheet(SheetWork):
    """Do what the check promised, window by window in the order of the lines. A subclass gives `judge` and `apply`,
    and may add to `finish`."""

    phase: ClassVar[str] = "Importing"
    written: ClassVar[Sequence[type[Model]]] = ()
    """The tables that `apply` fills."""

    def apply(self, window: QuerySet[Any]) -> None:
        """Write the rows of the window where they belong, and what became of those for whom it is not what their
        verdicts say."""
        raise NotImplementedError

    def world_after(self, before: list[int]) -> list[int]:
        """What `world` will say next, if nobody but this work writes in the meantime; it said `before` before this
        window was written."""
        raise NotImplementedError

    def finish(self, counts: dict[str, int]) -> None:
        """What has to be written with the end of the import."""

    def step(self) -> Step:
        self.hold()
        total, after = self.upload.row_count, self.job.cursor.get("line", 0)
        lines = list(self.rows.filter(line__gt=after).order_by("line").values_list("line", flat=True)[: self.chunk])
        if not lines:
            return self._ends(total)
        window = self.rows.filter(line__gt=after, line__lte=lines[-1])
        crash.taste(lambda: window.values_list("email", flat=True))
        world = self.world()
        is_as_judged = world == self.job.cursor.get("world", self.upload.judged_in)
        if not is_as_judged:
            self.rejudge(window)
        self.apply(window)
        crash.point("import.applied")
        self.save_upload(applied_to=lines[-1])
        done = self.job.cursor.get("done", 0) + len(lines)
        # Once people have come and gone since the check, the windows to come are judged anew too.
        cursor = {"line": lines[-1], "done": done, "world": self.world_after(world) if is_as_judged else None}
        return Step(done, total, cursor, self.phase)

    def rejudge(self, window: QuerySet[Any]) -> None:
        """Judge the rows of the window anew, and write down the verdicts that are others now."""
        columns = ("pk", "line", "email_key", "customer_id", "verdict", "reason", *self.columns[: self.judged_by])
        rows = list(window.exclude(verdict__in=(INVALID, REPEATED, ERASED)).values_list(*columns))
        entries = [Entry(line, "", key, values=values) for _, line, key, _, _, _, *values in rows]
        self.settle(entries)
        by_verdict: dict[tuple[str, str], list[int]] = {}
        customers: dict[int, int | None] = {}
        for entry, (pk, line, _, customer, verdict, reason, *_) in zip(entries, rows, strict=True):
            if (verdict, reason) != (entry.verdict, entry.reason):
                by_verdict.setdefault((entry.verdict, entry.reason), []).append(line)
            if customer != entry.customer_id:
                customers[pk] = entry.customer_id
        for (now, why), lines in by_verdict.items():
            gone = {"email": "", "email_key": "", **self.nothing} if now == ERASED else {}
            window.filter(line__among=lines).update(verdict=now, reason=why, **gone)
        sets.assign(self.row_model, "customer_id", customers)

    def _ends(self, total: int) -> Step:
        counts: dict[str, int] = {}
        for verdict, rows in self.count_verdicts().items():
            name = self.outcomes.get(verdict, verdict)
            counts[name] = counts.get(name, 0) + rows
        self.save_upload(counts=counts, finished_at=timezone.now())
        crash.point("import.ending")
        self.finish(counts)
        sets.refresh_statistics(*self.written)
        return Step(total, total, {}, "Finished", result=counts)


_SHARED = ("store", "upload", "line", "email", "email_key", "customer_id", "verdict", "reason")


def _said(entry: Entry) -> tuple[Any, ...]:
    return entry.line, entry.email, entry.email_key, entry.customer_id, entry.verdict, entry.reason
