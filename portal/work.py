"""What a kind of background work is, and the kinds that there are; `portal.jobs` does them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from django.conf import settings

from portal.models import Job


class Said(StrEnum):
    """What people are told of work that did not get on."""

    INTERRUPTED = "The work was interrupted again and again at the same place. What was done so far is kept; try again."
    BROKEN = "Something went wrong on our side. What was done so far is kept; try again, and it goes on from there."
    HICCUP = "Something went wrong on our side. It is tried again by itself."
    NOT_ALLOWED = "Whoever asked for this may not do it in this store any more. Nothing was done; others may try again."
    PARKED = "The worker is of another version than the portal and does not know this work. It waits for one that does."


class NotKnown(Exception):
    """This version of the portal does not know the kind of work, or cannot read what was written for it."""


class GiveUp(Exception):
    """The work cannot be done; the message tells staff why and what to do."""


class Later(Exception):
    """The work has to wait for somebody else; the message tells staff for whom and why. It is taken up again after
    `seconds`, from `cursor` where one is given, and the attempt is not counted."""

    def __init__(self, message: str, *, seconds: float, cursor: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.seconds, self.cursor = seconds, cursor


@dataclass(frozen=True)
class Step:
    """What one step has come to: where the next begins, how far it is, and the result once finished."""

    done: int
    total: int | None = None
    cursor: dict[str, Any] = field(default_factory=dict)
    phase: str = ""
    result: dict[str, Any] | None = None


class Work(Protocol):
    """Made afresh for each lease; may hold open files. `step` writes in the transaction that it is called in, and
    should end well before the lease does (settings.JOB_LEASE_SECONDS): people wait for it to be cancelled, and a deploy
    for it to be put down. Work in portions of rows has a `full_portion` too; see portal.portions. Work that asks other
    systems does so in a `prepare` without arguments, which is called before each step, outside of its transaction; what
    it keeps open for the next ones, it lets go of in a `close` without arguments, called when the lease ends."""

    def __init__(self, job: Job) -> None: ...

    def step(self) -> Step: ...


@dataclass(frozen=True)
class Kind:
    """What is registered of a kind of work: `reads` are the versions of payload and cursor that it understands."""

    work: type[Work]
    queue: str
    version: int = 1
    reads: tuple[int, ...] = (1,)


_kinds: dict[str, Kind] = {}


def register(
    kind: str, *, queue: str, may_be_cancelled: bool = True, version: int = 1, reads: tuple[int, ...] = ()
) -> Callable[[type[Work]], type[Work]]:
    """Class decorator: work of this `kind` runs in `queue`; some must come to its end once it was asked for.

    Raise `version` when payload or cursor change so that the code of before would misread them, and name in `reads`
    the older versions that are still understood. A job keeps the version that it was asked for in, and work writes the
    cursor of that version: in a deploy, workers of both releases take turns with it.
    """

    def add(work: type[Work]) -> type[Work]:
        if kind in _kinds:
            raise ValueError(f"Two kinds of work are called {kind}.")
        if queue not in settings.QUEUES:
            raise ValueError(f"There is no queue {queue}.")
        if any(not 0 < older < version for older in reads):
            raise ValueError(f"What {kind} reads besides are versions before {version}.")
        _kinds[kind] = Kind(work, queue, version, (*reads, version))
        if not may_be_cancelled:
            Job.kinds_to_the_end.add(kind)
        return work

    return add


def kinds() -> list[str]:
    """Every kind of work that there is, in the order of their names."""
    return sorted(_kinds)


def kind_of(name: str) -> Kind:
    return _kinds[name]


def begin(job: Job) -> Work:
    """The work of a job, made afresh for the lease at hand. Raises NotKnown."""
    kind = _kinds.get(job.kind)
    if kind is None or job.version not in kind.reads:
        raise NotKnown(job.kind, job.version)
    return kind.work(job)


def let_go(work: Work | None) -> None:
    """Have the work close what it has kept open: its lease is over."""
    close = getattr(work, "close", None)
    if close is not None:
        close()
