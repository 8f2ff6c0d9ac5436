"""What the page of a segment, and its row in the list, show of the list elsewhere that it follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.safestring import SafeString

from portal.access import Permission
from portal.models import Job, Staff, Store
from portal.queries import latest_job, latest_jobs
from segments.external import links, standing
from segments.external.standing import Standing
from segments.external.syncs import held_before
from segments.models import ExternalLink, Segment, Sync
from segments.models.external import ConnectionState, LinkState, SyncOutcome
from segments.sources import kind_label, label_of


@dataclass(frozen=True)
class Notice:
    """Something that staff should know of: `url` is where it is mended, and `label` says how."""

    tone: str
    title: str
    text: str
    url: str = ""
    label: str = ""


@dataclass(frozen=True)
class Panel:
    link: ExternalLink
    source: str
    """What the source is called."""
    kind: str
    """What such a list is called, as `Klaviyo list`."""
    latest: Sync | None
    job: Job | None
    mark: SafeString | str
    came_to: str
    """What the latest sync did; what kept it from doing so stands in a notice."""
    notices: list[Notice] = field(default_factory=list)

    @property
    def is_gone(self) -> bool:
        return self.link.state == LinkState.MISSING


def panel_of(segment: Segment, staff: Staff) -> Panel | None:
    """What to show of the list that the segment follows; None where it follows none."""
    link = links.link_of(segment)
    if link is None:
        return None
    link.store, link.segment = segment.store, segment
    latest = _syncs(segment.store).filter(link=link).select_related("asked_by").order_by("-pk").first()
    job = held = None
    if latest is not None:
        latest.store, latest.segment = segment.store, segment
        job = latest_job(latest)
        held = latest if latest.outcome == SyncOutcome.HELD else held_before(segment.store, [latest]).get(link.pk)
    return Panel(
        link=link,
        source=label_of(link.connection.source),
        kind=kind_label(link.connection.source, link.kind),
        latest=latest,
        job=job,
        mark=standing.mark(standing.standing(latest, job)) if latest else "",
        came_to=standing.came_to(latest, job) if latest and latest.outcome == SyncOutcome.APPLIED else "",
        notices=[notice for notice in _notices(link, held, latest, job, staff) if notice is not None],
    )


def _syncs(store: Store) -> QuerySet[Sync]:
    return Sync.objects.for_store(store)


def _notices(
    link: ExternalLink, held: Sync | None, latest: Sync | None, job: Job | None, staff: Staff
) -> Iterable[Notice | None]:
    yield _of_connection(link, staff)
    yield _of_missing(link, staff)
    if held is not None:
        yield _of_held(link, held)
    if latest is not None:
        yield _of_latest(link, latest, job)
    yield _of_daily(link, staff)


def _of_connection(link: ExternalLink, staff: Staff) -> Notice | None:
    connection = link.connection
    if connection.is_connected:
        return None
    source = label_of(connection.source)
    url = label = ""
    if may := staff.may(Permission.MANAGE_CONNECTIONS):
        url, label = reverse("segments:connections", args=(link.store.slug,)), "Settings ▸ Connections"
    ask = "" if may else " Ask an owner of the store."
    if connection.state == ConnectionState.REFUSED:
        text = f"{connection.said} Members stay as they are, and nothing is synced until that is mended.{ask}"
        return Notice("danger", f"{source} needs attention", text, url, label)
    text = f"Members stay as they are, and nothing is synced until {source} is connected again.{ask}"
    return Notice("warning", f"{source} is disconnected", text, url, label)


def _of_missing(link: ExternalLink, staff: Staff) -> Notice | None:
    if link.state != LinkState.MISSING:
        return None
    source = label_of(link.connection.source)
    text = (
        f"“{link.name}” was deleted there, or the key may not see it any more. Nobody was removed. "
        f"Bring it back at {source}, or unlink the segment from it."
    )
    may = staff.may(Permission.EDIT_SEGMENTS)
    url = reverse("segments:unlink", args=(link.store.slug, link.segment_id)) if may else ""
    return Notice("danger", f"Gone at {source}", text, url, "Unlink" if may else "")


def _of_held(link: ExternalLink, held: Sync) -> Notice:
    held.store = link.store
    text = f"{standing.came_to(held, None)}: more than a sync may do here unasked. Nothing was changed so far."
    return Notice("warning", "A sync waits for a decision", text, held.get_absolute_url(), "Look at it")


def _of_latest(link: ExternalLink, latest: Sync, job: Job | None) -> Notice | None:
    failed = standing.standing(latest, job) == Standing.FAILED
    if not failed or link.state == LinkState.MISSING or not link.connection.is_connected:
        return None
    url = latest.get_absolute_url()
    return Notice("danger", "The last sync did not work", standing.came_to(latest, job), url, "See the sync")


def _of_daily(link: ExternalLink, staff: Staff) -> Notice | None:
    if link.is_synced_daily:
        return None
    may = staff.may(Permission.MANAGE_CONNECTIONS)
    if link.daily is None:
        since = _day(settings.DAILY_SYNC_SINCE.date())
        why = f"Segments that were imported before {since} are synced by hand, until an owner turns the daily sync on."
    else:
        why = "An owner has turned the daily sync off."
    text = f"{why} Use Manage ▸ Sync from {label_of(link.connection.source)} to update it."
    url = reverse("segments:sync_settings", args=(link.store.slug, link.segment_id)) if may else ""
    return Notice("info", "This segment is not synced daily", text, url, "Turn it on" if may else "")


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


# --- The list of segments ---


@dataclass(frozen=True)
class Following:
    """What the list of segments says of one that follows a list: its kind, and what is wrong, in two or three words."""

    kind: str
    trouble: str = ""


def following(store: Store, segments: Iterable[Segment]) -> dict[int, Following]:
    """Segment → what it follows, for those that follow a list elsewhere."""
    newest = Sync.objects.for_store(store).filter(link=OuterRef("pk"), segment=OuterRef("segment")).order_by("-pk")
    found = ExternalLink.objects.for_store(store).filter(segment__in=[segment.pk for segment in segments])
    rows = list(found.select_related("connection").annotate(newest=Subquery(newest.values("pk")[:1])))
    if not rows:
        return {}
    syncs = {sync.pk: sync for sync in _syncs(store).filter(pk__in=[row.newest for row in rows if row.newest])}
    unsettled = [sync for sync in syncs.values() if sync.outcome in {"", SyncOutcome.ACCEPTED}]
    jobs = latest_jobs(store, unsettled)
    held = held_before(store, unsettled)
    return {
        link.segment_id: Following(
            kind_label(link.connection.source, link.kind),
            _trouble(link, held.get(link.pk) or syncs.get(link.newest), jobs),
        )
        for link in rows
    }


def _trouble(link: ExternalLink, newest: Sync | None, jobs: dict[int, Job]) -> str:
    if not link.connection.is_connected:
        return "Not connected" if link.connection.state == ConnectionState.DISCONNECTED else "Needs attention"
    if link.state == LinkState.MISSING:
        return f"Gone at {label_of(link.connection.source)}"
    at = standing.standing(newest, jobs.get(newest.pk)) if newest else None
    return {Standing.HELD: "Waits for a decision", Standing.FAILED: "Last sync failed"}.get(at, "") if at else ""
