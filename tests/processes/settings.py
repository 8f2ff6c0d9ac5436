"""The portal's settings for real processes under test: those of production, with a sweeper who comes by more often."""

from __future__ import annotations

from portal.settings import *  # noqa: F403
from portal.settings import CELERY_BEAT_SCHEDULE, INSTALLED_APPS

SWEEP_SECONDS = 2.0
CELERY_BEAT_SCHEDULE = {
    **CELERY_BEAT_SCHEDULE,
    "sweep": {**CELERY_BEAT_SCHEDULE["sweep"], "schedule": SWEEP_SECONDS},
}
INSTALLED_APPS = [*INSTALLED_APPS, "tests.processes.apps.UnderTest"]
