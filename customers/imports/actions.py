"""What people do with a customer file: bring it, say how it is read, confirm it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from customers.imports.kinds import kind_of
from customers.imports.layouts import OTHER, Layout
from customers.models import CustomerImport, ImportKind
from portal import audit, jobs
from portal.access import Permission
from portal.actions import Refusal
from portal.faults import retried
from portal.models import Job, Store, User
from portal.sheets import Stage, limits, not_kept, opened, read_format, receive, stage, take_back
from portal.tabular import open_table


def may_be_read_anew(upload: CustomerImport, at: Stage) -> bool:
    """Whether it can still be said how the file, which stands `at` this stage, is read."""
    return bool(upload.file) and upload.confirmed_at is None and at in (Stage.READY, Stage.REFUSED, Stage.STOPPED)


def receive_import(
    store: Store,
    file: UploadedFile,
    *,
    actor: User,
    kind: str = ImportKind.CUSTOMERS,
    form_token: str | None = None,
) -> CustomerImport:
    """Take in a file of that kind; one whose layout is known is checked at once. The same form once more is the first.

    Raises Refused.
    """
    upload = CustomerImport(store=store, kind=kind, created_by=actor, form_token=form_token)
    if (sent := _sent(upload)) is not None:
        return sent
    receive(upload, file)
    try:
        _take_layout(upload, kind_of(upload).recognise(upload.headers))
        _keep(upload, actor)
    except BaseException as error:
        take_back(upload, error)
        # Sent twice at the same moment, the form is here twice, and the database lets one through.
        if isinstance(error, IntegrityError) and (sent := _sent(upload)) is not None:
            return sent
        raise
    return upload


def _sent(upload: CustomerImport) -> CustomerImport | None:
    """What the same form brought before."""
    if upload.form_token is None:
        return None
    found: CustomerImport | None = (
        CustomerImport.objects.for_store(upload.store).filter(form_token=upload.form_token).first()
    )
    return found


@retried
def _keep(upload: CustomerImport, actor: User) -> None:
    with transaction.atomic():
        upload.pk = None
        upload.save(force_insert=True)
        if upload.source != OTHER:
            _check(upload, actor)


@retried
def read_columns_as(upload: CustomerImport, layout: Layout, *, actor: User) -> None:
    """Read the file's columns as `layout` says, and check it. Raises Refusal."""
    with transaction.atomic():
        row = _unconfirmed(upload)
        _take_layout(row, layout)
        _start_over(row)
        _check(row, actor)


@retried
def read_text_as(upload: CustomerImport, *, encoding: str, delimiter: str, actor: User) -> CustomerImport:
    """Read the file in this encoding and with this delimiter; the upload as it is then.

    What its columns are is told anew from its headers; a known layout is checked at once. Raises Refusal and Refused.
    """
    form = read_format(upload).choose(encoding=encoding, delimiter=delimiter)
    with opened(upload) as file:
        headers = open_table(file, upload.filename, format=form, limits=limits()).headers
    with transaction.atomic():
        row = _unconfirmed(upload)
        row.format, row.headers = asdict(form), headers
        _take_layout(row, kind_of(row).recognise(headers))
        _start_over(row)
        if row.source != OTHER:
            _check(row, actor)
    return row


@retried
def start_import(upload: CustomerImport, *, change_consent: bool, actor: User) -> Job:
    """Import the checked file; one that is being imported, or was, is left to that: a second click begins nothing.

    Raises Refusal.
    """
    with transaction.atomic():
        row = _locked(upload)
        latest = jobs.of_subject(row).first()
        stands_at = stage(row, latest)
        if latest is not None and row.confirmed_at and stands_at in (Stage.IMPORTING, Stage.FINISHED):
            return latest
        if stands_at != Stage.READY:
            raise Refusal("This file is not ready to be imported.")
        if not row.row_count:
            raise Refusal("There are no rows in this file.")
        row.change_consent = change_consent
        row.confirmed_at = timezone.now()
        row.save(update_fields=["change_consent", "confirmed_at"])
        changes: dict[str, Any] = {"rows": [None, row.row_count]}
        if change_consent:
            changes["marketing consent"] = [None, "changed too"]
        audit.record(row.store, "confirmed", row, actor=actor, changes=changes)
        return jobs.enqueue(
            row.store,
            kind_of(row).apply,
            label=f"Import {kind_of(row).many} from {row.filename}",
            subject=row,
            actor=actor,
            needs=Permission.EDIT_CUSTOMERS,
        )


def note_report(upload: CustomerImport, *, count: int, actor: User) -> None:
    """Write in the audit trail that so many rows of the file's report were taken out."""
    audit.record(upload.store, "exported the report of", upload, actor=actor, changes={"rows": [None, count]})


def _locked(upload: CustomerImport) -> CustomerImport:
    row: CustomerImport = (
        CustomerImport.objects.for_store(upload.store).select_for_update(no_key=True).get(pk=upload.pk)
    )
    return row


def _unconfirmed(upload: CustomerImport) -> CustomerImport:
    """The upload's row, held still. Raises Refusal when it is being worked on, or was confirmed."""
    row = _locked(upload)
    job = jobs.of_subject(row).first()
    if row.confirmed_at is not None:
        raise Refusal("This file is imported already; how it is read cannot be changed any more.")
    if job is not None and job.is_active:
        raise Refusal("The file is being checked. Wait for it, or cancel it first.")
    return row


def _take_layout(upload: CustomerImport, layout: Layout) -> None:
    upload.source, upload.mapping = layout.source, layout.mapping


def _start_over(upload: CustomerImport) -> None:
    if not upload.file:
        raise Refusal(not_kept())
    upload.refusal, upload.counts, upload.row_count, upload.checked_at = "", {}, None, None
    upload.save()


def _check(upload: CustomerImport, actor: User) -> None:
    jobs.enqueue(
        upload.store,
        kind_of(upload).check,
        label=f"Check {upload.filename}",
        subject=upload,
        actor=actor,
        needs=Permission.EDIT_CUSTOMERS,
    )
