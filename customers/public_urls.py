"""Addresses for programs, outside any store: the key says whose it is. Segment's library for Node drops the path of the
host that it is given, so its calls are answered with and without it."""

from __future__ import annotations

from django.urls import path, re_path

from customers.ingest import amplitude
from customers.views import tracking, webhooks

_CALLS = "identify|track|page|screen|group|alias|batch|[itpsgab]"

urlpatterns = [
    re_path(rf"^(?:segment/)?v1/(?P<call>{_CALLS})/?\Z", tracking.segment_call, name="track_segment"),
    path("2/httpapi", tracking.amplitude_call, {"call": amplitude.HTTPAPI}, name="track_amplitude"),
    path("batch", tracking.amplitude_call, {"call": amplitude.BATCH}, name="track_amplitude_batch"),
    re_path(
        r"^webhooks/(?P<kind>shopify|recharge)/(?P<address>[A-Za-z0-9_-]{1,200})/(?P<topic>[a-z0-9_./-]{1,100}?)/?\Z",
        webhooks.webhook,
        name="webhook",
    ),
    path("ingest/openapi.json", tracking.description, name="ingest_openapi"),
]
