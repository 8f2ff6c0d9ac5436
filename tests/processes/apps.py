from __future__ import annotations

import os

from django.apps import AppConfig


class SmallPortions(AppConfig):
    """Has a step write only as many rows as TEST_PORTION says, so that a small file takes many steps."""

    name = "tests.processes"
    label = "processes_under_test"

    def ready(self) -> None:
        from portal import sets

        if portion := os.environ.get("TEST_PORTION"):
            sets.CHUNKS = dict.fromkeys(sets.CHUNKS, int(portion))
