"""The portal's settings as they are in production; a program may be told to ask sources as fast as they answer."""

from __future__ import annotations

from portal.settings import *  # noqa: F403
from portal.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.bench.apps.UnderMeasure"]
