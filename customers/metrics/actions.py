"""Changing what a store means by its plans."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from customers.metrics.thresholds import FIELDS, settings_of
from customers.metrics.work import recompute_all
from customers.models import MetricsSettings
from portal import audit
from portal.faults import retried
from portal.models import Store, User


class ChangedMeanwhile(Exception):
    """Someone else changed the settings since the page was opened; `current` is as they are now."""

    def __init__(self, current: MetricsSettings) -> None:
        super().__init__(str(current.pk))
        self.current = current


@retried
def change_settings(store: Store, *, actor: User, seen: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Write the settings whose `wanted` value differs from the one that the person has `seen`; field → [old, new].
    All metrics are
    made anew by them. Raises ChangedMeanwhile when somebody else has changed one of the same."""
    edits = {name: value for name, value in wanted.items() if name in FIELDS and value != seen[name]}
    with transaction.atomic():
        Store.objects.select_for_update(no_key=True).get(pk=store.pk)
        standing = settings_of(store)
        before = {name: getattr(standing, name) for name in edits}
        if any(value not in (seen[name], edits[name]) for name, value in before.items()):
            raise ChangedMeanwhile(standing)
        changes = audit.difference(before, edits)
        if changes:
            for name in changes:
                setattr(standing, name, edits[name])
            standing.save()
            words = {name: [str(old), str(new)] for name, (old, new) in changes.items()}
            audit.record(store, "changed", standing, actor=actor, label="Metrics", changes=words)
            recompute_all(store, actor=None)
    return changes
