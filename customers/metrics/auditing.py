"""What the store's data covers, and what it does not: for the page that audits it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min

from customers.metrics import measuring
from customers.metrics.metric import Group, Metric
from customers.metrics.registry import of_group
from customers.models import ArrivalDay, CustomerImport, CustomerMetrics, ImportKind, MetricsState, Order, WayIn
from portal.models import Store

_MAY_BE_MISSING = (
    ("orders_count", "Orders", "None has come in: nothing is known of spending, gaps and scores.", "orders"),
    ("subscribed_since", "Subscriptions", "None has come in: no plans, intervals or cancellations.", "subscriptions"),
    ("last_seen_at", "Events", "None of a customer has come in: no sessions, no features.", "events"),
    ("logins_90d", "Logins", "No event says that somebody logged in.", "events"),
    ("emails_opened_90d", "E-mails", "No event says that an e-mail was opened or clicked.", "events"),
    ("skips", "Skips and pauses", "No event tells of subscriptions that were skipped or paused.", "events"),
    ("acquisition_channel", "Channels", "Neither profiles, orders nor campaigns say how customers came.", "orders"),
)
"""Metric → what is not known where it is known of nobody, why, and what file would bring it."""
MODELS = {"orders": "Probability of being active, expected orders", "amounts": "Expected order value"}


@dataclass(frozen=True)
class Covered:
    metric: Metric
    known: int
    share: float
    since: datetime | None

    @property
    def percent(self) -> str:
        return f"{self.share * 100:.0f} %"


@dataclass(frozen=True)
class Audited:
    """A group of metrics, and how much is known of it."""

    group: Group
    rows: list[Covered]

    @property
    def having(self) -> int:
        """How many of the metrics are known of anybody."""
        return sum(row.known > 0 for row in self.rows)

    @property
    def is_partly_known(self) -> bool:
        return 0 < self.having < len(self.rows)

    @property
    def since(self) -> datetime | None:
        return min((row.since for row in self.rows if row.since), default=None)

    @property
    def percents(self) -> str:
        """From the least to the most known of those that are known of anybody."""
        known = sorted((row for row in self.rows if row.known), key=lambda row: row.share)
        if not known or known[0].percent == known[-1].percent:
            return known[0].percent if known else ""
        return f"{known[0].percent.removesuffix(' %')} to {known[-1].percent}"


@dataclass(frozen=True)
class Arrived:
    """What came from a source in the last day."""

    label: str
    kind: str
    received: int
    stored: int
    wrong: int
    link: WayIn | None = None


@dataclass(frozen=True)
class BlindSpot:
    """What cannot be known, and what to do about it: `connect` a source, or `bring` a file of orders, subscriptions or
    events."""

    what: str
    why: str
    bring: str = ""
    connect: bool = False

    @property
    def page(self) -> str:
        return f"customers:import_{self.bring}"


def state_of(store: Store) -> MetricsState | None:
    found: MetricsState | None = MetricsState.objects.for_store(store).first()
    return found


def coverage(store: Store, state: MetricsState | None) -> dict[str, Any]:
    """Of how many customers each metric is known: asked at once where that is quick, else as it was kept last."""
    kept = dict(state.coverage) if state is not None else {}
    events = _events_since(store, state)
    rows = CustomerMetrics.objects.for_store(store).order_by().values("pk")[: measuring.LIVE_MOST + 1]
    if rows.count() > measuring.LIVE_MOST:
        return {"customers": 0, **kept, "since": kept.get("since", {}) | events}
    return measuring.whole_coverage(store, events)


def _events_since(store: Store, state: MetricsState | None) -> dict[str, str]:
    """Since when there are events of customers: what was found when all was measured last, which the days of arrivals
    since then may take back further; asking the events themselves takes too long for a page."""
    days, found = ArrivalDay.objects.for_store(store), []
    if state is not None and state.full_at is not None:
        days = days.filter(day__gte=store.day(state.full_at))
        found = [datetime.fromisoformat(at) for at in [state.coverage.get("since", {}).get("events")] if at]
    found += filter(None, [days.aggregate(first=Min("earliest"))["first"]])
    return {"events": min(found).isoformat()} if found else {}


def groups(found: dict[str, Any]) -> list[Audited]:
    everybody = found.get("customers", 0)
    since = {name: datetime.fromisoformat(at) for name, at in found.get("since", {}).items() if at}

    def covered(metric: Metric) -> Covered:
        known = found.get(metric.name, 0)
        source = "events" if metric.needs == "email" else metric.needs
        return Covered(metric, known, known / everybody if everybody else 0.0, since.get(source) if known else None)

    return [Audited(group, [covered(metric) for metric in of_group(group)]) for group in Group]


def arrived(store: Store, now: datetime) -> list[Arrived]:
    """What came in the last day: by the ways in (today and yesterday by the store's calendar), by orders of each
    source, and by files."""
    today = store.day(now)
    days = ArrivalDay.objects.for_store(store).filter(day__gte=today - timedelta(days=1)).select_related("way_in")
    found: dict[int, list[ArrivalDay]] = {}
    for row in days:
        found.setdefault(row.way_in_id, []).append(row)
    ways = [_arrived(way, found.get(way.pk, [])) for way in WayIn.objects.for_store(store).filter(revoked_at=None)]
    lately = now - timedelta(days=1)
    orders = Order.objects.for_store(store).filter(placed_at__gte=lately).order_by().values("source")
    sold = [
        Arrived(f"Orders from {row['source']}", "Placed in the last 24 hours", row["n"], row["n"], 0)
        for row in orders.annotate(n=Count("pk")).order_by("source")
    ]
    files = CustomerImport.objects.for_store(store).filter(created_at__gte=lately).order_by("-pk")[:10]
    return ways + sold + [Arrived(file.filename, "File", file.row_count, _stored(file), _wrong(file)) for file in files]


def _arrived(way: WayIn, days: list[ArrivalDay]) -> Arrived:
    received, stored = sum(day.received for day in days), sum(day.stored for day in days)
    return Arrived(way.label, way.get_kind_display(), received, stored, sum(day.invalid for day in days), way)


def _stored(file: CustomerImport) -> int:
    # Events of nobody are kept, for whoever turns out to be meant.
    waiting = file.counts.get("unmatched", 0) if file.kind == ImportKind.EVENTS else 0
    return int(file.counts.get("created", 0)) + int(file.counts.get("updated", 0)) + int(waiting)


def _wrong(file: CustomerImport) -> int:
    return int(file.counts.get("invalid", 0))


def blind_spots(store: Store, found: dict[str, Any], state: MetricsState | None) -> list[BlindSpot]:
    """What nobody can tell from the data that there is, and what to connect."""
    spots = [
        BlindSpot(what, why, bring, True)
        for metric, what, why, bring in _MAY_BE_MISSING
        if found.get("customers") and not found.get(metric)
    ]
    for currency, count in sorted(found.get("foreign", {}).items()):
        why = f"{count:,} orders are in {currency}: they count as orders, their amounts do not, as the store's are in"
        spots.append(BlindSpot(f"Amounts in {currency}", f"{why} {store.currency}."))
    for name, why in (state.fit.get("why", {}) if state is not None else {}).items():
        if found.get("orders_count"):
            spots.append(BlindSpot(MODELS[name], why))
    return spots
