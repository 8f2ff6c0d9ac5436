"""`manage.py demo`: the whole portal with a demo store, in the foreground."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import NotSupportedError, OperationalError, connection

from portal import processes
from portal.demo import Demo


class Command(BaseCommand):
    help = "Runs the web, the workers and the clock with a demo store, until Ctrl-C. PORT chooses the port."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prepare", action="store_true", help="only prepare the database, files and demo store")
        parser.add_argument("--follow-parent", action="store_true", help="stop when the parent process ends (Linux)")

    def handle(self, *args: Any, prepare: bool, follow_parent: bool, **options: Any) -> None:
        if prepare:
            self.prepare()
            return
        if follow_parent:
            processes.die_with_parent(signal.SIGTERM, os.getppid())
        sys.exit(Demo().run())

    def prepare(self) -> None:
        """Everything before the first page can be served; quick when it was done before."""
        try:
            connection.ensure_connection()
        except (OperationalError, NotSupportedError) as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        call_command("migrate", verbosity=0)
        self.collect_static()
        call_command("load_demo")

    def collect_static(self) -> None:
        """Collect and compress the static files, when they are not those of the last time."""
        mark = Path(settings.STATIC_ROOT) / ".collected"
        state = static_state()
        if mark.exists() and mark.read_text() == state:
            return
        self.stdout.write("Collecting static files ...")
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        mark.write_text(state)


def static_state() -> str:
    """A fingerprint of the static files here and of the packages that bring their own."""
    digest = hashlib.sha256((settings.BASE_DIR / "requirements" / "base.txt").read_bytes())
    for path in sorted((settings.BASE_DIR / "static").rglob("*")):
        entry = path.stat()
        digest.update(f"{path} {entry.st_size} {entry.st_mtime_ns}\n".encode())
    return digest.hexdigest()
