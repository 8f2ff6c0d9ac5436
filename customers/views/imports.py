"""Files of customers, and of what they bought and did: bring one, say how it is read, look at its check, import it, see
what became of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from customers import queries
from customers.forms import ColumnsForm, ImportForm, UploadForm
from customers.imports import actions, report
from customers.imports.kinds import KINDS, kind_of
from customers.imports.layouts import Layout
from customers.imports.words import WORDS
from customers.models import CustomerImport, ImportKind
from customers.tables import ImportTable
from customers.views.customers import posted
from portal import sheets
from portal.access import Permission
from portal.actions import Refusal
from portal.exporting import csv_response
from portal.paging import paginate
from portal.queries import latest_job, latest_jobs
from portal.sheet_pages import ReadAsForm, stage_mark
from portal.sheets import Stage
from portal.store_views import StoreRequest, store_view
from portal.tabular import Refused
from portal.tabular.formats import Row

FORM, POST = ("GET", "HEAD", "POST"), ("POST",)
SAMPLE_ROWS = 3
STEPS = ("Upload", "Columns", "Check", "Import")


def the_import(request: StoreRequest, import_id: int) -> CustomerImport:
    """The store's file; Http404 for one of another store."""
    found: CustomerImport = get_object_or_404(queries.imports(request.store), pk=import_id)
    found.store = request.store
    return found


@store_view(Permission.VIEW)
def import_list(request: StoreRequest) -> HttpResponse:
    page = paginate(queries.imports(request.store), request.GET, sorts={"uploaded": "pk"}, default="-uploaded")
    table = ImportTable(page, store=request.store, jobs=latest_jobs(request.store, page.rows))
    return render(request, "customers/imports.html", {"page": page, "table": table})


@store_view(Permission.EDIT_CUSTOMERS, methods=FORM)
def upload(request: StoreRequest, kind: str = ImportKind.CUSTOMERS) -> HttpResponse:
    """Bring a file of one kind."""
    posted = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = UploadForm(*posted, kind=KINDS[kind], store=request.store)
    if form.is_valid():
        try:
            file, token = form.cleaned_data["file"], form.cleaned_data["token"]
            received = actions.receive_import(request.store, file, actor=request.user, kind=kind, form_token=token)
            return redirect(received)
        except Refused as refused:
            form.add_error("file", refused.message)
    context = {"form": form, "kind": KINDS[kind], "most_bytes": settings.UPLOAD_MAX_BYTES, "steps": STEPS}
    return render(request, "customers/import.html", context, status=422 if form.errors else 200)


@store_view(Permission.VIEW)
def import_detail(request: StoreRequest, import_id: int) -> HttpResponse:
    found = the_import(request, import_id)
    if queries.awaits_columns(found) and request.staff.may(Permission.EDIT_CUSTOMERS):
        return redirect("customers:import_columns", request.store.slug, found.pk)
    return _page(request, found)


def _page(request: StoreRequest, found: CustomerImport, form: ReadAsForm | None = None) -> HttpResponse:
    """The page of a file, whatever stage it is at; `form` is a choice of how to read it that did not work."""
    job = latest_job(found)
    stage = sheets.look(found, job)
    report_url = reverse("customers:import_report", args=(request.store.slug, found.pk))
    may_export = request.staff.may(Permission.EXPORT)
    is_told = bool(found.checked_at) and stage in (Stage.READY, Stage.FINISHED, Stage.STOPPED)
    context: dict[str, Any] = {
        "upload": found,
        "kind": kind_of(found),
        "source": kind_of(found).sources.get(found.source, ""),
        "job": job,
        "stage": stage,
        "mark": stage_mark(found, stage),
        "report_url": report_url if may_export else "",
        "outcomes": report.outcomes(found, report_url if may_export else "") if is_told else [],
        "form": ImportForm(store=request.store),
        "format": sheets.read_format(found),
        "readings": _readings(found),
        "may_change": actions.may_be_read_anew(found, stage),
        "read_as": (form or ReadAsForm.of(found)) if actions.may_be_read_anew(found, stage) else None,
        "steps": STEPS,
        "current": 4 if found.confirmed_at else 3,
    }
    return render(request, "customers/import_detail.html", context, status=422 if form else 200)


