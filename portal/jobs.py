"""Background work as rows: asking for it, taking it by lease, doing it step by step, and sweeping up after crashes.

A kind of work is a class with `step()`; the runner calls it until it says that it is finished. Each step runs in one
transaction together with its accounting, which names the lease's token: a worker that lost its lease in the meantime
has its step rolled back. So a killed worker repeats at most the step that was not kept, and a doubled message finds
the lease taken.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, models, transaction
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Now

from portal import crash, hold, leases, portions, pulse, wall
from portal.access import Permission
from portal.bell import ring
from portal.faults import fault_of
from portal.leases import Fenced, claim
from portal.models import Job, Store, User
from portal.models.job import ACTIVE_STATES, JobState
from portal.queries import may_still
from portal.work import GiveUp, Later, NotKnown, Said, Step, Work, begin, kind_of, kinds, let_go, register

__all__ = [
    "Fenced", "GiveUp", "Later", "Said", "Step", "Work", "are_waiting", "begin", "cancel", "claim", "enqueue",
    "kinds", "of_subject", "register", "retry", "ring", "run", "stopping", "sweep",
]  # fmt: skip

log = structlog.get_logger(__name__)

stopping = multiprocessing.Event()
"""Set when the worker was told to leave: work is put down after the step at hand, for the next worker to take up."""


def enqueue(
    store: Store,
    kind: str,
    *,
    label: str,
    subject: models.Model | None = None,
    payload: dict[str, Any] | None = None,
    actor: User | None,
    needs: Permission | None = None,
    due_in: timedelta = timedelta(0),
) -> Job:
    """Write a job into the caller's transaction, and ring for it once that is committed; the sweeper rings for one
    that is due later. It is not begun if the actor has lost the permission that it `needs` by then."""
    known = kind_of(kind)
    job: Job = Job.objects.create_for(
        store,
        kind=kind,
        version=known.version,
        queue=known.queue,
        label=label[:255],
        needs=needs or "",
        subject_type=subject._meta.label_lower if subject is not None else "",
        subject_id=subject.pk if subject is not None else None,
        payload=payload or {},
        created_by=actor,
        # The database's clock, as in `claim`: a doorbell must not come before the job is due by another clock.
        due_at=Now() + due_in if due_in else Now(),
        rung_at=None if due_in else Now(),
    )
    job.refresh_from_db(fields=["due_at", "rung_at"])
    crash.point("job.asked")
    if not due_in:
        transaction.on_commit(lambda: _ring_at_last(job))
    return job


def _ring_at_last(job: Job) -> None:
    crash.point("job.committed")
    ring(job.pk, job.queue)
    crash.point("job.rung")


def of_subject(subject: models.Model) -> models.QuerySet[Job]:
    """The jobs about a store's object, the latest first."""
    return (
        Job.objects.for_store(subject.store)  # type: ignore[attr-defined]
        .filter(subject_type=subject._meta.label_lower, subject_id=subject.pk)
        .order_by("-pk")
    )


def cancel(job: Job) -> bool:
    """Ask for an end: at once when no worker holds it, else after the step at hand. False when it had ended already,
    or is of a kind that must come to its end."""
    if not job.may_be_cancelled:
        return False
    held = Q(state=JobState.RUNNING, lease_until__gte=Now())
    asked = Job.everywhere.filter(pk=job.pk, state__in=ACTIVE_STATES).update(
        state=Case(When(held, then=Value(JobState.RUNNING)), default=Value(JobState.CANCELLED)),
        finished_at=Case(When(held, then=None), default=Now()),
        cancel_asked_at=Now(),
    )
    return bool(asked)


def retry(job: Job) -> bool:
    """Queue a failed or cancelled job again, from where it stood. False when it is not in such a state."""
    again = Job.everywhere.filter(pk=job.pk, state__in=(JobState.FAILED, JobState.CANCELLED)).update(
        state=JobState.QUEUED,
        attempts=0,
        error="",
        cancel_asked_at=None,
        started_at=None,
        finished_at=None,
        due_at=Now(),
        rung_at=Now(),
    )
    if again:
        crash.point("job.asked again")
        transaction.on_commit(lambda: _ring_at_last(job))
    return bool(again)


def run(job_id: int) -> None:
    """Do the job, if it can be claimed, until it is finished, cancelled, put down or failed."""
    job = claim(job_id)
    if job is None or leases.ends_as_asked(job):
        return
    work = None
    try:
        if job.attempts > 2 * settings.JOB_MAX_ATTEMPTS:
            raise GiveUp(Said.INTERRUPTED)  # whatever it is that kills, it does so before a step is begun
        if not job.cursor and not _asker_may(job):
            raise GiveUp(Said.NOT_ALLOWED)
        with wall.around(job.store):
            work = begin(job)
        _be_careful(job, work)
        _go_on(job, work)
    except Fenced:
        log.warning("job_fenced", job=job.pk, token=job.lease_token)
    except GiveUp as error:
        if not leases.ends_as_asked(job):
            leases.fail(job, str(error))
    except Later as wait:
        _wait(job, wait)
    except NotKnown:
        log.warning("job_parked", job=job.pk, kind=job.kind, version=job.version)
        leases.put_back(job, Said.PARKED, wait=60)
    except Exception as error:  # noqa: BLE001  (logged there)
        _note_and_try_later(job, work, error)
    finally:
        let_go(work)


def _note_and_try_later(job: Job, work: Work | None, error: Exception) -> None:
    """What nobody had foreseen: it is logged, with where it happened if it is ours."""
    fault = fault_of(error)
    said = {"job": job.pk, "kind": job.kind, "attempt": job.attempts}
    if fault is None:
        log.error("job_error", exc_info=error, **said)
    else:
        log.warning(fault.value, **said)
    with suppress(DatabaseError):  # one that is away still; the lease runs out then
        _try_later(job, work, counts=fault is None)


