"""What people do with a file of customers: bring it, say how it is read, confirm it, take the import back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from portal import audit, jobs
from portal.access import Permission
from portal.actions import Refusal
from portal.faults import retried
from portal.models import User
from portal.queries import latest_job
from portal.sheets import Stage, limits, not_kept, opened, read_format, receive, stage, take_back
from portal.tabular import open_table
from segments import membership, queries
from segments.models import Segment, Upload
from segments.uploads.columns import find_columns
from segments.uploads.work import CHECK, IMPORT, UNDO, too_long

SAME_WITHIN = timedelta(hours=1)
CHECKABLE = (Stage.READY, Stage.REFUSED, Stage.STOPPED)
UNDOABLE = (Stage.FINISHED, Stage.STOPPED)


def receive_upload(segment: Segment, file: UploadedFile[Any], *, actor: User, form_token: str | None = None) -> Upload:
    """Take in a file and have it checked. The same form once more is the first, whatever came of it; so is the same
    file, while the first is not imported.

    Raises Refused, in words for the person, and SegmentGone; nothing is kept then.
    """
    upload = Upload(store=segment.store, segment=segment, created_by=actor, form_token=form_token)
    if (sent := _sent(upload)) is not None:
        return sent
    receive(upload, file)
    try:
        upload.mapping = find_columns(upload.headers)
        kept = _keep(upload, actor)
    except BaseException as error:
        take_back(upload, error)
        raise
    if kept is not upload:
        upload.file.delete(save=False)
    return kept


@retried
def _keep(upload: Upload, actor: User) -> Upload:
    """Write the upload down and have it checked; or the one that it repeats."""
    with transaction.atomic():
        membership.lock(upload.segment)
        if (same := _sent(upload) or _same(upload)) is not None:
            return same
        upload.pk = None
        upload.save(force_insert=True)
        _check(upload, actor)
    return upload


def _sent(upload: Upload) -> Upload | None:
    """What the same form brought before."""
    if upload.form_token is None:
        return None
    found: Upload | None = queries.uploads(upload.segment).filter(form_token=upload.form_token).first()
    return found


def _same(upload: Upload) -> Upload | None:
    """The upload that this one repeats: a file that was brought twice."""
    lately = timezone.now() - SAME_WITHIN
    twins = queries.uploads(upload.segment).filter(
        sha256=upload.sha256, filename=upload.filename, created_by=upload.created_by, created_at__gte=lately
    )
    twin: Upload | None = twins.filter(confirmed_at=None, refusal="").order_by("-pk").first()
    if twin is None or stage(twin, latest_job(twin)) not in (Stage.CHECKING, Stage.READY):
        return None
    return twin


@retried
def read_text_as(upload: Upload, *, encoding: str, delimiter: str, actor: User) -> None:
    """Read the file in this encoding and with this delimiter, and check it anew. Raises Refused and Refusal."""
    form = read_format(upload).choose(encoding=encoding, delimiter=delimiter)
    with opened(upload) as file:
        headers = open_table(file, upload.filename, format=form, limits=limits()).headers
    mapping = find_columns(headers)
    with transaction.atomic():
        row = _at(upload, CHECKABLE)
        row.format, row.headers, row.mapping = asdict(form), headers, mapping
        _check_anew(row, actor)


@retried
def check_again(upload: Upload, *, actor: User) -> None:
    """Check a file once more: the store's limit, or its customers, may be others by now. Raises Refusal."""
    with transaction.atomic():
        _check_anew(_at(upload, CHECKABLE), actor)


@retried
def start_import(upload: Upload, *, include_removed: bool, actor: User) -> bool:
    """Import the checked file; False when that was asked for already. Raises Refusal."""
    with transaction.atomic():
        membership.lock(upload.segment)
        row = _locked(upload)
        if row.confirmed_at is not None:
            return False
        _refuse_other_stages(row, (Stage.READY,))
        if not row.row_count:
            raise Refusal("There is nobody in this file.")
        if row.row_count > row.store.upload_limit:
            raise Refusal(too_long(row.row_count, row.store.upload_limit))
        row.include_removed, row.confirmed_at = include_removed, timezone.now()
        row.save(update_fields=["include_removed", "confirmed_at"])
        changes: dict[str, Any] = {"file": [None, row.filename], "rows": [None, row.row_count]}
        if include_removed:
            changes["removed by hand before"] = [None, "added too"]
        audit.record(row.store, "confirmed an import into", row.segment, actor=actor, changes=changes)
        label = f"Import {row.filename} into {row.segment.name}"
        jobs.enqueue(row.store, IMPORT, label=label, subject=row, actor=actor, needs=Permission.EDIT_SEGMENTS)
    return True


@retried
def start_undo(upload: Upload, *, actor: User) -> bool:
    """Take the import back; False when that was asked for already. Raises Refusal."""
    with transaction.atomic():
        membership.lock(upload.segment)
        row = _locked(upload)
        if stage(row, latest_job(row)) in (Stage.UNDOING, Stage.UNDONE):
            return False
        if row.confirmed_at is None:
            raise Refusal("This file was not imported: there is nothing to undo.")
        _refuse_other_stages(row, UNDOABLE)
        label = f"Undo import of {row.filename} into {row.segment.name}"
        jobs.enqueue(row.store, UNDO, label=label, subject=row, actor=actor, needs=Permission.EDIT_SEGMENTS)
    return True


def note_report(upload: Upload, *, count: int, actor: User) -> None:
    """Write in the audit trail that so many rows of the upload's report were taken out."""
    changes = {"file": [None, upload.filename], "rows": [None, count]}
    audit.record(upload.store, "exported a report of", upload.segment, actor=actor, changes=changes)


def _locked(upload: Upload) -> Upload:
    row: Upload = (
        Upload.objects.for_store(upload.store)
        .select_related("segment", "store")
        .select_for_update(no_key=True, of=("self",))
        .get(pk=upload.pk)
    )
    return row


def _at(upload: Upload, stages: tuple[Stage, ...]) -> Upload:
    """The upload's row, held still, unconfirmed and at one of these stages. Raises Refusal."""
    row = _locked(upload)
    if row.confirmed_at is not None:
        raise Refusal("This file was imported already; how it is read cannot be changed any more.")
    _refuse_other_stages(row, stages)
    return row


_NOT_NOW = {
    Stage.CHECKING: "The file is being checked. Wait for it, or cancel it first.",
    Stage.IMPORTING: "The import is running. Wait for it, or cancel it first.",
    Stage.UNDOING: "The import is being undone. Wait for it, or cancel it first.",
    Stage.UNDONE: "This import was undone. Upload the file again to import it again.",
    Stage.REFUSED: "This file was refused; it cannot be imported.",
}


def _refuse_other_stages(upload: Upload, stages: tuple[Stage, ...]) -> None:
    here = stage(upload, latest_job(upload))
    if here not in stages:
        raise Refusal(_NOT_NOW.get(here, "The file is not ready for that."))


def _check_anew(upload: Upload, actor: User) -> None:
    if not upload.file:
        raise Refusal(not_kept())
    upload.refusal, upload.counts, upload.row_count, upload.checked_at = "", {}, None, None
    upload.save()
    _check(upload, actor)


def _check(upload: Upload, actor: User) -> None:
    jobs.enqueue(
        upload.store,
        CHECK,
        label=f"Check {upload.filename}",
        subject=upload,
        actor=actor,
        needs=Permission.EDIT_SEGMENTS,
    )
