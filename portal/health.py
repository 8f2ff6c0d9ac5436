"""Whether the installation works: the database, the broker, and the queues end to end."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.celery import app
from portal.models import Heartbeat

QUEUE_SILENCE = timedelta(seconds=60)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when everything works, else 503; the body says of each part whether it does."""
    parts: dict[str, object] = {"database": _database(), "broker": _broker()}
    parts["queues"] = _queues() if parts["database"] == "ok" else dict.fromkeys(settings.QUEUES, "unknown")
    well = parts["database"] == parts["broker"] == "ok" and set(parts["queues"].values()) == {"ok"}  # type: ignore[attr-defined]
    return JsonResponse({"status": "ok" if well else "failing", **parts}, status=200 if well else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def _broker() -> str:
    try:
        with app.connection_for_write(connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except Exception:  # noqa: BLE001  (each transport raises errors of its own)
        return "unreachable"
    return "ok"


def _queues() -> dict[str, str]:
    """For each queue, whether a small task came through it within the last minute."""
    now = timezone.now()
    seen = dict(Heartbeat.objects.values_list("queue", "at"))
    silent = {queue: now - seen[queue] > QUEUE_SILENCE if queue in seen else True for queue in settings.QUEUES}
    return {queue: "silent" if is_silent else "ok" for queue, is_silent in silent.items()}
