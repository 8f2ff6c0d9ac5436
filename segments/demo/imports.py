"""The files from which the demo's larger shop took its customers over, and those of its later days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from customers.imports.layouts import recognise
from customers.imports.rows import COLUMNS, RowReader
from customers.imports.work import CHECK, IMPORT, NOTES, TO_WRITE
from customers.models import Customer, CustomerImport, CustomerImportRow, ImportVerdict
from portal import sets, sheets
from portal.models import Job, User
from portal.models.job import JobState
from segments.demo import layouts, runs
from segments.demo.reading import Said, read
from segments.demo.shops import Shop
from segments.demo.trail import Trail


@dataclass
class Imports:
    """Makes customer imports of the past; their rows are gathered, and written at the end by `write`."""

    shop: Shop
    rng: Random
    trail: Trail
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def take_over(self, by: User, at: datetime) -> None:
        """The shop's first file: everyone who was a customer by then, from Shopify."""
        people = [person for person in self.shop.people if person.signed_up_at < at and not person.is_tester]
        rows = [layouts.shopify_row(person) for person in people]
        rows += [_without_email(row) for row in self.rng.sample(rows, 4)] + self.rng.sample(rows, 3)
        content = layouts.as_csv(layouts.SHOPIFY, rows, encoding="utf-8-sig")
        self._bring_in("customers_export.csv", content, by, at)

    def catch_up(self, by: User, at: datetime) -> None:
        """What Recharge knows of some hundred customers; most of it is new here."""
        known = [person for person in self.shop.people if person.signed_up_at < at and person.recharge_id]
        people = sorted(self.rng.sample(known, 420), key=lambda person: person.recharge_id)
        rows = [layouts.recharge_row(person) for person in people]
        rows += self.rng.sample(rows, 2)
        content = layouts.as_csv(layouts.RECHARGE, rows)
        self._bring_in("recharge-customers.csv", content, by, at, unchanged=0.18)

    def bring_from_market(self, by: User, at: datetime) -> None:
        """Who left an address at the stall over the spring."""
        season = (
            person for person in self.shop.people if timedelta(0) < at - person.signed_up_at < timedelta(days=120)
        )
        rows = [layouts.customer_row(person) for person in season if person.channel == "in person"]
        rows.append(("no address left", "Guest", "", "", "in person", "coffee", ""))
        content = layouts.as_xlsx(layouts.CUSTOMERS, rows, title="Market")
        self._bring_in("spring-market.xlsx", content, by, at)

    def cancel(self, by: User, at: datetime) -> None:
        """A file that was the wrong one; noticed after the check, and stopped."""
        rows = [(f"reader{number}@example.net", "", "", "", "email", "", "") for number in range(1, 351)]
        content = layouts.as_csv(layouts.CUSTOMERS, rows)
        upload, _ = self._check("old-newsletter-list.csv", content, by, at)
        confirmed_at = self._confirm(upload, at)
        job = self._run(upload, IMPORT, confirmed_at, done=0, total=len(rows), phase="", state=JobState.CANCELLED)
        self.trail.note(job.finished_at or at, by, "cancelled", job)

    def write(self) -> int:
        """Write the gathered rows; how many."""
        return sets.load(CustomerImportRow, _COLUMNS, self.rows)

    def _bring_in(self, filename: str, content: bytes, by: User, at: datetime, unchanged: float = 0) -> None:
        upload, judged = self._check(filename, content, by, at, unchanged)
        confirmed_at = self._confirm(upload, at)
        count = len(judged)
        job = self._run(upload, IMPORT, confirmed_at, done=count, total=count, phase="Finished", result=upload.counts)
        upload.finished_at = job.finished_at or confirmed_at
        upload.applied_to = max(row[_LINE] for row in judged)
        upload.save()
        counts = {name: [None, rows] for name, rows in upload.counts.items() if rows}
        self.trail.note(upload.finished_at, by, "imported", upload, changes=counts)
        written = [self.shop.by_key[row[_KEY]] for row in judged if row[_VERDICT] in TO_WRITE]
        mine = Customer.objects.for_store(self.shop.store)
        for start in range(0, len(written), 500):
            some = mine.filter(pk__in=written[start : start + 500])
            some.update(last_import=upload, changed_at=upload.finished_at)

    def _confirm(self, upload: CustomerImport, at: datetime) -> datetime:
        upload.confirmed_at = at + timedelta(seconds=self.rng.randrange(25, 90))
        upload.save()
        self.trail.note(
            upload.confirmed_at, upload.created_by, "confirmed", upload, changes={"change consent": [None, False]}
        )
        return upload.confirmed_at

    def _check(
        self, filename: str, content: bytes, by: User, at: datetime, unchanged: float = 0
    ) -> tuple[CustomerImport, list[tuple[Any, ...]]]:
        upload = CustomerImport(store=self.shop.store, created_by=by, created_at=at)
        sheets.receive(upload, SimpleUploadedFile(filename, content))
        layout = recognise(upload.headers)
        upload.source, upload.mapping = layout.source, layout.mapping
        upload.save()
        self.trail.note(at, by, "uploaded", upload)
        reader = RowReader(layout, self.shop.store.zone, at)
        rows = [self._judged(upload, reader, said, unchanged) for said in read(upload)]
        self.rows += rows
        upload.row_count, upload.applied_to = len(rows), 0
        upload.counts = dict.fromkeys(NOTES, 0) | Counter(row[_VERDICT] for row in rows)
        job = self._run(upload, CHECK, at, done=len(rows), total=len(rows), phase="Checked", result={"rows": len(rows)})
        upload.checked_at = job.finished_at
        return upload, rows

    def _judged(self, upload: CustomerImport, reader: RowReader, said: Said, unchanged: float) -> tuple[Any, ...]:
        """The row as the import leaves it; `unchanged` is the part of the known of whom it says nothing new."""
        values, wrong = reader.read(said.cells)
        verdict, reason, customer = ImportVerdict.CREATED, said.problem or wrong, None
        if reason:
            verdict = ImportVerdict.INVALID
        elif said.comes_again:
            verdict, reason = ImportVerdict.REPEATED, sheets.LATER_ROW_COUNTS
        elif unchanged:
            customer = self.shop.by_key.get(said.key)
            verdict = ImportVerdict.UNCHANGED if self.rng.random() < unchanged else ImportVerdict.UPDATED
        where = self.shop.store.pk, upload.pk, said.line
        return (*where, said.email, said.key, customer, str(verdict), reason, *values)

    def _run(self, upload: CustomerImport, kind: str, at: datetime, **fields: Any) -> Job:
        label = f"{_LABELS[kind]} {upload.filename}"
        return runs.record(upload, kind, label=label, at=at, **fields)


_LABELS = {CHECK: "Check", IMPORT: "Import customers from"}
_COLUMNS = ("store", "upload", "line", "email", "email_key", "customer_id", "verdict", "reason", *COLUMNS)
_LINE, _KEY, _VERDICT = (_COLUMNS.index(name) for name in ("line", "email_key", "verdict"))


def _without_email(row: Sequence[object]) -> Sequence[object]:
    return ["" if "@" in str(cell) else cell for cell in row]
