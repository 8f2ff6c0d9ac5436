"""`manage.py migrate`, which gives way to people at work: it waits three seconds for a table, and then comes again."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError, connections

from portal.connections import with_lock_timeout
from portal.faults import Fault, fault_of

TRIES = 20
LOCK_SECONDS = 3
PAUSE_SECONDS = 2.0


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Whoever waits for a table has all others wait behind him, so nobody may wait for long."""
        connection: Any = connections[options["database"]]
        given = connection.settings_dict["OPTIONS"]
        if "options" not in given or connection.in_atomic_block:
            super().handle(*args, **options)
            return
        connection.close()
        connection.settings_dict["OPTIONS"] = with_lock_timeout(given, LOCK_SECONDS)
        try:
            self._patiently(*args, **options)
        finally:
            connection.settings_dict["OPTIONS"] = given
            connection.close()

    def _patiently(self, *args: Any, **options: Any) -> None:
        for tried in range(1, TRIES + 1):
            try:
                super().handle(*args, **options)
            except OperationalError as error:
                if tried == TRIES or fault_of(error) is not Fault.IN_THE_WAY:
                    raise
                self.stderr.write(f"A table is in use. Trying again in {PAUSE_SECONDS:.0f} s ({tried} of {TRIES}) ...")
                time.sleep(PAUSE_SECONDS)
            else:
                return
