"""Files of people, from the upload to the report: receive, check, confirm, import, account for every row.

Both ways to bring people in (customers, and members of a segment) are made of these parts; each brings its own
columns, and says in `settle` and `apply` what becomes of a window of rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from itertools import islice
from typing import Any, ClassVar

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils import timezone

from portal import sets
from portal.emails import InvalidEmail, display_email, email_key
from portal.jobs import GiveUp, Step
from portal.models import Job, SheetRow, SheetUpload
from portal.tabular import Format, Limits, Refused, Row, open_table, sniff

PENDING, REPEATED, INVALID = "pending", "repeated", "invalid"
LATER_ROW_COUNTS = "The same person comes again in a later line; the last one counts."


class Stage(StrEnum):
    """Where an upload stands; told by its row and its latest job, kept nowhere."""

    CHECKING = "checking"
    REFUSED = "refused"
    READY = "ready"
    IMPORTING = "importing"
    FINISHED = "finished"
    UNDOING = "undoing"
    UNDONE = "undone"
    STOPPED = "stopped"


def limits() -> Limits:
    return Limits(max_bytes=settings.UPLOAD_MAX_BYTES)


def receive(upload: SheetUpload, file: UploadedFile[Any]) -> None:
    """Take in an uploaded file: look at its head, keep it under a random name, and note how it is to be read.

    Saves neither the upload nor any row. Raises Refused, in words for the person, when it cannot be read at all.
    """
    name = (file.name or "file").replace("\x00", "")
    if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
        most = settings.UPLOAD_MAX_BYTES // 1024 // 1024
        raise Refused("too-large", f"The file is larger than {most:,} MB. Split it, and import the parts.")
    source: Any = file
    form = sniff(source, name)
    table = open_table(source, name, format=form, limits=limits())
    upload.headers, upload.format = table.headers, asdict(table.format)
    upload.filename, upload.size, upload.sha256 = name[-255:], file.size or 0, _digest(file)
    file.seek(0)
    upload.file.save(name, file, save=False)


def _digest(file: Any) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def read_format(upload: SheetUpload) -> Format:
    return Format(**upload.format)


def first_rows(upload: SheetUpload, count: int = 5) -> list[Row]:
    """The first rows as they will be read. Raises Refused."""
    with upload.file.open("rb") as file:
        return list(islice(_rows(file, upload, after=0), count))


def _rows(file: Any, upload: SheetUpload, *, after: int) -> Iterator[Row]:
    table = open_table(file, upload.filename, format=read_format(upload), limits=limits())
    return iter(table.rows(start_after_line=after))


def stage(upload: SheetUpload, job: Job | None) -> Stage:
    """Where `upload` stands, given its latest job. A job whose kind ends in `check` checks, in `undo` undoes."""
    if job is not None and job.is_active:
        verb = job.kind.rsplit(".", 1)[-1]
        return (
            Stage.CHECKING
            if verb.startswith("check")
            else Stage.UNDOING
            if verb.startswith("undo")
            else Stage.IMPORTING
        )
    if upload.refusal:
        return Stage.REFUSED
    if getattr(upload, "undone_at", None):
        return Stage.UNDONE
    if upload.finished_at:
        return Stage.FINISHED
    if job is not None and job.state in (Job.State.FAILED, Job.State.CANCELLED):
        return Stage.STOPPED
    return Stage.READY if upload.checked_at else Stage.CHECKING


class SheetWork:
    """Work on one upload, the job's subject: windows of rows in the order of their lines."""

    upload_model: ClassVar[type[SheetUpload]]
    row_model: ClassVar[type[SheetRow]]

    def __init__(self, job: Job) -> None:
        self.job, self.store = job, job.store
        upload = self.upload_model.objects.for_store(job.store).filter(pk=job.subject_id).first()
        if upload is None:
            raise GiveUp("The upload is gone.")
        self.upload: Any = upload
        self.rows: QuerySet[Any] = self.row_model.objects.for_store(job.store).filter(upload=upload)
        self.chunk = sets.chunk_size(self.row_model)

    def window(self, after: int) -> tuple[QuerySet[Any], int, int]:
        """The next rows beyond line `after`, the last line of them, and how many they are; none at the end."""
        lines = list(self.rows.filter(line__gt=after).order_by("line").values_list("line", flat=True)[: self.chunk])
        last = lines[-1] if lines else after
        return self.rows.filter(line__gt=after, line__lte=last), last, len(lines)

    def count_verdicts(self) -> dict[str, int]:
        found = self.rows.order_by().values_list("verdict").annotate(rows=Count("pk"))
        return dict(found)

    def save_upload(self, **fields: Any) -> None:
        self.upload_model.objects.for_store(self.store).filter(pk=self.upload.pk).update(**fields)


