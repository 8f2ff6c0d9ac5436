"""The end of a store that was closed: all of its rows and files, portion by portion, and at last the store.

No job does it, for jobs are rows of the store too. A closed store stands in its own row until nothing else is left of
it, so whoever comes by goes on where the one before stopped; each portion is a transaction, and may be done twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import structlog
from django.apps import apps
from django.db import DatabaseError, transaction
from django.db.models import FileField, Model

from portal import crash, jobs, sets, wall
from portal.faults import retried
from portal.models import Staff, Store
from portal.tenancy import StoreModel

log = structlog.get_logger(__name__)

ROUND_SECONDS = 20.0
"""So long a worker is at it before it does other work; the clock calls it again."""
FILES_AT_ONCE = 100


def erase_closed(seconds: float = ROUND_SECONDS) -> int:
    """Erase what is left of closed stores, for so many seconds; how many portions that were."""
    until, portions = time.monotonic() + seconds, 0
    for store in Store.objects.filter(closed_at__isnull=False).order_by("closed_at"):
        try:
            with wall.around(store):
                while time.monotonic() < until and not jobs.stopping.is_set() and erase_portion(store):
                    portions += 1
        except DatabaseError as error:
            # What was on its way into the store when it was closed may come in between; the next round takes it too.
            log.warning("store_erasing_put_off", store=store.pk, error=type(error).__name__)
    return portions


@retried
def erase_portion(store: Store) -> bool:
    """Erase some rows of a closed store, or when none are left the store; whether there is more to do. False also
    when somebody else is at it."""
    with transaction.atomic():
        held = Store.objects.select_for_update(no_key=True, skip_locked=True)
        if not held.filter(pk=store.pk, closed_at__isnull=False).exists():
            return False
        for model in in_order(owned()):
            # Those who work there are told what becomes of it, to the end.
            if model is not Staff and _erase(model, store):
                crash.point("store.portion")
                return True
        sets.delete_matching(Staff.objects.for_store(store))
        sets.delete_matching(Store.objects.filter(pk=store.pk))
        crash.point("store.ending")
    log.warning("store_erased", store=store.pk, slug=store.slug)
    return False


def owned() -> list[type[StoreModel]]:
    """Every model whose rows belong to a store."""
    models = apps.get_models(include_auto_created=True)
    return [model for model in models if issubclass(model, StoreModel) and model._meta.managed]


def in_order(models: Iterable[type[Any]]) -> list[type[Any]]:
    """The models so that rows go before those that they point to. Where they point to each other, it is the database's
    own foreign keys that count."""
    left, order = list(models), []
    while left:
        free = [model for model in left if not _is_pointed_to(model, left, loosely=True)]
        free = free or [model for model in left if not _is_pointed_to(model, left, loosely=False)][:1]
        if not free:
            raise RuntimeError(f"Foreign keys run in a circle: {left}.")
        order += free
        left = [model for model in left if model not in free]
    return order


def _is_pointed_to(target: type[Model], models: list[type[Any]], *, loosely: bool) -> bool:
    return any(
        field.related_model is target and (loosely or field.db_constraint)
        for model in models
        if model is not target
        for field in model._meta.concrete_fields
        if field.is_relation
    )


def _erase(model: type[Any], store: Store) -> int:
    """Take away rows of the model, at most a portion, with the files that they name; how many."""
    rows = model.objects.for_store(store)
    named = [field.name for field in model._meta.concrete_fields if isinstance(field, FileField)]
    if not named:
        return sets.delete_matching(rows, most=sets.chunk_size(model))
    doomed = list(rows.order_by("pk")[:FILES_AT_ONCE])
    # The files first: a row whose file is gone is erased in the next try, a file that no row names would stay.
    for row in doomed:
        for name in named:
            getattr(row, name).delete(save=False)
    crash.point("store.files gone")
    return sets.delete_matching(rows.filter(pk__in=[row.pk for row in doomed]))