def _asker_may(job: Job) -> bool:
    """Whether the person who asked for the job may still do so; what was begun goes on in any case."""
    if not job.needs or job.created_by is None:
        return True
    return may_still(job.created_by, job.store, Permission(job.needs))


def _be_careful(job: Job, work: Work) -> None:
    """After too many workers have died of a step, take it on in smaller parts. Raises GiveUp where it has none."""
    if job.attempts <= portions.tries(job):
        return
    caution = portions.cut(job, work)
    if caution is None:
        raise GiveUp(Said.INTERRUPTED)
    leases.write(job, caution=caution, attempts=1)
    job.caution, job.attempts = caution, 1
    log.warning("job_portion_cut", job=job.pk, kind=job.kind, **caution)


def _go_on(job: Job, work: Work) -> None:
    """Step by step, until there is none to do now."""
    breath_at = time.monotonic()
    with pulse.kept(job.pk, lambda: _renew(job)) as beating:
        while _step(job, work):
            if beating is not None:
                beating.step_was_kept()
            breath_at = _breathe(breath_at)


def _renew(job: Job) -> int:
    return leases.held(job).update(lease_until=leases.lease_end())


def _step(job: Job, work: Work) -> bool:
    """One step and its accounting; whether there is another to do now."""
    began = time.monotonic()
    hold.keep_back(job)
    if prepare := getattr(work, "prepare", None):
        leases.confirm(job)
        with wall.around(job.store), pulse.kept_meanwhile(job.pk, lambda: _renew(job)):
            prepare()
        crash.point("step.prepared")
    with wall.around(job.store), transaction.atomic():
        crash.point("step.begun")
        step = work.step()
        crash.point("step.written")
        kept = {"cursor": step.cursor, "done": step.done, "total": step.total, "phase": step.phase}
        caution = portions.after_step(job, step.done)
        # The next step has been started once, by going on.
        attempts = int(step.result is None)
        leases.write(job, **kept, caution=caution, attempts=attempts, error="", **_outlook(step))
        crash.point("step.accounted" if step.result is None else "job.finishing")
    crash.point("step.kept" if step.result is None else "job.finished")
    if (took := time.monotonic() - began) > settings.JOB_LEASE_SECONDS / 2:
        log.warning("job_step_slow", job=job.pk, kind=job.kind, seconds=round(took, 1))
    job.cursor, job.done, job.total, job.caution, job.attempts = step.cursor, step.done, step.total, caution, attempts
    return step.result is None and not leases.ends_as_asked(job) and not _is_put_down(job)


def _breathe(last: float) -> float:
    """Let others write for a moment, where the database takes one writer at a time; when that was done last."""
    if not settings.JOB_BREATH_SECONDS or time.monotonic() - last < 1:
        return last
    time.sleep(settings.JOB_BREATH_SECONDS)
    return time.monotonic()


def _outlook(step: Step) -> dict[str, Any]:
    if step.result is None:
        return {"lease_until": leases.lease_end()}
    return {"state": JobState.SUCCEEDED, "result": step.result, "finished_at": Now(), "lease_until": None}


def _is_put_down(job: Job) -> bool:
    """Leave the job to the next worker if this one is to go; whether it was left."""
    if not stopping.is_set():
        return False
    crash.point("job.leaving")
    leases.write(job, state=JobState.QUEUED, lease_until=None, due_at=Now(), rung_at=None, attempts=0)
    crash.point("job.left")
    return True


def _wait(job: Job, wait: Later) -> None:
    """Leave the job until what it waits for may have come."""
    if leases.ends_as_asked(job):
        return
    crash.point("job.waiting")
    kept = {} if wait.cursor is None else {"cursor": wait.cursor}
    leases.put_back(job, str(wait), wait=wait.seconds, **kept)


def _try_later(job: Job, work: Work | None = None, *, counts: bool = True) -> None:
    """Queue the job again, a while from now. What the database was the cause of does not count as an attempt of it."""
    if leases.ends_as_asked(job):
        return
    if not counts:
        # By chance: what met others must not meet them again.
        leases.put_back(job, Said.HICCUP, wait=random.uniform(2, 5))  # noqa: S311
    elif job.attempts < portions.tries(job):
        crash.point("job.deferring")
        leases.queue_again(job, Said.HICCUP, wait=2**job.attempts)
    elif caution := portions.cut(job, work):
        leases.queue_again(job, Said.HICCUP, wait=1, caution=caution, attempts=0)
    else:
        leases.fail(job, Said.BROKEN)


def are_waiting(queue: str) -> bool:
    """Whether work of this queue is due that no worker has taken up."""
    with wall.lifted():  # of any store
        return Job.everywhere.filter(leases.is_free(), queue=queue).exists()


def sweep() -> int:
    """Ring for jobs that are due, and for those whose worker is gone; how many.

    A job rung for lately is left alone, so that a long queue does not fill with messages about the same job.
    """
    quiet = Q(rung_at__isnull=True) | Q(rung_at__lt=Now() - timedelta(seconds=settings.JOB_LEASE_SECONDS))
    unfinished = Job.everywhere.filter(state__in=ACTIVE_STATES)
    rung = []
    for pk, queue in unfinished.filter(leases.is_free() & quiet).order_by("due_at").values_list("pk", "queue")[:500]:
        if not ring(pk, queue):
            break
        rung.append(pk)
        crash.point("sweep.rung")
    Job.everywhere.filter(pk__in=rung).update(rung_at=Now())
    return len(rung)
