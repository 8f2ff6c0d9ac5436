"""Holding back what goes out, after the database was restored from a backup or when an operator asks for it.

What a restored database takes for undone may have been done long ago: letters would go out again, lists of last week
be read into segments. So work in the queues that reach out of the portal waits, until an administrator has looked.
What a person asks for at that moment and waits for, such as a link for a new password, goes out all the same.
"""

from __future__ import annotations

import structlog
from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from portal import epoch
from portal.models import Hold, Job, User
from portal.work import Later

log = structlog.get_logger(__name__)

QUEUES = ("outside", "deliveries")
"""Where work waits: it asks other systems, or writes to people."""
WAIT_SECONDS = 30
RESTORED = "The database was restored from a backup: it does not know any more what it knew on {}."
ASKED = "The operator asked for it, by COTERIE_OUTBOUND_HOLD."
WAITS = "Nothing goes out for now, and nothing is read from other systems. This waits until an administrator allows it."
STILL_ASKED = "COTERIE_OUTBOUND_HOLD is set. Take it away, restart, and then let things go out."


class StillAsked(Exception):
    """The environment goes on to ask for the hold."""


def keep_back(job: Job) -> None:
    """Raises Later for work that reaches out while nothing may go out."""
    if job.queue in QUEUES and is_on():
        raise Later(WAITS, seconds=WAIT_SECONDS)


def is_on() -> bool:
    """Whether nothing may go out. Looks anew each time: nothing is sent between a restore and its being noticed."""
    if settings.OUTBOUND_HOLD:
        _begin(ASKED)
    if seen := epoch.went_back():
        # Another host may have noticed, and somebody have answered, while this one was off.
        if not Hold.objects.filter(released_at__gte=seen).exists():
            _begin(RESTORED.format(f"{seen:%-d %B %Y at %H:%M} UTC"))
        # From here on the hold is what stands in the database, and the counts no longer differ.
        epoch.count_on()
    return active().exists()


def keep_watch() -> None:
    """Notice a restore, and count on for the next."""
    is_on()
    epoch.count_on()


def keep_watch_from_the_start() -> None:
    """As `keep_watch`, for a process that has yet to begin: it leaves no connection behind, and raises nothing."""
    try:
        keep_watch()
    except (DatabaseError, OSError) as error:
        log.warning("epoch_not_kept", error=type(error).__name__)
    finally:
        connections.close_all()


def active() -> QuerySet[Hold]:
    """The holds that are on; one, or none."""
    return Hold.objects.filter(released_at=None)


def current() -> Hold | None:
    """The hold that is on, as the database knows it."""
    return active().last()


def release(actor: User | None) -> int:
    """Let things go out again; how many holds ended. Raises StillAsked."""
    if settings.OUTBOUND_HOLD:
        raise StillAsked(STILL_ASKED)
    ended = active().update(released_at=Now(), released_by=actor)
    if ended:
        log.warning("hold_released", user=actor.pk if actor else None)
    return ended


def _begin(reason: str) -> None:
    with transaction.atomic():
        if not active().filter(reason=reason).exists():
            Hold.objects.create(reason=reason, since=timezone.now())
            log.warning("hold_begun", reason=reason)
