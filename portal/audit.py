"""The audit trail's one door in: `record` writes who did what, inside the transaction that does it."""

from __future__ import annotations

import re
from typing import Any

from django.db import models

from portal.models import AuditEntry, Invitation, Staff, Store, User

SYSTEM = "Coterie"
ADDRESS = "[address]"
"""What stands in the trail for an e-mail address: it is kept for ever, and the name of a file may hold one."""

ANY_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\"“”]{1,64}@[^\s@,;:<>()\[\]\"“”]{1,255}")


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
    `label` without any. Addresses in texts that people typed, names of files for one, are left out; those of staff
    stay. Values must be JSON.
    """
    is_staff = isinstance(target, User | Staff | Invitation)
    said = str(target) if label is None and target is not None else label or ""
    return AuditEntry.objects.create_for(
        store,
        actor=actor,
        actor_label=actor.email if actor else SYSTEM,
        verb=verb,
        object_type=target._meta.verbose_name if target is not None else "",
        object_id=target.pk if target is not None else None,
        object_label=(said if is_staff else without_addresses(said))[:255],
        changes=changes or {} if is_staff else without_addresses(changes or {}),
    )


def without_addresses(value: Any) -> Any:
    """The JSON value with ADDRESS for each e-mail address in its texts."""
    if isinstance(value, str):
        return ANY_ADDRESS.sub(ADDRESS, value) if "@" in value else value
    if isinstance(value, list):
        return [without_addresses(part) for part in value]
    if isinstance(value, dict):
        return {without_addresses(name): without_addresses(part) for name, part in value.items()}
    return value


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    """Field → [old, new] of the fields whose value differs."""
    return {name: [before.get(name), value] for name, value in after.items() if before.get(name) != value}
