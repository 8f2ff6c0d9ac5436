"""manage.py check_invariants"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Model

from portal import sets
from portal.invariants import all_invariants, store_models


class Command(BaseCommand):
    help = "Look for rows that break what must always be true; fails when there are any."

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        invariants = all_invariants()
        # The questions compare whole tables; without fresh figures the planner would compare them row by row.
        sets.refresh_statistics(*store_models())
        for name, ask in invariants.items():
            rows = ask()
            first = list(rows[:3])
            failed += bool(first)
            count = f"{rows.count():,} rows, such as {', '.join(map(_named, first))}" if first else "none"
            self.stdout.write(f"{name.replace('_', ' ')}: {count}")
        if failed:
            raise CommandError(f"{failed} of what must be true is not.")


def _named(row: Any) -> str:
    """The row's number: what it is called may be somebody's address."""
    return f"{row._meta.verbose_name} {row.pk}" if isinstance(row, Model) else str(row)
