"""Writing sets of rows: the one place that knows SQL dialects.

Everything here takes portable querysets, runs inside the caller's transaction, and answers with counts of rows.
PostgreSQL loads by COPY; SQLite by executemany, in portions that keep its single writer's lock short.
"""

from __future__ import annotations

from django.db.models import Model

from portal.sets.among import Among, handfuls
from portal.sets.joining import ROWS, DaysBetween, Given, Grouped, Joined, Listed, Of, Part, Rows, SecondsBetween
from portal.sets.loading import load
from portal.sets.tables import connection_of
from portal.sets.writing import (
    assign,
    by_indexes,
    delete_matching,
    insert_from,
    overwrite,
    refresh_statistics,
    upsert_from,
)

__all__ = [
    "ROWS", "Among", "DaysBetween", "Given", "Grouped", "Joined", "Listed", "Of", "Part", "Rows", "SecondsBetween",
    "assign", "by_indexes", "chunk_size", "delete_matching", "handfuls", "insert_from", "load", "overwrite",
    "reckoned_chunk_size", "refresh_statistics", "upsert_from",
]  # fmt: skip

CHUNKS = {"sqlite": 5_000, "postgresql": 25_000}
RECKONED_CHUNKS = {"sqlite": 500, "postgresql": 25_000}


def chunk_size(model: type[Model]) -> int:
    """Rows that one transaction should write at most."""
    return CHUNKS[connection_of(model).vendor]


def reckoned_chunk_size(model: type[Model]) -> int:
    """The same of rows for each of which a lot is reckoned; with SQLite nobody else can write until it is done."""
    return min(chunk_size(model), RECKONED_CHUNKS[connection_of(model).vendor])
