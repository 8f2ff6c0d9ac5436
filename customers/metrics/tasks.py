"""What the clock calls for metrics. Each looks at the tables and does what is due, however often it is called."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from customers.metrics import due


@shared_task
def catch_up() -> None:
    now = timezone.now()
    due.follow_changes(now)
    due.catch_up(now)


@shared_task
def run_nightly() -> None:
    due.run_nightly(timezone.now())
