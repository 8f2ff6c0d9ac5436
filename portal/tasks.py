"""What Celery calls. A message carries an id and nothing else; the row says the rest."""

from __future__ import annotations

from celery import shared_task
from django.db.models.functions import Now

from portal import closing, hold, jobs, security_log, sessions, throttle
from portal.models import Heartbeat
from portal.outbound import budget
from portal.sheets import retention


@shared_task
def run_job(job_id: int) -> None:
    jobs.run(job_id)


@shared_task
def sweep() -> None:
    jobs.sweep()


@shared_task
def keep_watch() -> None:
    hold.keep_watch()


@shared_task
def erase_closed() -> None:
    closing.erase_closed()


@shared_task
def forget() -> None:
    """Delete what is kept for a time only: what happened to accounts, sessions that have ended, limits used up, the
    pace of calls that nobody makes any more."""
    security_log.forget()
    sessions.forget()
    throttle.forget()
    budget.forget()


@shared_task
def heartbeat(queue: str) -> None:
    """Leave a mark that a task came through `queue` just now."""
    Heartbeat.objects.update_or_create(queue=queue, defaults={"at": Now()})


@shared_task
def forget_files() -> None:
    retention.forget_files()
