"""Where a sync stands, in words: told by its own row and by the last job about it."""

from __future__ import annotations

from enum import StrEnum

from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.models import Job
from portal.models.job import JobState
from portal.templatetags.ui import counted, grouped, icon
from segments.models import Sync
from segments.models.external import SyncOutcome


class Standing(StrEnum):
    WAITING = "waiting"
    READING = "reading"
    HELD = "held"
    APPLYING = "applying"
    APPLIED = "applied"
    DISCARDED = "discarded"
    STOPPED = "stopped"
    FAILED = "failed"


MARKS = {
    Standing.WAITING: ("accent", "hourglass", "Waiting"),
    Standing.READING: ("accent", "loader-2", "Reading"),
    Standing.HELD: ("warn", "hand-click", "Waits for a decision"),
    Standing.APPLYING: ("accent", "loader-2", "Being applied"),
    Standing.APPLIED: ("good", "circle-check", "In sync"),
    Standing.DISCARDED: ("neutral", "ban", "Discarded"),
    Standing.STOPPED: ("neutral", "ban", "Cancelled"),
    Standing.FAILED: ("bad", "alert-circle", "Failed"),
}
AT_WORK = (Standing.WAITING, Standing.READING, Standing.APPLYING)
_SETTLED = {
    SyncOutcome.HELD: Standing.HELD,
    SyncOutcome.APPLIED: Standing.APPLIED,
    SyncOutcome.DISCARDED: Standing.DISCARDED,
}
_ENDED = {JobState.FAILED: Standing.FAILED, JobState.CANCELLED: Standing.STOPPED}


def standing(sync: Sync, job: Job | None) -> Standing:
    """Where the sync stands; `job` is the last one about it."""
    if sync.outcome in _SETTLED:
        return _SETTLED[SyncOutcome(sync.outcome)]
    if job is None:
        return Standing.STOPPED
    if job.state in _ENDED:
        return _ENDED[JobState(job.state)]
    if sync.outcome == SyncOutcome.ACCEPTED:
        return Standing.APPLYING
    return Standing.WAITING if job.state == JobState.QUEUED else Standing.READING


def mark(at: Standing) -> SafeString:
    """The badge that says where a sync stands."""
    tone, name, text = MARKS[at]
    return format_html('<span class="mark mark-{}" data-standing="{}">{}{}</span>', tone, at, icon(name), text)


def came_to(sync: Sync, job: Job | None) -> str:
    """What the sync has come to, in a phrase; '' while it is at work."""
    at, counts = standing(sync, job), sync.counts
    if at == Standing.APPLIED:
        return _moved(counts.get("entered", 0), counts.get("left", 0))
    if at == Standing.HELD:
        going, size = counted(counts.get("going", 0), "member"), grouped(counts.get("before", 0))
        return f"{going} of {size} would leave, {grouped(counts.get('coming', 0))} would enter"
    if at == Standing.FAILED:
        return job.error if job else ""
    return "Nothing was changed" if at in {Standing.DISCARDED, Standing.STOPPED} else ""


def _moved(entered: int, left: int) -> str:
    said = [f"{grouped(entered)} added"] if entered else []
    said += [f"{grouped(left)} left"] if left else []
    return ", ".join(said) or "Nobody came or left"
