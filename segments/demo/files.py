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
from portal.models import Job, User
from portal.models.job import JobState
from segments.demo import layouts, runs
from segments.demo.history import Ledger
from segments.demo.names import draw_name
from segments.demo.people import Person
from segments.demo.reading import Said, read
from segments.demo.shops import Shop
from segments.demo.trail import Trail
from segments.membership import Cause
from segments.models import Source, Upload, UploadRow, UploadVerdict
from segments.uploads.columns import cell_reader, find_columns
from segments.uploads.work import CHECK, IMPORT, REASONS, UNDO, outcomes_of, too_long

STUCK = "The work was interrupted again and again at the same place. Nothing of it was lost; try again."
_NO_ADDRESSES = ("n/a", "maria.lopez@", "anna lee@example.com", "", "see invoice", "tea.club@example")
_COLUMNS = (
    "store", "upload", "line", "email", "email_key", "customer_id", "verdict", "reason", "name", "phone",
)  # fmt: skip
_CUSTOMER, _VERDICT, _NAME, _PHONE = (_COLUMNS.index(name) for name in ("customer_id", "verdict", "name", "phone"))
_Row = tuple[Any, ...]


@dataclass
class Uploads:
    """Makes uploads of the past; their rows are gathered, and written at the end by `write`."""

    shop: Shop
    rng: Random
    trail: Trail
    rows: list[_Row] = field(default_factory=list)

    def bring_in(self, ledger: Ledger, people: list[Person], by: User, at: datetime) -> Upload:
        """Upload a file with `people`, and with the slips that such files have, and import it."""
        stem = slugify(ledger.segment.name.partition("(")[0])
        filename = f"{stem}-{at:%Y-%m}.{self.rng.choice(('csv', 'csv', 'xlsx'))}"
        others = self._some_who_were_in(ledger, len(people) // 14)
        return self._import(ledger, filename, people + others, by, at)

    def bring_in_by_mistake(self, ledger: Ledger, people: list[Person], by: User, at: datetime) -> None:
        """Import the wrong file, and take that back a little later."""
        upload = self._import(ledger, "tea-tasting-list.csv", people, by, at)
        added = [customer for customer, member in ledger.members.items() if member.since.upload == upload]
        undone_at, count = at + timedelta(minutes=17), upload.row_count or 0
        job = self._run(upload, UNDO, undone_at, done=count, phase="Finished", result={"removed": len(added)})
        upload.undone_at = undone_at = job.finished_at or undone_at
        upload.save(update_fields=["undone_at"])
        self._note("undid an import into", upload, undone_at, removed=len(added))
        ledger.leave(added, Cause(Source.UPLOAD, actor=by, job=job, upload=upload, at=undone_at), keep_out=False)

    def get_stuck(self, ledger: Ledger, people: list[Person], by: User, at: datetime) -> None:
        """Upload a file whose import was interrupted again and again, until a person tries it once more."""
        upload, rows = self._check(ledger, "matcha-evening.csv", people, by, at)
        confirmed_at = self._confirm(upload, at)
        state = JobState.FAILED
        self._run(upload, IMPORT, confirmed_at, done=0, total=len(rows), phase="", state=state, error=STUCK)
        upload.save()

    def refuse(self, ledger: Ledger, count: int, by: User, at: datetime) -> None:
        """Upload a file of `count` people, which is longer than the store's limit."""
        everyone = [layouts.member_row(person) for person in self.shop.people]
        rows = [*everyone, *(_stranger(self.rng) for _ in range(count - len(everyone)))]
        upload = self._take_in(ledger, "everyone-we-know.csv", layouts.as_csv(layouts.MEMBERS, rows), by, at)
        upload.refusal = too_long(count, self.shop.store.upload_limit)
        upload.save()
        self._run(upload, CHECK, at, done=count, phase="Refused", result={"refused": True}, total=None)

    def write(self) -> int:
        """Write the gathered rows; how many."""
        return sets.load(UploadRow, _COLUMNS, self.rows)

    def _import(self, ledger: Ledger, filename: str, people: list[Person], by: User, at: datetime) -> Upload:
        upload, rows = self._check(ledger, filename, people, by, at)
        confirmed_at, outcomes = self._confirm(upload, at), outcomes_of(upload)
        upload.counts = dict(Counter(outcomes.get(row[_VERDICT], row[_VERDICT]) for row in rows))
        job = self._run(upload, IMPORT, confirmed_at, done=len(rows), phase="Finished", result=upload.counts)
        upload.finished_at, upload.applied_to = job.finished_at or at, max(row[_COLUMNS.index("line")] for row in rows)
        upload.save()
        counts = {UploadVerdict(verdict).label.lower(): count for verdict, count in upload.counts.items()}
        self._note("imported into", upload, upload.finished_at, **counts)
        coming = [row for row in rows if row[_VERDICT] in (UploadVerdict.MATCHED, UploadVerdict.ALREADY)]
        said = {row[_CUSTOMER]: (row[_NAME], row[_PHONE]) for row in coming}
        ledger.enter(said, Cause(Source.UPLOAD, actor=by, job=job, upload=upload, at=upload.finished_at), said)
        return upload

    def _check(
        self, ledger: Ledger, filename: str, people: list[Person], by: User, at: datetime
    ) -> tuple[Upload, list[_Row]]:
        """An upload that was checked, and its rows."""
        upload = self._take_in(ledger, filename, self._content(filename, people), by, at)
        rows = [self._judged(ledger, upload, said) for said in read(upload)]
        self.rows += rows
        upload.row_count, upload.counts = len(rows), dict(Counter(row[_VERDICT] for row in rows))
        job = self._run(upload, CHECK, at, done=len(rows), phase="Checked", result={"rows": len(rows)})
        upload.checked_at = job.finished_at
        return upload, rows

    def _take_in(self, ledger: Ledger, filename: str, content: bytes, by: User, at: datetime) -> Upload:
        """An upload whose file is stored and recognised."""
        upload = Upload(store=self.shop.store, segment=ledger.segment, created_by=by, created_at=at)
        sheets.receive(upload, SimpleUploadedFile(filename, content))
        upload.mapping = find_columns(upload.headers)
        upload.save()
        return upload

    def _confirm(self, upload: Upload, at: datetime) -> datetime:
        upload.confirmed_at = at + timedelta(seconds=self.rng.randrange(20, 90))
        self._note("confirmed an import into", upload, upload.confirmed_at, rows=upload.row_count or 0)
        return upload.confirmed_at

    def _content(self, filename: str, people: list[Person]) -> bytes:
        """A file with `people`, some who are no customers, and slips."""
        slips = max(2, len(people) // 40)
        rows = [layouts.member_row(person) for person in people]
        rows += [_stranger(self.rng) for _ in range(slips)]
        rows += [(self.rng.choice(_NO_ADDRESSES), "", "") for _ in range(slips // 2)]
        rows += self.rng.sample(rows, slips // 2)
        self.rng.shuffle(rows)
        if filename.endswith(".xlsx"):
            return layouts.as_xlsx(layouts.MEMBERS, rows, title="Customers")
        if self.rng.random() < 0.3:
            return layouts.as_csv(("Name", "E-mail", "Phone"), map(_name_first, rows), delimiter=";")
        return layouts.as_csv(layouts.MEMBERS, rows)

    def _some_who_were_in(self, ledger: Ledger, count: int) -> list[Person]:
        """Some who are members already, or were removed."""
        known = dict(zip(self.shop.ids, self.shop.people, strict=True))
        others = [known[customer] for customer in (*ledger.members, *ledger.kept_out)]
        return self.rng.sample(others, min(len(others), count))

    def _judged(self, ledger: Ledger, upload: Upload, said: Said) -> _Row:
        """The row as the check writes it."""
        customer = self.shop.by_key.get(said.key)
        (name, phone), _ = cell_reader(upload.mapping)(said.cells)
        verdict, reason = _verdict(ledger, said, customer)
        where = self.shop.store.pk, upload.pk, said.line
        return (*where, said.email, said.key, customer, str(verdict), reason, name, phone)

    def _run(self, upload: Upload, kind: str, at: datetime, *, done: int, **fields: Any) -> Job:
        label = _LABELS[kind].format(file=upload.filename, segment=upload.segment.name)
        return runs.record(upload, kind, label=label, at=at, done=done, **({"total": done} | fields))

    def _note(self, verb: str, upload: Upload, at: datetime, **counts: int) -> None:
        changes = {"file": [None, upload.filename]} | {name: [None, count] for name, count in counts.items()}
        self.trail.note(at, upload.created_by, verb, upload.segment, changes=changes)


_LABELS = {
    CHECK: "Check {file}",
    IMPORT: "Import {file} into {segment}",
    UNDO: "Undo import of {file} into {segment}",
}


def _verdict(ledger: Ledger, said: Said, customer: int | None) -> tuple[UploadVerdict, str]:
    if not said.key:
        return UploadVerdict.INVALID, said.problem
    if said.comes_again:
        return UploadVerdict.REPEATED, sheets.LATER_ROW_COUNTS
    verdict = UploadVerdict.MATCHED
    if customer is None:
        verdict = UploadVerdict.UNMATCHED
    elif customer in ledger.members:
        verdict = UploadVerdict.ALREADY
    elif customer in ledger.kept_out:
        verdict = UploadVerdict.KEPT_OUT
    return verdict, REASONS.get(verdict, "")


def _stranger(rng: Random) -> layouts.Row:
    """Someone who is no customer."""
    given, family, plain_given, plain_family = draw_name(rng)
    return f"{plain_family}.{plain_given}{rng.randrange(1000)}@example.org", f"{given} {family}", ""


def _name_first(row: layouts.Row) -> layouts.Row:
    email, name, phone = row
    return name, email, phone
