"""Files to try, for whoever looks at the demo."""

from __future__ import annotations

from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import render

from portal.access import Feature, Permission
from portal.store_views import NOT_FOUND, StoreRequest, store_view
from portal.templatetags.ui import file_size
from segments.demo import samples


@store_view(Permission.VIEW)
def overview(request: StoreRequest) -> HttpResponse:
    """What there is to try, and what to do with it."""
    _refuse_outside_demo()
    here = [found for sample in samples.SAMPLES if (found := samples.find(sample.name))]
    rows = [(sample, f"{sample.about} · {file_size(path.stat().st_size)}") for sample, path in here]
    groups = [
        {"kind": kind, "samples": [row for row in rows if row[0].goes_to == kind]}
        for kind in ((samples.SEGMENTS,) if request.store.has(Feature.SEGMENTS) else ()) + (samples.CUSTOMERS,)
    ]
    return render(request, "segments/samples.html", {"groups": groups, "any": bool(rows)})


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
