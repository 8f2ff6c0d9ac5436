"""Changing a store's settings."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from portal import audit, second_factor
from portal.actions import Refusal
from portal.faults import retried
from portal.models import Store, User

SET_IT_UP_FIRST = "Turn on two-step sign-in for your own account first, under My account; then ask it of all."


class ChangedMeanwhile(Exception):
    """Someone else changed the same settings since the page was opened; nothing was written."""

    def __init__(self, current: dict[str, Any]) -> None:
        self.current = current
        super().__init__(f"Changed meanwhile: {', '.join(current)}")


@retried
def change_store(store: Store, *, actor: User, seen: dict[str, Any], wanted: dict[str, Any]) -> dict[str, list[Any]]:
    """Write the fields whose `wanted` value differs from the one that the person has `seen`; field → [old, new].

    What others changed in the meantime is left as it is. Raises ChangedMeanwhile, with the values that stand now, when
    it is the same field; Refusal when somebody without two-step sign-in would ask it of all.
    """
    edits = {name: value for name, value in wanted.items() if value != seen[name]}
    if edits.get("requires_second_factor") and not second_factor.has(actor):
        raise Refusal(SET_IT_UP_FIRST)
    with transaction.atomic():
        row = Store.objects.select_for_update(no_key=True).get(pk=store.pk)
        standing = {name: getattr(row, name) for name in edits}
        clashes = {name: value for name, value in standing.items() if value not in (seen[name], edits[name])}
        if clashes:
            raise ChangedMeanwhile(clashes)
        changes = audit.difference(standing, edits)
        if changes:
            for name in changes:
                setattr(row, name, edits[name])
            row.save(update_fields=list(changes))
            audit.record(row, "changed", row, actor=actor, changes=changes)
    return changes
