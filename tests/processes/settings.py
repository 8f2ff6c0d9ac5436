"""The portal's settings for real processes under test: those of production, with portions that are soon done."""

from __future__ import annotations

from portal.settings import *  # noqa: F403
from portal.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.processes.apps.SmallPortions"]
