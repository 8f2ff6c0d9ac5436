"""Work that tests can watch, and people who act at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections

from portal import audit
from portal.jobs import Step
from portal.models import AuditEntry, Job, Store


class Counting:
    """Counts to payload["steps"], and leaves a row for each step in the step's own transaction."""

    during: Callable[[Job, int], None] | None = None
    """What else happens in a step, given the job and the step's number."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def step(self) -> Step:
        at, steps = self.job.cursor.get("at", 0) + 1, self.job.payload["steps"]
        audit.record(self.job.store, f"counted {at}", actor=None)
        if Counting.during is not None:
            Counting.during(self.job, at)
        return Step(at, steps, {"at": at}, "Counting", result={"counted": at} if at == steps else None)


def counted(store: Store) -> list[str]:
    """What the steps that were kept have written, in order."""
    return list(AuditEntry.objects.for_store(store).order_by("pk").values_list("verb", flat=True))


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same moment, each over a connection of its own; what each returned or raised."""
    gate = threading.Barrier(len(acts))
    outcomes: list[Any] = [None] * len(acts)

    def act(at: int) -> None:
        try:
            gate.wait(timeout=10)
            outcomes[at] = acts[at]()
        except Exception as error:  # noqa: BLE001 - handed back to the test
            outcomes[at] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act, args=(at,)) for at in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return outcomes