def _readings(found: CustomerImport) -> list[tuple[str, str]]:
    kind = kind_of(found)
    return Layout.of(found.source, found.mapping).readings(found.headers, kind.readings, kind.rest)


@store_view(Permission.EDIT_CUSTOMERS, methods=FORM)
def import_columns(request: StoreRequest, import_id: int) -> HttpResponse:
    """What each column of the file is read as."""
    found = the_import(request, import_id)
    form = ColumnsForm.of(found, posted(request))
    if form.is_valid():
        try:
            actions.read_columns_as(found, form.layout, actor=request.user)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        return redirect(found)
    return _columns_page(request, found, form, ReadAsForm.of(found))


def _columns_page(
    request: StoreRequest, found: CustomerImport, form: ColumnsForm, read_as: ReadAsForm | None
) -> HttpResponse:
    context = {
        "upload": found,
        "kind": kind_of(found),
        "form": form,
        "columns": _columns(form, found),
        "read_as": read_as,
        "format": sheets.read_format(found),
        "steps": STEPS,
    }
    is_wrong = form.errors or (read_as and read_as.errors)
    return render(request, "customers/import_columns.html", context, status=422 if is_wrong else 200)


def _columns(form: ColumnsForm, found: CustomerImport) -> list[dict[str, Any]]:
    """Each column's header, its first cells, and the field that says what it is read as."""
    rows = _first_rows(found)
    return [
        {"header": bound.label, "cells": [row.cells[index][:80] for row in rows], "field": bound}
        for index, bound in enumerate(form)
    ]


def _first_rows(found: CustomerImport) -> list[Row]:
    try:
        return sheets.first_rows(found, SAMPLE_ROWS)
    except (Refused, OSError):
        return []


@store_view(Permission.EDIT_CUSTOMERS, methods=POST)
def import_read_as(request: StoreRequest, import_id: int) -> HttpResponse:
    found = the_import(request, import_id)
    form = ReadAsForm.of(found, request.POST)
    if form is None or not form.is_valid():
        return _unread(request, found, form)
    try:
        actions.read_text_as(found, actor=request.user, **form.cleaned_data)
    except Refused as refused:
        form.add_error(None, f"Read like this the file cannot be used. {refused.message}")
        return _unread(request, found, form)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect(found)


def _unread(request: StoreRequest, found: CustomerImport, form: ReadAsForm | None) -> HttpResponse:
    """The page that the choice was made on, with what is wrong with it."""
    if queries.awaits_columns(found):
        return _columns_page(request, found, ColumnsForm.of(found), form)
    return _page(request, found, form)


@store_view(Permission.EDIT_CUSTOMERS, methods=POST)
def import_start(request: StoreRequest, import_id: int) -> HttpResponse:
    found = the_import(request, import_id)
    form = ImportForm(request.POST, store=request.store)
    change_consent = form.is_valid() and form.cleaned_data["change_consent"]
    try:
        actions.start_import(found, change_consent=change_consent, actor=request.user)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect(found)


@store_view(Permission.EXPORT)
def import_report(request: StoreRequest, import_id: int) -> HttpResponseBase:
    """Every row of the file with what became of it, or those with one outcome (`result`)."""
    found = the_import(request, import_id)
    outcome = request.GET.get("result", "")
    if outcome not in WORDS[found.kind]:
        outcome = ""
    name = f"report {found.filename.rpartition('.')[0]} {outcome}".strip()
    actions.note_report(found, count=report.rows_of(found, outcome).count(), actor=request.user)
    return csv_response(name, sheets.REPORT_HEADERS, report.report_rows(found, outcome))
