"""The portal's settings for real processes under test: those of production, with a sweeper who comes by more often, and
static files that are not compressed first."""

from __future__ import annotations

from portal.settings import *  # noqa: F403
from portal.settings import CELERY_BEAT_SCHEDULE, INSTALLED_APPS, STORAGES

SWEEP_SECONDS = 2.0
CELERY_BEAT_SCHEDULE = {
    **CELERY_BEAT_SCHEDULE,
    "sweep": {**CELERY_BEAT_SCHEDULE["sweep"], "schedule": SWEEP_SECONDS},
}
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
INSTALLED_APPS = [*INSTALLED_APPS, "tests.processes.apps.UnderTest"]
