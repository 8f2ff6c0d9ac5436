"""What happened to a customer, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal import history
from portal.models import AuditEntry

ICONS = {"added": "user-plus", "changed": "user-edit", "imported": "file-import"}


def timeline(entries: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """The entries for components/timeline.html: what was done, to which fields, by whom."""
    return [
        {
            "icon": ICONS.get(entry.verb, "point"),
            "text": ": ".join(filter(None, (history.capitalized(entry.verb), ", ".join(history.changes(entry))))),
            "note": f"by {entry.actor_label}",
            "at": entry.at,
        }
        for entry in entries
    ]
