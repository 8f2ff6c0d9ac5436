"""`manage.py reseal_secrets`: after a change of COTERIE_ENCRYPTION_KEYS, seal everything with the first of them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal import vault


class Command(BaseCommand):
    help = "Seals all stored secrets with the first key in COTERIE_ENCRYPTION_KEYS; then the others may be taken away."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counts = vault.reseal_all()
        except vault.Unreadable as error:
            raise CommandError(f"{error} Nothing is lost: put the key back and run this again.") from error
        for name, count in counts.items():
            self.stdout.write(f"{name}: {count:,} sealed anew")
