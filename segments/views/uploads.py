"""Files of customers for a segment: bring one, look at its check, import it, see what became of it, undo it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from portal import sheets
from portal.access import Feature, Permission
from portal.actions import Refusal
from portal.exporting import csv_response
from portal.paging import paginate
from portal.queries import latest_job, latest_jobs
from portal.sheet_pages import ReadAsForm, stage_mark
from portal.sheets import Stage
from portal.store_views import StoreRequest, store_view
from portal.tabular import Refused
from segments import queries
from segments.forms import ImportForm, UploadForm
from segments.membership import SegmentGone
from segments.models import Upload
from segments.resources import TemplateResource
from segments.tables import UploadTable
from segments.uploads import actions, report, work
from segments.uploads.columns import readings
from segments.views.segments import FORM, the_segment

POST = ("POST",)
SETTLED = (Stage.READY, Stage.FINISHED, Stage.STOPPED, Stage.UNDONE)
"""Stages at which nobody works on the rows, so that they can be counted."""
DELETED = "The segment was deleted meanwhile."


def the_upload(request: StoreRequest, segment_id: int, upload_id: int) -> Upload:
    """The segment's upload; Http404 for one of another segment or store."""
    segment = the_segment(request, segment_id)
    found: Upload = get_object_or_404(queries.uploads(segment).select_related("created_by"), pk=upload_id)
    found.segment, found.store = segment, request.store
    return found


@store_view(Permission.VIEW, feature=Feature.SEGMENTS)
def uploads(request: StoreRequest, segment_id: int) -> HttpResponse:
    segment = the_segment(request, segment_id)
    found = queries.uploads(segment).select_related("created_by")
    page = paginate(found, request.GET, sorts={"uploaded": "created_at"}, default="-uploaded")
    table = UploadTable(page, segment=segment, jobs=latest_jobs(request.store, page.rows))
    return render(request, "segments/uploads.html", {"segment": segment, "page": page, "table": table})


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def upload(request: StoreRequest, segment_id: int) -> HttpResponse:
    segment = the_segment(request, segment_id)
    posted = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = UploadForm(*posted, store=request.store)
    if form.is_valid():
        try:
            file, token = form.cleaned_data["file"], form.cleaned_data["token"]
            return redirect(actions.receive_upload(segment, file, actor=request.user, form_token=token))
        except Refused as refused:
            form.add_error("file", refused.message)
        except SegmentGone:
            form.add_error(None, DELETED)
    context = {"segment": segment, "form": form, "most_bytes": settings.UPLOAD_MAX_BYTES}
    return render(request, "segments/upload.html", context, status=422 if form.errors else 200)


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS)
def template(request: StoreRequest) -> HttpResponseBase:
    """The CSV to fill in."""
    columns = TemplateResource().export(queryset=[])
    return csv_response("segment-template", columns.headers, columns)


@store_view(Permission.VIEW, feature=Feature.SEGMENTS)
def upload_detail(request: StoreRequest, segment_id: int, upload_id: int) -> HttpResponse:
    return _page(request, the_upload(request, segment_id, upload_id))


def _page(request: StoreRequest, found: Upload, form: ReadAsForm | None = None, status: int = 200) -> HttpResponse:
    """The page of an upload, whatever stage it is at; `form` is a choice of how to read it that did not work."""
    job = latest_job(found)
    stage = sheets.look(found, job)
    report_url = reverse("segments:upload_report", args=(request.store.slug, found.segment_id, found.pk))
    has_outcomes = bool(found.checked_at) and stage in SETTLED
    context: dict[str, Any] = {
        "segment": found.segment,
        "upload": found,
        "job": job,
        "stage": stage,
        "mark": stage_mark(found, stage),
        "report_url": report_url,
        "outcomes": report.outcomes(found, _if_allowed(request, report_url)) if has_outcomes else [],
        "removed": report.removed_by_undo(job) if stage == Stage.UNDONE else None,
        "form": ImportForm(store=request.store),
    }
    if not found.confirmed_at and stage in actions.CHECKABLE:
        read_as = form or (ReadAsForm.of(found) if found.file else None)
        context |= {"read_as": read_as, **_how_it_is_read(found)}
    return render(request, "segments/upload_detail.html", context, status=status)


def _if_allowed(request: StoreRequest, url: str) -> str:
    return url if request.staff.may(Permission.EXPORT) else ""


def _how_it_is_read(found: Upload) -> dict[str, Any]:
    try:
        rows = sheets.first_rows(found)
    except (Refused, OSError):
        rows = []
    return {
        "format": sheets.read_format(found),
        "readings": readings(found.headers, found.mapping),
        "first_rows": [row.cells for row in rows],
    }


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=POST)
def upload_read_as(request: StoreRequest, segment_id: int, upload_id: int) -> HttpResponse:
    found = the_upload(request, segment_id, upload_id)
    form = ReadAsForm.of(found, request.POST)
    if form is None or not form.is_valid():
        return _page(request, found, form, status=422)
    try:
        actions.read_text_as(found, actor=request.user, **form.cleaned_data)
    except Refused as refused:
        form.add_error(None, f"Read like this the file cannot be used. {refused.message}")
        return _page(request, found, form, status=422)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect(found)


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=POST)
def upload_check(request: StoreRequest, segment_id: int, upload_id: int) -> HttpResponse:
    """Check a file once more."""
    found = the_upload(request, segment_id, upload_id)
    try:
        actions.check_again(found, actor=request.user)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect(found)


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=POST)
def upload_import(request: StoreRequest, segment_id: int, upload_id: int) -> HttpResponse:
    found = the_upload(request, segment_id, upload_id)
    form = ImportForm(request.POST, store=request.store)
    include_removed = form.is_valid() and form.cleaned_data["include_removed"]
    try:
        actions.start_import(found, include_removed=include_removed, actor=request.user)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except SegmentGone:
        messages.error(request, DELETED)
    return redirect(found)


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def upload_undo(request: StoreRequest, segment_id: int, upload_id: int) -> HttpResponse:
    found = the_upload(request, segment_id, upload_id)
    if request.method != "POST":
        held = queries.held_by(found, work.rows_of_others(found))
        context = {"segment": found.segment, "upload": found, "held": held}
        return render(request, "segments/upload_undo.html", context)
    try:
        actions.start_undo(found, actor=request.user)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except SegmentGone:
        messages.error(request, DELETED)
    return redirect(found)


@store_view(Permission.EXPORT, feature=Feature.SEGMENTS)
def upload_report(request: StoreRequest, segment_id: int, upload_id: int) -> HttpResponseBase:
    """Every row of the file with what became of it, or those with one outcome (`result`)."""
    found = the_upload(request, segment_id, upload_id)
    outcome = request.GET.get("result", "")
    if outcome not in report.OUTCOMES:
        outcome = ""
    name = f"report {found.filename.rpartition('.')[0]} {outcome}".strip()
    actions.note_report(found, count=report.rows_of(found, outcome).count(), actor=request.user)
    return csv_response(name, sheets.REPORT_HEADERS, report.report_rows(found, outcome))
