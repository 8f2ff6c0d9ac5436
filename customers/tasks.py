"""What the clock and the ways in call for customers. Each looks at the tables and does what is due, however often it
is called."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from customers import counting
from customers.ingest import bell, joining, sweeping
from customers.providers import schedule
from portal import standin


@shared_task
def take_in() -> None:
    sweeping.take_in_all()


@shared_task
def join_later() -> None:
    joining.join_later()


@shared_task
def look_through() -> None:
    sweeping.look_through_all()


@shared_task
def forget_arrivals() -> None:
    sweeping.forget()


@shared_task
def count_products() -> None:
    counting.count_due()


@shared_task
def read_what_is_due() -> None:
    schedule.run_due(timezone.now())


standin.helps(bell.QUEUE, sweeping.take_in_all)
