"""The work on a file of customers: the check, the import, and taking the import back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from customers.privacy.identity import EMAIL, erased_among
from customers.queries import ids_of
from customers.register import customers_version
from portal import audit, crash
from portal.jobs import GiveUp, Step, register
from portal.models import Job
from portal.models.job import ACTIVE_STATES
from portal.sheets import ApplySheet, CheckSheet, Entry, SheetWork
from segments import membership, queries
from segments.membership import Cause, SegmentGone
from segments.models import Exclusion, Membership, MembershipChange, Segment, Source, Upload, UploadRow, UploadVerdict
from segments.uploads.columns import cell_reader

CHECK, IMPORT, UNDO = "segments.check_upload", "segments.import_upload", "segments.undo_upload"

DELETED = "The segment was deleted meanwhile."
REASONS = {
    UploadVerdict.UNMATCHED: "No customer of the store has this e-mail address.",
    UploadVerdict.ALREADY: "In the segment already.",
    UploadVerdict.KEPT_OUT: "Removed from this segment by hand before.",
}


def outcomes_of(upload: Upload) -> dict[str, str]:
    """Verdict of the check → what it is called once the import has come past the row."""
    outcomes: dict[str, str] = {UploadVerdict.MATCHED: UploadVerdict.ADDED}
    if upload.include_removed:
        outcomes[UploadVerdict.KEPT_OUT] = UploadVerdict.ADDED
    return outcomes


def brought_in() -> Q:
    """The rows that their import made members, or found to be; of all uploads, as far as their imports have come, and
    beyond what of them was taken back."""
    is_in = Q(verdict__in=(UploadVerdict.MATCHED, UploadVerdict.ALREADY))
    is_back = Q(verdict=UploadVerdict.KEPT_OUT, upload__include_removed=True)
    return Q(is_in | is_back, line__lte=F("upload__applied_to"), line__gt=F("upload__undone_to"))


def rows_of_others(upload: Upload) -> QuerySet[Any]:
    """What the segment's other imports brought in; without those that are being taken back too."""
    imports = queries.uploads(upload.segment).filter(confirmed_at__isnull=False, undone_at=None)
    others = set(imports.exclude(pk=upload.pk).values_list("pk", flat=True))
    undoing = Job.objects.for_store(upload.store).filter(
        kind=UNDO, state__in=ACTIVE_STATES, subject_type=Upload._meta.label_lower, subject_id__in=others
    )
    others -= set(undoing.values_list("subject_id", flat=True))
    return UploadRow.objects.for_store(upload.store).filter(brought_in(), upload_id__in=others)


def too_long(count: int, limit: int) -> str:
    """What to say of a file of `count` rows, where the store's upload limit is `limit`."""
    return (
        f"The file has {count:,} rows, and this store takes at most {limit:,} customers in one upload. Nothing was "
        f"imported. Split the file, or ask an owner to raise the upload limit in Settings ▸ Store, to at most "
        f"{settings.UPLOAD_LIMIT_MOST:,}."
    )


class _UploadWork(SheetWork):
    """What the three have in common."""

    upload_model = Upload
    row_model = UploadRow
    columns = ("name", "phone")

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.segment: Segment = self.upload.segment
        self.segment.store = job.store

    def hold(self) -> None:
        super().hold()
        version = queries.segments(self.store).filter(pk=self.segment.pk).values_list("version", flat=True).first()
        if version is None:
            raise GiveUp(DELETED)
        self.segment.version = version

    def world(self) -> list[int]:
        return [customers_version(self.store), self.segment.version]

    def cause(self) -> Cause:
        return Cause(Source.UPLOAD, actor=self.job.created_by, job=self.job, upload=self.upload)

    def judge(self, entries: Sequence[Entry]) -> None:
        customers = ids_of(self.store, [entry.email_key for entry in entries])
        inside = queries.who_is_in(self.segment, customers.values())
        out = Exclusion.objects.for_store(self.store).filter(
            segment=self.segment, customer_id__among=customers.values()
        )
        kept_out = set(out.values_list("customer_id", flat=True))
        for entry in entries:
            entry.customer_id = customers.get(entry.email_key)
            verdict = _verdict(entry.customer_id, inside, kept_out)
            entry.verdict, entry.reason = str(verdict), REASONS.get(verdict, "")

    def erased(self, entries: Sequence[Entry]) -> list[Entry]:
        erased = erased_among(self.store, {EMAIL: [entry.email_key for entry in entries]})
        return [entry for entry in entries if (EMAIL, entry.email_key) in erased]


