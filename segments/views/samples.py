"""Files to try, for whoever looks at the demo."""

from __future__ import annotations

from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import render

from portal.access import Permission
from portal.store_views import NOT_FOUND, StoreRequest, store_view
from segments.demo import samples


@store_view(Permission.VIEW)
def overview(request: StoreRequest) -> HttpResponse:
    """What there is to try, and what to do with it."""
    _refuse_outside_demo()
    here = [(sample, found[1].stat().st_size) for sample in samples.SAMPLES if (found := samples.find(sample.name))]
    groups = [
        {"kind": kind, "samples": [entry for entry in here if entry[0].goes_to == kind]}
        for kind in (samples.SEGMENTS, samples.CUSTOMERS)
    ]
    return render(request, "segments/samples.html", {"groups": groups, "any": bool(here)})


@store_view(Permission.VIEW)
def download(request: StoreRequest, name: str) -> FileResponse:
    """One of the files."""
    _refuse_outside_demo()
    found = samples.find(name)
    if found is None:
        raise Http404(NOT_FOUND)
    return FileResponse(found[1].open("rb"), as_attachment=True, filename=name)


def _refuse_outside_demo() -> None:
    if not settings.DEMO:
        raise Http404(NOT_FOUND)
