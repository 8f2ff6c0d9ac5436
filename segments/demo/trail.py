"""What the staff of a demo shop did, as the audit keeps it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models

from portal.audit import SYSTEM
from portal.models import AuditEntry, Store, User
from segments.actions import customer_label
from segments.membership import Cause
from segments.models import Segment


class Trail:
    """Entries of the past, gathered and then written in the order of their time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: list[AuditEntry] = []

    def note(
        self,
        at: datetime,
        actor: User | None,
        verb: str,
        target: models.Model,
        *,
        label: str | None = None,
        changes: dict[str, Any] | None = None,
    ) -> None:
        """Say that `actor` (None: the system) did `verb` to `target` at `at`; the rest is as in `portal.audit`."""
        self._entries.append(
            AuditEntry(
                store=self._store,
                at=at,
                actor=actor,
                actor_label=actor.email if actor else SYSTEM,
                verb=verb,
                object_type=str(target._meta.verbose_name),
                object_id=target.pk,
                object_label=(str(target) if label is None else label)[:255],
                changes=changes or {},
            )
        )

    def note_came(self, cause: Cause, segment: Segment, customers: list[int]) -> None:
        """Say that these customers were added by hand, if there are any."""
        if customers:
            whom, name, value = _named(customers)
            at = cause.at or segment.created_at
            self.note(at, cause.actor, f"added {whom} to", segment, changes={name: [None, value]})

    def note_went(self, cause: Cause, segment: Segment, customers: list[int]) -> None:
        """Say that these customers were removed by hand, if there are any."""
        if customers:
            whom, name, value = _named(customers)
            at = cause.at or segment.created_at
            self.note(at, cause.actor, f"removed {whom} from", segment, changes={name: [value, None]})

    def write(self) -> int:
        """Write the entries; how many."""
        self._entries.sort(key=lambda entry: entry.at)
        AuditEntry.everywhere.bulk_create(self._entries, batch_size=500)
        return len(self._entries)


def _named(customers: list[int]) -> tuple[str, str, str | int]:
    """What to call them, and what to tell of them: one without personal data, many by their number."""
    if len(customers) == 1:
        return "a customer", "customer", customer_label(customers[0])
    return "customers", "members", len(customers)
