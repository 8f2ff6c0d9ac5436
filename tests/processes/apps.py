from __future__ import annotations

import os
import time
from typing import Any

from django.apps import AppConfig


class UnderTest(AppConfig):
    """Has a step write only as many rows as TEST_PORTION says, and a worker pause for TEST_PAUSE seconds after each: a
    small file takes many steps, and whoever looks sees them. With TEST_UNTOLD nobody is told that a source wants to be
    left alone; with TEST_STUBBORN who waits for that lets nobody else work. With TEST_FORGETFUL what arrives is
    acknowledged long before it is written."""

    name = "tests.processes"
    label = "processes_under_test"

    def ready(self) -> None:
        from portal import crash, sets

        if portion := os.environ.get("TEST_PORTION"):
            sets.CHUNKS = dict.fromkeys(sets.CHUNKS, int(portion))
        if pause := float(os.environ.get("TEST_PAUSE") or 0):
            pass_by = crash.point

            def point(name: str) -> None:
                pass_by(name)
                if name == "step.kept":
                    time.sleep(pause)

            crash.point = point

        if os.environ.get("TEST_FORGETFUL"):
            import threading

            from customers.ingest import inbox

            receive = inbox.receive

            def later(*arguments: Any, **named: Any) -> inbox.Received:
                threading.Timer(3_600, receive, arguments, named).start()
                return inbox.Received.STORED

            inbox.receive = later
        if os.environ.get("TEST_UNTOLD"):
            from portal import turns

            turns.hold_off = lambda key, seconds: None
        if os.environ.get("TEST_STUBBORN"):
            from portal import jobs

            jobs.are_waiting = lambda queue: False
