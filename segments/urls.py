from __future__ import annotations

from django.urls import URLPattern, path

from segments.views import samples

app_name = "segments"

urlpatterns: list[URLPattern] = [
    path("samples/", samples.overview, name="samples"),
    path("samples/<str:name>/", samples.download, name="sample"),
]
