"""Changing a store's settings."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from portal import audit, crash, leases, second_factor
from portal.actions import Refusal, edits
from portal.faults import retried
from portal.models import Invitation, Store, User

log = structlog.get_logger(__name__)

SET_IT_UP_FIRST = "Turn on two-step sign-in for your own account first, under My account; then ask it of all."
NOT_TYPED = "This is not the name of the store."
CLOSED_ALREADY = "This store is being closed already."


@retried
def change_store(store: Store, *, actor: User, seen: dict[str, Any], wanted: dict[str, Any]) -> dict[str, list[Any]]:
    """Write the fields whose `wanted` value differs from the one that the person has `seen`; field → [old, new].

    What others changed in the meantime is left as it is. Raises ChangedMeanwhile, with the values that stand now, when
    it is the same field; Refusal when somebody without two-step sign-in would ask it of all.
    """
    if edits.edits(seen, wanted).get("requires_second_factor") and not second_factor.has(actor):
        raise Refusal(SET_IT_UP_FIRST)
    with transaction.atomic():
        row = Store.objects.select_for_update(no_key=True).get(pk=store.pk)
        standing = {name: getattr(row, name) for name in wanted}
        changes = edits.changes(standing, seen=seen, wanted=wanted)
        if changes:
            for name in changes:
                setattr(row, name, wanted[name])
            row.save(update_fields=list(changes))
            audit.record(row, "changed", row, actor=actor, changes=changes)
    return changes


@retried
def close_store(store: Store, *, typed: str, actor: User) -> None:
    """Close the store for good: nobody opens it any more, its work ends where it stands, and all of it is erased in
    the background. Raises Refusal when its name was not `typed`, or it is closed already."""
    with transaction.atomic():
        row = Store.objects.select_for_update(no_key=True).get(pk=store.pk)
        if row.is_closed:
            raise Refusal(CLOSED_ALREADY)
        if typed.strip() != row.name:
            raise Refusal(NOT_TYPED)
        row.closed_at = timezone.now()
        row.save(update_fields=["closed_at"])
        Invitation.objects.for_store(row).filter(accepted_at=None).delete()
        revoked = leases.revoke(row)
        crash.point("store.closing")
    # The audit trail goes with the store: this is what stays.
    log.warning("store_closed", store=row.pk, slug=row.slug, user=actor.pk, runs_ended=revoked)