class CheckSheet(SheetWork):
    """Read the file into rows, then say of each what an import would do; refuse a file that is too long or broken.

    A subclass gives `columns` and `values` (the fields of a row beyond the shared ones), and `settle`.
    """

    columns: ClassVar[Sequence[str]] = ()
    limit: int | None = None

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._source: Iterator[Row] | None = None

    def values(self, cells: Sequence[str]) -> tuple[Sequence[Any], str]:
        """The values for `columns` from a row's cells, and what is wrong with them ('' for nothing)."""
        raise NotImplementedError

    def settle(self, window: QuerySet[Any]) -> None:
        """Give each row of the window that is still pending its verdict."""
        raise NotImplementedError

    def step(self) -> Step:
        try:
            stages = {"clear": self._clear, "read": self._read, "settle": self._settle, "refuse": self._refuse}
            return stages[self.job.cursor.get("stage", "clear")]()
        except Refused as refused:
            self.save_upload(refusal=refused.message)
            return Step(self.job.done, self.job.total, {"stage": "refuse"}, "Reading the file")

    def _clear(self) -> Step:
        """Take away what an earlier check left, which read the file another way."""
        if sets.delete_matching(self.rows, most=self.chunk):
            return Step(0, None, {"stage": "clear"}, "Reading the file")
        return self._read()

    def _read(self) -> Step:
        count, line = self.job.cursor.get("count", 0), self.job.cursor.get("line", 0)
        if self._source is None:
            self._source = self._open(line)
        batch = list(islice(self._source, self.chunk))
        if not batch:
            return self._reading_ends(count)
        count += len(batch)
        if self.limit is None or count <= self.limit:
            sets.load(self.row_model, (*_SHARED, *self.columns), map(self._as_row, batch))
        return Step(count, None, {"stage": "read", "line": batch[-1].line, "count": count}, "Reading the file")

    def _open(self, after: int) -> Iterator[Row]:
        # A generator closes the file with itself, however the work ends.
        with self.upload.file.open("rb") as file:
            if _digest(file) != self.upload.sha256:
                raise Refused("changed", "The file was changed after it was uploaded. Upload it again.")
            file.seek(0)
            yield from _rows(file, self.upload, after=after)

    def _reading_ends(self, count: int) -> Step:
        if self.limit is not None and count > self.limit:
            raise Refused("too-long", self.too_long(count))
        self.save_upload(row_count=count)
        return Step(count, count * 2, {"stage": "settle", "line": 0, "count": count}, "Looking people up")

    def too_long(self, count: int) -> str:
        raise NotImplementedError

    def _as_row(self, row: Row) -> tuple[Any, ...]:
        email = self._cell(row.cells, "email")
        values, wrong = self.values(row.cells)
        key = ""
        if not (problem := row.problem or ""):
            try:
                key = email_key(email)
            except InvalidEmail as error:
                problem = f"Not an e-mail address: {error.reason}." if email else "No e-mail address."
        problem = problem or wrong
        if key and key != email.lower():
            email = display_email(email)
        verdict = INVALID if problem else PENDING
        return (self.store.pk, self.upload.pk, row.line, storable(email, 255), key, verdict, problem[:255], *values)

    def _cell(self, cells: Sequence[str], field: str) -> str:
        index = self.upload.mapping.get(field)
        return cells[index] if index is not None and index < len(cells) else ""

    def _settle(self) -> Step:
        count = self.job.cursor["count"]
        window, last, size = self.window(self.job.cursor["line"])
        if not size:
            self.save_upload(counts=self.count_verdicts(), checked_at=timezone.now())
            return Step(count * 2, count * 2, {}, "Checked", result={"rows": count})
        self.mark_repeated(window)
        self.settle(window)
        cursor = {"stage": "settle", "line": last, "count": count, "settled": self.job.cursor.get("settled", 0) + size}
        return Step(count + cursor["settled"], count * 2, cursor, "Looking people up")

    def mark_repeated(self, window: QuerySet[Any]) -> None:
        again = self.rows.filter(email_key=OuterRef("email_key"), line__gt=OuterRef("line")).exclude(verdict=INVALID)
        window.filter(Exists(again), verdict=PENDING).update(verdict=REPEATED, reason=LATER_ROW_COUNTS)

    def _refuse(self) -> Step:
        if sets.delete_matching(self.rows, most=self.chunk):
            return Step(self.job.done, self.job.total, {"stage": "refuse"}, "Reading the file")
        return Step(self.job.done, self.job.total, {}, "Refused", result={"refused": True})


class ApplySheet(SheetWork):
    """Do what the check promised, window by window. A subclass gives `apply` and may add to `finish`."""

    phase: ClassVar[str] = "Importing"

    def apply(self, window: QuerySet[Any]) -> None:
        """Write the rows of the window where they belong, and what became of each."""
        raise NotImplementedError

    def finish(self, counts: dict[str, int]) -> None:
        """What has to be written with the end of the import."""

    def step(self) -> Step:
        total = self.upload.row_count
        window, last, size = self.window(self.job.cursor.get("line", 0))
        if not size:
            counts = self.count_verdicts()
            self.save_upload(counts=counts, finished_at=timezone.now())
            self.finish(counts)
            return Step(total, total, {}, "Finished", result=counts)
        self.apply(window)
        done = self.job.cursor.get("done", 0) + size
        return Step(done, total, {"line": last, "done": done}, self.phase)


_SHARED = ("store", "upload", "line", "email", "email_key", "verdict", "reason")


def storable(text: str, most: int) -> str:
    """The text as a column of `most` characters takes it: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:most]


def report(rows: QuerySet[Any], labels: dict[str, str]) -> Iterator[tuple[Any, ...]]:
    """The rows of the report that people download: line, value, what became of it, why."""
    found = rows.order_by("line").values_list("line", "email", "verdict", "reason").iterator(chunk_size=5_000)
    for line, email, verdict, reason in found:
        yield line, email, labels.get(verdict, verdict), reason


REPORT_HEADERS = ("Line", "E-mail", "Result", "Reason")
