"""manage.py release_hold"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal import hold


class Command(BaseCommand):
    help = "Let letters and syncs go out again, after the database was restored and somebody has looked."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ended = hold.release(None)
        except hold.StillAsked as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write("Things go out again." if ended else "Nothing was held.")
