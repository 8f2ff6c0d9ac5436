"""What the clock and the ways in call for customers. Each looks at the tables and does what is due, however often it
is called."""

from __future__ import annotations

from celery import shared_task

from customers import counting
from customers.ingest import bell, joining, sweeping
from portal import standin


@shared_task
def take_in() -> None:
    sweeping.take_in_all()


@shared_task
def join_later() -> None:
    joining.join_later()


@shared_task
def forget_arrivals() -> None:
    sweeping.forget()


@shared_task
def count_products() -> None:
    counting.count_due()


standin.helps(bell.QUEUE, sweeping.take_in_all)
