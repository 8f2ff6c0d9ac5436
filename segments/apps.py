from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class SegmentsConfig(AppConfig):
    name = "segments"
    verbose_name = "Segments"

    def ready(self) -> None:
        # A worker must know the kinds of work before a message names one.
        import_module("segments.uploads.work")
        import_module("segments.removal")
        import_module("segments.external.work")
        import_module("segments.privacy")
        # The page of a customer tells what it knows.
        import_module("segments.timeline")
