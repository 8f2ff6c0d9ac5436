"""Calls kept to a pace that all workers share, through one row for each key.

In any minute at most `per_minute` calls are granted, and in any second at most `per_second`, wherever a minute or a
second begins; the times are the database's. Windows are taken a little longer than they are said to be, since a call
that was granted at one moment arrives at a later one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from portal.faults import retried
from portal.models import CallBudget

MINUTE = 60.5
SECOND = 1.05
MOST_PAUSE = 60
FORGOTTEN_AFTER = 24 * 3600


@dataclass(frozen=True)
class Pace:
    """How many calls there may be."""

    per_second: int
    per_minute: int


@retried
def wait_for(key: str, pace: Pace, *, most: float = math.inf) -> float:
    """Reserve the next free call under `key`, and return the seconds until then; 0 is now.

    When that is more than `most`, nothing is reserved, and the caller asks anew later. Who has waited asks `held`
    before calling, and begins anew if it is: the service may have asked for quiet in the meantime. A transaction of
    its own, outside of any other.
    """
    with _locked(key) as (budget, now):
        free_at = _first_free(budget, pace, now)
        wait = free_at - now
        if wait <= most:
            _grant(budget, pace, free_at, now)
    return max(wait, 0.0)


@retried
def hold_off(key: str, seconds: float) -> None:
    """Nobody calls under `key` for so long: the service said so. A longer time that was said before stays."""
    with _locked(key) as (budget, now):
        budget.held_until = max(budget.held_until, now + max(seconds, 0.0))


def held(key: str) -> float:
    """Seconds for which nobody is to call under `key`, not even who has reserved; 0 as a rule."""
    found = CallBudget.objects.filter(key=key).values_list("held_until", Now()).first()
    return max(0.0, found[0] - found[1].timestamp()) if found else 0.0


def backoff(attempt: int, rng: random.Random) -> float:
    """Seconds to wait after failure number `attempt` (from 1): by chance between 1 and a limit that doubles up to 60,
    so that those who failed together do not come back together."""
    limit = min(2.0 ** min(max(attempt, 1), 10), MOST_PAUSE)
    return rng.uniform(1.0, limit)


def forget() -> int:
    """Delete the rows of keys that nobody has called under for a day; how many."""
    now = timezone.now().timestamp()
    return CallBudget.objects.filter(at__lt=now - FORGOTTEN_AFTER, held_until__lt=now).delete()[0]


@contextmanager
def _locked(key: str) -> Iterator[tuple[CallBudget, float]]:
    """The row of `key`, locked, and the time; the row is written at the end."""
    with transaction.atomic(durable=True):
        rows = CallBudget.objects.select_for_update()
        budget = rows.filter(key=key).first()
        if budget is None:
            CallBudget.objects.bulk_create([CallBudget(key=key)], ignore_conflicts=True)
            budget = rows.get(key=key)
        now = _now(budget)
        _set_back(budget, now)
        budget.at = now
        yield budget, now
        budget.save()


def _now(budget: CallBudget) -> float:
    """The database's time, asked for once the row is locked: the wait for the lock has passed by then."""
    found: datetime = CallBudget.objects.values_list(Now(), flat=True).get(pk=budget.pk)
    return found.timestamp()


def _set_back(budget: CallBudget, now: float) -> None:
    """A clock that was set back must not keep everybody waiting until it is where it was: move the row along."""
    back = budget.at - now
    if back > 0:
        budget.next_at -= back
        budget.held_until -= back
        # Rounded to the later side: a call is rather kept for too long than forgotten too early.
        budget.counts = {str(int(second) - math.floor(back)): count for second, count in budget.counts.items()}


def _first_free(budget: CallBudget, pace: Pace, now: float) -> float:
    """The first moment at which another call breaks neither limit."""
    free_at = max(now, budget.next_at, budget.held_until)
    counts = {int(second): count for second, count in budget.counts.items()}
    while True:
        # A second is counted until all of it is past.
        recent = {second: count for second, count in counts.items() if second + 1 > free_at - MINUTE}
        if sum(recent.values()) < pace.per_minute:
            return free_at
        free_at = min(recent) + 1 + MINUTE


def _grant(budget: CallBudget, pace: Pace, at: float, now: float) -> None:
    second = str(math.floor(at))
    counts = {key: count for key, count in budget.counts.items() if int(key) + 1 > now - MINUTE}
    budget.counts = counts | {second: counts.get(second, 0) + 1}
    budget.next_at = at + SECOND / pace.per_second
