"""The audit trail's one door in: `record` writes who did what, inside the transaction that does it."""

from __future__ import annotations

from typing import Any

from django.db import models

from portal.models import AuditEntry, Store, User

SYSTEM = "Coterie"


def record(
    store: Store,
    verb: str,
    target: models.Model | None = None,
    *,
    actor: User | None,
    label: str | None = None,
    changes: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write that `actor` (None: the system) did `verb` to `target`.

    `changes` maps a field to [old, new]; for customers give field names with None, never their personal data, and a
    `label` without any. Values must be JSON.
    """
    return AuditEntry.objects.create_for(
        store,
        actor=actor,
        actor_label=actor.email if actor else SYSTEM,
        verb=verb,
        object_type=target._meta.verbose_name if target is not None else "",
        object_id=target.pk if target is not None else None,
        object_label=(str(target) if label is None and target is not None else label or "")[:255],
        changes=changes or {},
    )


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    """Field → [old, new] of the fields whose value differs."""
    return {name: [before.get(name), value] for name, value in after.items() if before.get(name) != value}
