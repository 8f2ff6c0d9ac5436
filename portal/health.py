"""Whether the installation works: the database, the broker, and the queues end to end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, connections
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal import hold
from portal.celery import app
from portal.models import Heartbeat, Job
from portal.models.job import JobState

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 2.5
QUEUE_SILENCE = timedelta(seconds=60)
WELL = {"ok", "busy"}


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when everything works, else 503; the body says of each part whether it does, and nothing of where it is."""
    found = _ask({"database": _database, "broker": _broker, "queues": _queues, "outbound": _outbound})
    queues = found["queues"] or dict.fromkeys(settings.QUEUES, "unknown")
    database, broker = found["database"] or "unreachable", found["broker"] or "unreachable"
    well = database == broker == "ok" and set(queues.values()) <= WELL
    status = "ok" if well else "failing"
    parts = {
        "status": status,
        "database": database,
        "broker": broker,
        "queues": queues,
        "outbound": found["outbound"] or "unknown",
    }
    return JsonResponse(parts, status=200 if well else 503)


def _ask(probes: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each probe answers within the deadline; None for one that fails or hangs.

    Each asks in a thread of its own, over a connection of its own: a part that hangs holds up neither the answer nor
    the connection that pages are served with.
    """
    answers: dict[str, Any] = {}

    def ask(name: str, probe: Callable[[], Any]) -> None:
        try:
            answers[name] = probe()
        except Exception as error:  # noqa: BLE001  (each part raises errors of its own)
            log.warning("unhealthy", part=name, error=type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=probe, daemon=True) for probe in probes.items()]
    end = time.monotonic() + DEADLINE_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return {name: answers.get(name) for name in probes}


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _broker() -> str:
    if settings.CELERY_BROKER_URL.startswith("filesystem"):
        folder = str(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"])
        return "ok" if os.access(folder, os.W_OK) else "unreachable"
    with app.connection_for_write(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=0, timeout=2)
    return "ok"


def _outbound() -> str:
    """Whether what goes out by itself does so: the hold is somebody's wish, and no failure."""
    return "held" if settings.OUTBOUND_HOLD or hold.active().exists() else "open"


def _queues() -> dict[str, str]:
    """For each queue: ok when a small task came through it within the last minute, busy when none did but a worker
    of it is at work and renews its lease, else silent."""
    late = Now() - QUEUE_SILENCE
    heard = set(Heartbeat.objects.filter(at__gte=late).values_list("queue", flat=True))
    working = Job.everywhere.filter(state=JobState.RUNNING, lease_until__gte=Now()).values_list("queue", flat=True)
    states = dict.fromkeys(settings.QUEUES, "silent") | dict.fromkeys(set(working), "busy") | dict.fromkeys(heard, "ok")
    return {queue: states[queue] for queue in settings.QUEUES}
