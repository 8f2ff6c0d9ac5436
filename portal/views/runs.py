"""Background runs: the list, each run, its progress while it lasts, and ending or repeating it."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from portal import history, queries
from portal.access import Permission
from portal.actions import runs as actions
from portal.filters import RunFilter
from portal.models import Job
from portal.paging import paginate
from portal.store_views import StoreRequest, store_view
from portal.tables import RunTable

STOP_POLLING = 286


@store_view(Permission.VIEW)
def runs(request: StoreRequest) -> HttpResponse:
    filters = RunFilter(request.GET, store=request.store, queryset=queries.runs(request.store))
    page = paginate(filters.qs, request.GET, sorts={"started": "created_at"}, default="-started")
    return render(request, "portal/runs.html", {"page": page, "table": RunTable(page), "filters": filters})


@store_view(Permission.VIEW)
def run(request: StoreRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    context = {"job": job, "kind": history.kind_name(job.kind), "subject_url": queries.subject_url(job)}
    return render(request, "portal/run.html", context)


@store_view(Permission.VIEW)
def run_progress(request: StoreRequest, pk: int) -> HttpResponse:
    """The live part of a page that shows a run. Once the run has ended the page asks no more; with `then=reload` it
    is loaded again, to show what has come of it."""
    job = _job(request, pk)
    status = 200 if job.is_active else STOP_POLLING
    if status == STOP_POLLING and request.GET.get("then") == "reload":
        return HttpResponse(status=status, headers={"HX-Refresh": "true"})
    context = {"job": job, **{name: request.GET.get(name, "")[:100] for name in ("unit", "title")}}
    return render(request, "components/progress_run_body.html", context, status=status)


@store_view(Permission.MANAGE_RUNS, methods=("POST",))
def cancel_run(request: StoreRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    if actions.cancel(job, actor=request.user):
        messages.success(request, f"“{job}” was cancelled. What was done before is kept.")
    else:
        messages.info(request, f"“{job}” can no longer be cancelled.")
    return redirect(_back(request, job))


@store_view(Permission.MANAGE_RUNS, methods=("POST",))
def retry_run(request: StoreRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    if actions.retry(job, actor=request.user):
        messages.success(request, f"“{job}” goes on from where it stood.")
    else:
        messages.info(request, f"“{job}” needs no other try.")
    return redirect(_back(request, job))


def _job(request: StoreRequest, pk: int) -> Job:
    return get_object_or_404(queries.runs(request.store), pk=pk)


def _back(request: StoreRequest, job: Job) -> str:
    """The page that the person came from, when it is one of ours; else the run's."""
    came_from = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure()):
        parts = urlsplit(came_from)
        path = "/" + parts.path.lstrip("/")
        return f"{path}?{parts.query}" if parts.query else path
    return reverse("portal:run", args=(request.store.slug, job.pk))
