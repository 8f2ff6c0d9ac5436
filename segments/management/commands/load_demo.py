"""`manage.py load_demo`: two made-up shops with customers, segments and a year of history."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from customers.counting import count_products
from customers.demo.telling import tell
from customers.metrics.recompute import recompute
from portal.models import Store
from segments.demo import elsewhere, samples, shops
from segments.demo.year import Story


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = (
        "Loads the demo: two shops, their customers, and segments with a year of history. Does nothing the second time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo's sign-ins are public. Set COTERIE_DEMO=1 where that does no harm.")
        began = time.monotonic()
        with transaction.atomic():
            is_new = self.load()
        if not samples.are_here():
            samples.write(shops.people_of(Store.objects.get(slug="juniper")))
            self.stdout.write(f"  {len(samples.SAMPLES)} files to try, in {samples.folder()}")
        seconds = time.monotonic() - began
        self.stdout.write(f"The demo is loaded ({seconds:.1f} s)." if is_new else "The demo is loaded already.")

    def load(self) -> bool:
        """Write everything in the caller's transaction; False when it is here already."""
        now = timezone.now()
        juniper = shops.open_first_store(now)
        if juniper is None:
            return False
        corner = shops.open_second_store(now)
        self.stdout.write(f"Loading the demo: {juniper} and {corner} ...")
        team = shops.hire(juniper, corner)
        shop, second = shops.fill(juniper), shops.fill(corner)
        self.stdout.write(f"  {len(shop.people):,} customers of {juniper}, {len(second.people):,} of {corner}")
        for one in (shop, second):
            told = tell(one.store, shops.shoppers_of(one), now)
            count_products(one.store, now)
            recompute(one.store, None, now)
            self.stdout.write(
                f"  {told.orders:,} orders, {told.subscriptions:,} subscriptions and {told.events:,} events "
                f"of {one.store}"
            )
        story = Story(shop, team, now)
        story.tell()
        self.stdout.write(
            f"  {len(story.ledgers)} segments with a year of history, {story.write():,} comings and goings"
        )
        if elsewhere.follow(juniper, team.owner):
            self.stdout.write("  an account at Klaviyo, and a segment that follows one there")
        if elsewhere.sell(juniper, team.owner, now):
            self.stdout.write("  accounts at Shopify and Recharge, whose history can be read")
        return True