def _verdict(customer: int | None, inside: set[int], kept_out: set[int]) -> UploadVerdict:
    if customer is None:
        return UploadVerdict.UNMATCHED
    if customer in inside:
        return UploadVerdict.ALREADY
    return UploadVerdict.KEPT_OUT if customer in kept_out else UploadVerdict.MATCHED


@register(CHECK, queue="interactive")
class CheckUpload(_UploadWork, CheckSheet):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.limit = self.store.upload_limit
        self._read_cells = cell_reader(self.upload.mapping)

    def values(self, cells: Sequence[str]) -> tuple[Sequence[Any], str]:
        return self._read_cells(cells)

    def too_long(self, count: int) -> str:
        return too_long(count, self.store.upload_limit)


@register(IMPORT, queue="bulk")
class ImportUpload(_UploadWork, ApplySheet):
    written = (Membership, MembershipChange)

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.outcomes = outcomes_of(self.upload)

    def step(self) -> Step:
        # The segment before the upload, as everyone who changes members.
        try:
            membership.lock(self.segment)
        except SegmentGone as error:
            raise GiveUp(DELETED) from error
        return super().step()

    def world_after(self, before: list[int]) -> list[int]:
        # Customers are not held still meanwhile, the segment is.
        return [before[0], self.segment.version]

    def apply(self, window: QuerySet[Any]) -> None:
        wanted = (UploadVerdict.ALREADY, *self.outcomes)
        coming = window.filter(verdict__in=wanted)
        membership.enter(self.segment, coming, self.cause(), readmit=self.upload.include_removed, supplement=True)

    def finish(self, counts: dict[str, int]) -> None:
        said = {UploadVerdict(verdict).label.lower(): [None, count] for verdict, count in counts.items() if count}
        changes = {"file": [None, self.upload.filename], **said}
        audit.record(self.store, "imported into", self.segment, actor=self.job.created_by, changes=changes)


@register(UNDO, queue="bulk")
class UndoUpload(_UploadWork):
    """Takes back what the import did, window by window: whoever is held by this upload alone leaves."""

    def step(self) -> Step:
        try:
            membership.lock(self.segment)
            self.hold()
            return self._withdraw()
        except SegmentGone as error:
            raise GiveUp(DELETED) from error

    def _withdraw(self) -> Step:
        cursor = {"line": 0, "done": 0, "removed": 0} | self.job.cursor
        done_by_us = self.rows.filter(brought_in())
        rows = list(
            done_by_us.filter(line__gt=cursor["line"]).order_by("line").values_list("line", "email_key")[: self.chunk]
        )
        if not rows:
            return self._ends(cursor)
        last = rows[-1][0]
        window = done_by_us.filter(line__gt=cursor["line"], line__lte=last)
        heirs = rows_of_others(self.upload).filter(email_key__among=[key for _, key in rows])
        cursor["removed"] += membership.withdraw(self.segment, window, self.cause(), heirs=heirs)
        crash.point("undo.withdrawn")
        self.save_upload(undone_to=last)
        cursor |= {"line": last, "done": cursor["done"] + len(rows)}
        return Step(cursor["done"], self.upload.row_count, cursor, "Taking back")

    def _ends(self, cursor: dict[str, int]) -> Step:
        self.save_upload(undone_at=timezone.now())
        crash.point("undo.ending")
        changes = {"file": [None, self.upload.filename], "removed": [None, cursor["removed"]]}
        audit.record(self.store, "undid an import into", self.segment, actor=self.job.created_by, changes=changes)
        total = self.upload.row_count or cursor["done"]
        return Step(total, total, {}, "Finished", result={"removed": cursor["removed"]})
