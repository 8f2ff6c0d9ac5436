"""What a process of its own does of a run. Django is set up here, so nothing of it may be imported before."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from tests.fuzz.tally import Tally

KEEP = Path(__file__).resolve().parents[2] / ".data" / "fuzz"
"""Where files that fail are kept, named after their seed and number."""
THROUGH_DOORS = 3
"""Of each stripe, so many files go the whole way into a database too."""

_place: dict[str, Any] = {}


def open_place() -> None:
    """Give this process a database of its own, with a store in it and both doors to that."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import setup_test_environment

    logging.disable(logging.CRITICAL)
    setup_test_environment()
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    call_command("migrate", verbosity=0)
    from tests.fuzz.place import make_doors

    _place["doors"] = make_doors()


def stripe(seed: int, first: int, count: int) -> Tally:
    """Examine the files of these numbers, and send a few of them through the doors; their Tally. With ONLY=requests,
    read the requests, webhooks and rows of these numbers instead."""
    from tests.fuzz import doors, runner

    tally = Tally()
    if os.environ.get("ONLY") == "requests":
        for number in range(first, first + count):
            runner.try_requests(seed, number, tally)
        tally.files = count
        tally.memory.append(runner.memory())
        return tally
    for number in range(first, first + count):
        runner.try_one(seed, number, tally, KEEP)
        runner.try_values(seed, number, tally)
    for number in range(first, first + min(THROUGH_DOORS, count)):
        doors.through_doors(seed, number, _place["doors"], tally, KEEP)
    tally.memory.append(runner.memory())
    return tally
