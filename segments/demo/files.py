"""The CSV files that filled the demo's segments, with their checks, imports and reports."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.text import slugify

from portal import sets, sheets
from portal.emails import InvalidEmail, email_key
from portal.models import Job, User
from portal.models.job import JobState
from portal.tabular import EMAIL_NAMES, PHONE_NAMES, Row, find_column
from segments.demo import layouts, runs
from segments.demo.history import Ledger
from segments.demo.names import draw_name
from segments.demo.people import Person
from segments.demo.shops import Shop
from segments.demo.trail import Trail
from segments.membership import Cause
from segments.models import Source, Upload, UploadRow, UploadVerdict

NAME_HEADERS = ("name", "full name")
STUCK = "The work was interrupted again and again at the same place. Nothing of it was lost; try again."
_NO_ADDRESSES = ("n/a", "maria.lopez@", "anna lee@example.com", "", "see invoice", "tea.club@example")


@dataclass
class Uploads:
    """Makes uploads of the past; their rows are gathered, and written at the end by `write`."""

    shop: Shop
    rng: Random
    trail: Trail
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def bring_in(self, ledger: Ledger, people: list[Person], by: User, at: datetime) -> Upload:
        """Upload a file with `people`, and with the slips that such files have, and import it."""
        upload, judged = self._check(ledger, self._file_name(ledger, at), people, by, at)
        upload.confirmed_at = at + timedelta(seconds=self.rng.randrange(20, 90))
        upload.counts = _count(judged)
        done, result = len(judged), upload.counts
        job = self._run(upload, "import", upload.confirmed_at, done=done, phase="Finished", result=result)
        upload.finished_at = job.finished_at or at
        upload.save()
        counts = {verdict: [None, rows] for verdict, rows in upload.counts.items()}
        self.trail.note(upload.finished_at, by, "imported", upload, changes=counts)
        said = {row[_CUSTOMER]: (row[_NAME], row[_PHONE]) for row in judged if row[_CUSTOMER]}
        ledger.enter(said, Cause(Source.UPLOAD, actor=by, job=job, upload=upload, at=upload.finished_at), said)
        self.rows += judged
        return upload

    def get_stuck(self, ledger: Ledger, people: list[Person], by: User, at: datetime) -> Upload:
        """Upload a file whose import was interrupted again and again, until a person tries it once more."""
        upload, judged = self._check(ledger, "matcha-evening.csv", people, by, at)
        judged = [_before_import(row) for row in judged]
        upload.confirmed_at, upload.counts = at + timedelta(seconds=31), _count(judged)
        upload.save()
        state = JobState.FAILED
        self._run(upload, "import", upload.confirmed_at, done=0, total=len(judged), phase="", state=state, error=STUCK)
        self.rows += judged
        return upload

    def undo(self, ledger: Ledger, upload: Upload, by: User, at: datetime) -> None:
        """Take back exactly what `upload` added."""
        added = [customer for customer, member in ledger.members.items() if member.since.upload == upload]
        job = self._run(upload, "undo", at, done=len(added), phase="Finished", result={"removed": len(added)})
        upload.undone_at = job.finished_at or at
        upload.save(update_fields=["undone_at"])
        self.trail.note(at, by, "undid", upload, changes={"customers": [len(added), 0]})
        ledger.leave(added, Cause(Source.UPLOAD, actor=by, job=job, upload=upload, at=upload.undone_at), keep_out=False)

    def refuse(self, ledger: Ledger, count: int, by: User, at: datetime) -> None:
        """Upload a file of `count` people, which is longer than the store's limit."""
        everyone = [layouts.member_row(person) for person in self.shop.people]
        rows = [*everyone, *(_stranger(self.rng) for _ in range(count - len(everyone)))]
        upload = self.take_in(ledger, "everyone-we-know.csv", layouts.as_csv(layouts.MEMBERS, rows), by, at)
        limit = self.shop.store.upload_limit
        upload.refusal = too_long(count, limit)
        upload.save()
        self._run(upload, "check", at, done=count, phase="Refused", result={"refused": True}, total=None)

    def take_in(self, ledger: Ledger, filename: str, content: bytes, by: User, at: datetime) -> Upload:
        """An upload whose file is stored and recognised, but not checked."""
        upload = Upload(store=self.shop.store, segment=ledger.segment, created_by=by, created_at=at)
        sheets.receive(upload, SimpleUploadedFile(filename, content))
        named = {"email": EMAIL_NAMES, "name": NAME_HEADERS, "phone": PHONE_NAMES}
        found = {name: find_column(upload.headers, names) for name, names in named.items()}
        upload.mapping = {name: index for name, index in found.items() if index is not None}
        upload.save()
        self.trail.note(at, by, "uploaded", upload)
        return upload

    def write(self) -> int:
        """Write the gathered rows; how many."""
        return sets.load(UploadRow, _COLUMNS, self.rows)

    def _check(
        self, ledger: Ledger, filename: str, people: list[Person], by: User, at: datetime
    ) -> tuple[Upload, list[tuple[Any, ...]]]:
        """The upload after its check, and its rows with what an import makes of them."""
        upload = self.take_in(ledger, filename, self._content(ledger, filename, people), by, at)
        read = sheets.first_rows(upload, upload.size)
        upload.row_count, upload.checked_at = len(read), at + timedelta(seconds=2)
        self._run(upload, "check", at, done=2 * len(read), phase="Checked", result={"rows": len(read)})
        return upload, self._judge(ledger, upload, read)

    def _file_name(self, ledger: Ledger, at: datetime) -> str:
        stem = slugify(ledger.segment.name.partition("(")[0])
        return f"{stem}-{at:%Y-%m}.{self.rng.choice(('csv', 'csv', 'xlsx'))}"

    def _content(self, ledger: Ledger, filename: str, people: list[Person]) -> bytes:
        """A file with `people`, some who are members or were removed, some who are no customers, and slips."""
        slips = max(2, len(people) // 40)
        known = dict(zip(self.shop.ids, self.shop.people, strict=True))
        others = [known[customer] for customer in (*ledger.members, *ledger.kept_out)]
        rows = [layouts.member_row(person) for person in people]
        rows += [layouts.member_row(person) for person in self.rng.sample(others, min(len(others), 3 * slips))]
        rows += [_stranger(self.rng) for _ in range(slips)]
        rows += [(self.rng.choice(_NO_ADDRESSES), "", "") for _ in range(slips // 2)]
        rows += self.rng.sample(rows, slips // 2)
        self.rng.shuffle(rows)
        if filename.endswith(".xlsx"):
            return layouts.as_xlsx(layouts.MEMBERS, rows, title="Customers")
        if self.rng.random() < 0.3:
            return layouts.as_csv(("Name", "E-mail", "Phone"), map(_name_first, rows), delimiter=";")
        return layouts.as_csv(layouts.MEMBERS, rows)

    def _judge(self, ledger: Ledger, upload: Upload, read: list[Row]) -> list[tuple[Any, ...]]:
        """The rows with what becomes of each, before any of them is written."""
        cells = [{name: row.cells[index] for name, index in upload.mapping.items()} for row in read]
        keys = [_key_or_reason(cell["email"]) for cell in cells]
        last = {key: place for place, (key, _) in enumerate(keys)}
        judged = []
        for place, (row, cell, (key, reason)) in enumerate(zip(read, cells, keys, strict=True)):
            verdict, customer, why = UploadVerdict.INVALID, None, reason
            if key and last[key] != place:
                verdict, why = UploadVerdict.REPEATED, sheets.LATER_ROW_COUNTS
            elif key:
                customer = self.shop.by_key.get(key)
                verdict = _verdict(ledger, customer)
            where = self.shop.store.pk, upload.pk, row.line
            judged.append((*where, cell["email"], key, customer, str(verdict), why, cell["name"], cell["phone"]))
        return judged

    def _run(self, upload: Upload, kind: str, at: datetime, *, done: int, **fields: Any) -> Job:
        fields.setdefault("total", done)
        label = f"{_LABELS[kind]} {upload.filename}"
        return runs.record(upload, KINDS[kind], label=label, at=at, done=done, **fields)


KINDS = {"check": "segments.check_upload", "import": "segments.import_upload", "undo": "segments.undo_upload"}
_LABELS = {"check": "Check of", "import": "Import of", "undo": "Undo of"}
_COLUMNS = (
    "store", "upload", "line", "email", "email_key", "customer_id", "verdict", "reason", "name", "phone",
)  # fmt: skip
_CUSTOMER, _VERDICT, _NAME, _PHONE = (_COLUMNS.index(name) for name in ("customer_id", "verdict", "name", "phone"))


def too_long(count: int, limit: int) -> str:
    return f"The file has {count:,} rows; one upload may have {limit:,}."


def _verdict(ledger: Ledger, customer: int | None) -> UploadVerdict:
    if customer is None:
        return UploadVerdict.UNMATCHED
    if customer in ledger.members:
        return UploadVerdict.ALREADY
    return UploadVerdict.KEPT_OUT if customer in ledger.kept_out else UploadVerdict.ADDED


def _key_or_reason(email: str) -> tuple[str, str]:
    try:
        return email_key(email), ""
    except InvalidEmail as error:
        return "", f"Not an e-mail address: {error.reason}." if email else "No e-mail address."


def _stranger(rng: Random) -> layouts.Row:
    """Someone who is no customer."""
    given, family, plain_given, plain_family = draw_name(rng)
    return f"{plain_family}.{plain_given}{rng.randrange(1000)}@example.org", f"{given} {family}", ""


def _name_first(row: layouts.Row) -> layouts.Row:
    email, name, phone = row
    return name, email, phone


def _before_import(row: tuple[Any, ...]) -> tuple[Any, ...]:
    if row[_VERDICT] != UploadVerdict.ADDED:
        return row
    return (*row[:_VERDICT], str(UploadVerdict.MATCHED), *row[_VERDICT + 1 :])


def _count(judged: list[tuple[Any, ...]]) -> dict[str, int]:
    return dict(Counter(row[_VERDICT] for row in judged))
