"""manage.py check_invariants"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal import sets
from segments.invariants import TABLES, all_invariants


class Command(BaseCommand):
    help = "Look for rows that break what must always be true of segments; fails when there are any."

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        # The questions compare whole tables; without fresh figures the planner would compare them row by row.
        sets.refresh_statistics(*TABLES)
        for name, ask in all_invariants().items():
            rows = ask()
            first = list(rows[:3])
            failed += bool(first)
            count = f"{rows.count():,} rows, such as {', '.join(map(str, first))}" if first else "none"
            self.stdout.write(f"{name.replace('_', ' ')}: {count}")
        if failed:
            raise CommandError(f"{failed} of what must be true is not.")
