"""What the clock calls for segments. Each looks at the tables and does what is due, however often it is called."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from segments.external import newcomers, schedule, upkeep


@shared_task
def sync_due() -> None:
    schedule.run_due(timezone.now())


@shared_task
def keep_connections() -> None:
    upkeep.run(timezone.now())


@shared_task
def join_newcomers() -> None:
    newcomers.join_newcomers()
