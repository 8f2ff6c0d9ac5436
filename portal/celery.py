"""The Celery application."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import celeryd_after_setup, setup_logging, worker_shutting_down

from portal import broker, collector

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
if "celery" in Path(sys.argv[0]).parts[-2:]:
    # Not so where a web server or a command imports this.
    os.environ.setdefault("COTERIE_ROLE", "worker")

broker.register()
app = Celery("coterie")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Listening here is what keeps Celery from replacing the logging that the settings set up."""


@celeryd_after_setup.connect
def stand_in(instance: Any, **_: Any) -> None:
    from portal import hold  # noqa: PLC0415  (as below)
    from portal.standin import StandIn  # noqa: PLC0415

    collector.settle()  # before its processes are made of this one
    hold.keep_watch_from_the_start()
    StandIn(list(instance.app.amqp.queues.consume_from)).start()


@worker_shutting_down.connect
def put_work_down(**_: Any) -> None:
    from portal import jobs  # noqa: PLC0415  (Django's apps are not ready while this module is imported)

    jobs.stopping.set()
