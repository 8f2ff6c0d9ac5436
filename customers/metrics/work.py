"""Making the metrics of all customers anew: work that goes portion by portion, nightly and when it is asked for."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from customers.metrics import measuring
from customers.metrics.frame import Those
from customers.metrics.recompute import Wording, frame_of, held, make_anew
from customers.models import Customer, CustomerMetrics, MetricsState
from portal import audit, crash, jobs, sets
from portal.access import Permission
from portal.faults import retried
from portal.models import Job, Store, User
from portal.models.job import ACTIVE_STATES
from portal.work import Step, register

RECOMPUTE = "customers.metrics"
LABEL = "Metrics of all customers"


@register(RECOMPUTE, queue="bulk")
class RecomputeAll:
    """First what the customers are taken together is measured, by the metrics as they stand; then those of each are
    made anew by it. Where there were none yet, they are made, measured, and made once more.

    The cursor: `first`, whether there were none; `measured`; `after` which customer the next portion begins; `day`, the
    store's when it began; `total`.
    """

    def __init__(self, job: Job) -> None:
        self._job, self._store = job, job.store
        self._measured: dict[str, Any] | None = None
        self._wording = Wording()

    def prepare(self) -> None:
        """Measure, which takes seconds: nobody is held up meanwhile."""
        if self._measured is None and self._is_to_measure():
            self._measured = {
                "fit": measuring.fit_of(self._store, timezone.now()),
                "cuts": measuring.cuts_of(self._store),
            }

    def _is_to_measure(self) -> bool:
        if not self._job.cursor:
            return CustomerMetrics.objects.for_store(self._store).exists()
        return bool(self._job.cursor.get("to_measure"))

    def step(self) -> Step:
        state = held(self._store)
        if not self._job.cursor:
            return self._begin(state)
        if self._job.cursor["to_measure"]:
            return self._keep(state)
        return self._portion(state)

    def _begin(self, state: MetricsState) -> Step:
        """Say what is to be done."""
        is_first = self._measured is None
        total = Customer.objects.for_store(self._store).filter(erased_at=None).count()
        day = self._store.day(timezone.now()).isoformat()
        cursor = {"after": 0, "day": day, "is_first": is_first, "to_measure": False, "total": total, "changed": 0}
        if not is_first:
            self._write_measured(state)
        return Step(0, total * (1 + is_first), cursor, "Reckoning")

    def _keep(self, state: MetricsState) -> Step:
        self._write_measured(state)
        cursor = {**self._job.cursor, "to_measure": False, "is_first": False, "after": 0}
        return Step(self._job.done, self._job.total, cursor, "Reckoning")

    def _write_measured(self, state: MetricsState) -> None:
        state.fit, state.cuts = (self._measured or {})["fit"], (self._measured or {})["cuts"]
        state.measured_at = timezone.now()
        state.save(update_fields=["fit", "cuts", "measured_at"])

    def _portion(self, state: MetricsState) -> Step:
        cursor = dict(self._job.cursor)
        those, number = portion(self._store, cursor["after"], sets.reckoned_chunk_size(CustomerMetrics))
        if those is not None:
            cursor["changed"] += make_anew(frame_of(self._store, those, state, timezone.now()), self._wording)
            cursor["after"] = those.upto
            crash.point("metrics.portion")
            done = min(self._job.done + number, self._job.total or 0)
            return Step(done, self._job.total, cursor, "Reckoning")
        if cursor["is_first"]:
            return Step(self._job.done, self._job.total, {**cursor, "to_measure": True}, "Measuring")
        return self._end(state, cursor)

    def _end(self, state: MetricsState, cursor: dict[str, Any]) -> Step:
        state.coverage = measuring.whole_coverage(self._store, measuring.events_since(self._store))
        state.full_at, state.full_on = timezone.now(), cursor["day"]
        state.save(update_fields=["coverage", "full_at", "full_on"])
        total = self._job.total or 0
        return Step(total, total, cursor, result={"customers": cursor["total"], "changed": cursor["changed"]})


def portion(store: Store, after: int, most: int) -> tuple[Those | None, int]:
    """The next customers after this one, by their ids, and how many; None when there are no more."""
    ahead = Customer.objects.for_store(store).filter(pk__gt=after, erased_at=None).order_by("pk")
    ids = list(ahead.values_list("pk", flat=True)[:most])
    return (Those(after=after, upto=ids[-1]), len(ids)) if ids else (None, 0)


def at_work(store: Store) -> Job | None:
    """The job that makes all metrics of the store anew, where one has not ended."""
    return jobs_of(store).filter(state__in=ACTIVE_STATES).first()


def jobs_of(store: Store) -> Any:
    return Job.objects.for_store(store).filter(kind=RECOMPUTE).order_by("-pk")


@retried
def recompute_all(store: Store, *, actor: User | None) -> Job:
    """Have all metrics of the store made anew: by the job that waits to begin already, else by a new one."""
    with transaction.atomic():
        held(store)
        waiting = at_work(store)
        if waiting is not None and not waiting.cursor:
            return waiting
        if actor is not None:
            audit.record(store, "recomputed", None, actor=actor, label=LABEL)
        needs = Permission.EDIT_CUSTOMERS if actor is not None else None
        return jobs.enqueue(store, RECOMPUTE, label=LABEL, actor=actor, needs=needs)
