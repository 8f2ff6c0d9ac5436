"""`manage.py load_demo`: two made-up shops with customers, segments and a year of history."""

from __future__ import annotations

import time
from random import Random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from segments.demo import history, shops
from segments.demo.trail import Trail
from segments.demo.year import Story

SEED = 20_261_122


class Command(BaseCommand):
    help = (
        "Loads the demo: two shops, their customers, and segments with a year of history. Does nothing the second time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo's sign-ins are public. Set COTERIE_DEMO=1 where that does no harm.")
        began = time.monotonic()
        with transaction.atomic():
            if not self.load():
                self.stdout.write("The demo is loaded already.")
                return
        self.stdout.write(f"The demo is loaded ({time.monotonic() - began:.1f} s).")

    def load(self) -> bool:
        """Write everything in the caller's transaction; False when it is here already."""
        now, rng = timezone.now(), Random(SEED)  # noqa: S311 - made-up people need no secret dice
        juniper = shops.open_first_store(now)
        if juniper is None:
            return False
        corner = shops.open_second_store(now)
        self.stdout.write(f"Loading the demo: {juniper} and {corner} ...")
        team = shops.hire(juniper, corner)
        shop = shops.fill(rng, juniper, now)
        shops.fill(rng, corner, now)
        self.stdout.write(f"  {len(shop.people):,} customers of {juniper}, 300 of {corner}")
        trail = Trail()
        story = Story(shop, team, now, rng, trail)
        story.tell()
        changes = history.write(story.ledgers)
        self.stdout.write(f"  {len(story.ledgers)} segments with a year of history: {changes:,} came or went")
        story.uploads.write()
        trail.write()
        return True
