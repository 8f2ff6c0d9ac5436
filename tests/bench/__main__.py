"""`python -m tests.bench`: measure, and print the table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.bench import measures
from tests.bench.doors import Desk
from tests.bench.figures import Report, machine
from tests.bench.ingest import SECONDS, ingest
from tests.bench.metrics import metrics
from tests.bench.source import Source, served
from tests.bench.syncs import syncs
from tests.bench.town import build, slug_of
from tests.processes.installation import Installation
from tests.processes.servers import Postgres

SIZES = (10_000, 100_000, 1_000_000)
SERVER = (
    "shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min", "work_mem=32MB", "maintenance_work_mem=256MB",
    "random_page_cost=1.1", "effective_cache_size=4GB",
)  # fmt: skip
"""How a server of this size is commonly set up; what is said to be on disk is on disk (fsync)."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="customers of a store, separated by commas")
    parser.add_argument("--json", type=Path, default=Path("test-results/bench.json"), help="where the figures go")
    parser.add_argument("--only", choices=["ingest", "metrics", "syncs"], help="measure nothing else")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long events are sent")
    options = parser.parse_args()
    sizes = sorted(int(size) for size in options.sizes.split(","))
    report = Report()
    production = partial(Installation, DJANGO_SETTINGS_MODULE="tests.bench.settings", COTERIE_JOB_LEASE_SECONDS="30")
    with tempfile.TemporaryDirectory(prefix="coterie-bench-") as directory, Postgres(*SERVER) as server:
        if options.only in (None, "ingest"):
            (own := Path(directory) / "ingest").mkdir()
            with production(own, server.url()) as installation:
                print(f"{machine()}. Events by HTTP", flush=True)
                ingest(installation, report, seconds=options.seconds)
                installation.manage("check_invariants")
        if options.only != "ingest":
            with (
                served(sizes) as source,
                production(Path(directory), server.url(), KLAVIYO_API_URL=source.url) as installation,
            ):
                measure_stores(installation, source, sizes, report, only=options.only)
    print(f"\n{report.table()}")
    report.write_json(options.json, server=", ".join(SERVER))
    missed = [f"{figure.name} ({figure.size:,})" for figure in report.figures if figure.holds is False]
    print(f"\nBounds missed: {'; '.join(missed) or 'none'}. As JSON: {options.json}")
    return 0


def measure_stores(
    installation: Installation, source: Source, sizes: list[int], report: Report, *, only: str | None
) -> None:
    """Build the stores, and measure what is done in them."""
    print(f"{machine()}. Building {sum(sizes):,} customers …", flush=True)
    stores = build(installation, sizes)
    desk = Desk(installation)
    for size in sizes:
        store = measures.Store(desk, report, stores[slug_of(size)], size)
        print(f"\n{size:,} customers", flush=True)
        if only is None:
            measure(store)
        if only in (None, "metrics"):
            metrics(store)
        if only in (None, "syncs"):
            syncs(store, source)
    installation.manage("check_invariants", seconds=900)


def measure(store: measures.Store) -> None:
    segment = measures.upload(store)
    measures.pages(store, segment)
    measures.exports(store, segment)
    measures.removal(store, segment)
    measures.customers(store)
    if store.is_large:
        measures.peer(store)


if __name__ == "__main__":
    sys.exit(main())
