"""A segment's size over time as components/chart.html draws it."""

from __future__ import annotations

from typing import Any

from segments import queries
from segments.models import Segment

RANGES = (30, 90, 365)
DEFAULT_RANGE = 90


def chosen_days(text: str) -> int:
    """One of RANGES, by what the address says; the default for anything else."""
    return next((days for days in RANGES if str(days) == text), DEFAULT_RANGE)


def size_chart(segment: Segment, days: int) -> dict[str, Any]:
    """Members at the end of each day; in the table beside it the latest day comes first."""
    sizes = queries.sizes(segment, days)
    labels = [day.isoformat() for day, _ in sizes]
    return {
        "title": "Members",
        "note": f"last {days} days",
        "kind": "area",
        "labels": labels,
        "series": [{"name": "Members", "values": [size for _, size in sizes]}],
        "rows": [(day.isoformat(), [size]) for day, size in reversed(sizes)],
    }
