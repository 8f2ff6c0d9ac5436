"""Segments and lists of other systems."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from portal.access import Feature, Permission
from portal.store_views import StoreRequest, store_view
from segments.views.segments import the_segment


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS)
def external(request: StoreRequest, segment_id: int) -> HttpResponse:
    """What has to be done before a list or segment of Klaviyo can be imported."""
    return render(request, "segments/external.html", {"segment": the_segment(request, segment_id)})
