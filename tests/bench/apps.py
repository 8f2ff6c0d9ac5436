from __future__ import annotations

import os

from django.apps import AppConfig


class UnderMeasure(AppConfig):
    """With BENCH_UNHURRIED no pace is kept that a source would notice; all else about asking is as it is."""

    name = "tests.bench"
    label = "under_measure"

    def ready(self) -> None:
        if os.environ.get("BENCH_UNHURRIED"):
            from portal.outbound import Pace
            from segments.sources.base import Ask
            from segments.sources.klaviyo import Klaviyo

            Klaviyo.paces = dict.fromkeys(Ask, Pace(per_second=1_000_000, per_minute=1_000_000_000))
