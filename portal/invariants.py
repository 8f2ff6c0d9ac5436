"""What must always be true, as queries that find the rows for which it is not; each app has a module of this name.

Most tables have no foreign keys in the database, and no constraint reaches across two of them; this is what tells if a
door, or a crash, had failed to keep them. Every query is one that a table of a million rows bears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Count, Exists, F, Min, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils.module_loading import autodiscover_modules

from portal.models import AuditEntry, Job
from portal.models.job import ACTIVE_STATES, JobState
from portal.tenancy import StoreModel

Ask = Callable[[], QuerySet[Any]]
_asked: dict[str, Ask] = {}
_loose: list[tuple[type[Any], str, type[Any]]] = []


def invariant(ask: Ask) -> Ask:
    """Decorator: `ask` finds the rows that break what must be true."""
    declare(ask.__name__, ask)
    return ask


def declare(name: str, ask: Ask) -> None:
    if name in _asked:
        raise ValueError(f"Two invariants are called {name}.")
    _asked[name] = ask


def points(model: type[Any], field: str, target: type[Any]) -> None:
    """Say that `model`.`field`_id holds the id of a `target` though it is no foreign key."""
    _loose.append((model, field, target))


def doubles(name: str, model: type[Any], *key: str) -> None:
    """Rows of `model` that have the same `key`, which a unique constraint forbids."""

    def ask() -> QuerySet[Any]:
        grouped = model.everywhere.order_by().values(*key).annotate(rows=Count("pk"), first=Min("pk"))
        # Not the key: it may be somebody's address.
        return grouped.filter(rows__gt=1).values("store", "first", "rows")

    declare(name, ask)


def store_models() -> list[type[Any]]:
    """Every table of rows of stores."""
    ours = [model for model in apps.get_models() if issubclass(model, StoreModel)]
    return sorted(ours, key=lambda model: model._meta.label)


def pointers() -> Iterator[tuple[type[Any], str, type[Any]]]:
    """Every column of a store's rows that points at another of the store's rows: model, field, target."""
    for model in store_models():
        for field in model._meta.concrete_fields:
            target = field.related_model
            if isinstance(target, type) and issubclass(target, StoreModel):
                yield model, field.name, target
    yield from _loose


def astray(model: type[Any], field: str, target: type[Any]) -> QuerySet[Any]:
    """Rows that point at nothing, or at something of another store."""
    there = target.everywhere.filter(pk=OuterRef(f"{field}_id"), store_id=OuterRef("store_id"))
    return model.everywhere.filter(~Exists(there), **{f"{field}_id__isnull": False})


def _named(model: type[Model], field: str) -> str:
    return f"{model._meta.model_name}s_with_{field}_astray"


def all_invariants() -> dict[str, Ask]:
    """Name → what asks for the rows that break it; each must find nothing."""
    autodiscover_modules("invariants")
    found = dict(_asked)
    for model, field, target in pointers():
        found[_named(model, field)] = lambda at=(model, field, target): astray(*at)  # type: ignore[misc]
    return found


def broken(most: int = 5) -> dict[str, list[Any]]:
    """Invariant → the first rows that break it; empty when all hold."""
    found = {name: list(ask()[:most]) for name, ask in all_invariants().items()}
    return {name: rows for name, rows in found.items() if rows}


# --- Jobs -------------------------------------------------------------------------------------------------------------

ENDED = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
LEFT_FOR = timedelta(hours=1)
"""When a lease ran out so long ago, nobody sweeps."""


@invariant
def jobs_that_run_without_a_lease() -> QuerySet[Any]:
    return Job.everywhere.filter(state=JobState.RUNNING, lease_until=None)


@invariant
def jobs_at_rest_with_a_lease() -> QuerySet[Any]:
    return Job.everywhere.exclude(state=JobState.RUNNING).filter(lease_until__isnull=False)


@invariant
def jobs_that_nobody_takes_over() -> QuerySet[Any]:
    return Job.everywhere.filter(state=JobState.RUNNING, lease_until__lt=Now() - LEFT_FOR)


@invariant
def jobs_that_ended_at_no_time() -> QuerySet[Any]:
    return Job.everywhere.filter(state__in=ENDED, finished_at=None)


@invariant
def jobs_that_go_on_after_their_end() -> QuerySet[Any]:
    return Job.everywhere.filter(state__in=ACTIVE_STATES, finished_at__isnull=False)


@invariant
def jobs_that_succeeded_without_a_start() -> QuerySet[Any]:
    return Job.everywhere.filter(state=JobState.SUCCEEDED, started_at=None)


@invariant
def jobs_beyond_their_total() -> QuerySet[Any]:
    return Job.everywhere.filter(Q(done__gt=F("total")) | Q(done__lt=0))


@invariant
def jobs_that_succeeded_short_of_their_total() -> QuerySet[Any]:
    return Job.everywhere.filter(state=JobState.SUCCEEDED, done__lt=F("total"))


@invariant
def jobs_in_queues_that_nobody_works_on() -> QuerySet[Any]:
    return Job.everywhere.filter(state__in=ACTIVE_STATES).exclude(queue__in=settings.QUEUES)


@invariant
def jobs_about_things_of_other_stores() -> QuerySet[Any]:
    return _speaking_of_other_stores(Job, "subject", lambda model: model._meta.label_lower)


@invariant
def audit_entries_about_things_of_other_stores() -> QuerySet[Any]:
    return _speaking_of_other_stores(AuditEntry, "object", lambda model: str(model._meta.verbose_name))


def _speaking_of_other_stores(model: type[Any], what: str, called: Callable[[type[Any]], str]) -> QuerySet[Any]:
    """Rows of `model` that name, by `what`_type (as a model is `called` there) and `what`_id, a row that is not of
    their store. It may be gone."""
    is_stranger = Q(pk=None)
    for target in store_models():
        others = target.everywhere.filter(pk=OuterRef(f"{what}_id")).exclude(store_id=OuterRef("store_id"))
        is_stranger |= Q(Exists(others), **{f"{what}_type": called(target)})
    return model.everywhere.filter(is_stranger)
