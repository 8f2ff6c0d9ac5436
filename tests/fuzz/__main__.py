"""`make fuzz`: FILES=100000 files in WORKERS=2 processes from SEED, or, with AT=12, the file of that number alone. With
ONLY=requests it is requests, webhooks and rows that are made, of each number one for every reader of a way in."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from random import SystemRandom

from tests.fuzz.stripes import KEEP, open_place, stripe
from tests.fuzz.tally import Tally

STRIPE = 1_000
MOST_GROWTH = 64 * 1024**2


@dataclass(frozen=True)
class Asked:
    """What to run, from the environment."""

    files: int
    workers: int
    seed: int
    at: int | None

    @classmethod
    def from_environment(cls) -> Asked:
        def number(name: str, default: int) -> int:
            return int(os.environ.get(name) or default)

        at = os.environ.get("AT")
        seed = number("SEED", SystemRandom().randrange(1_000_000))
        return cls(number("FILES", 100_000), number("WORKERS", 2), seed, int(at) if at else None)


def main() -> int:
    asked = Asked.from_environment()
    what = f"file {asked.at}" if asked.at is not None else f"{asked.files:,} files in {asked.workers} processes"
    print(f"seed {asked.seed}: {what}; SEED={asked.seed} makes the same again")
    if asked.at is not None:
        open_place()
        tally = stripe(asked.seed, asked.at, 1)
        print(*tally.failures or ["nothing is wrong with it"], sep="\n")
        return bool(tally.failures)
    started = time.monotonic()
    tally = _all(asked)
    _tell(asked, tally, time.monotonic() - started)
    return bool(tally.failures) or tally.memory[-1] - tally.memory[0] > MOST_GROWTH


def _all(asked: Asked) -> Tally:
    whole = Tally()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(asked.workers, mp_context=context, initializer=open_place) as pool:
        waiting = [
            pool.submit(stripe, asked.seed, first, min(STRIPE, asked.files - first))
            for first in range(0, asked.files, STRIPE)
        ]
        for done in as_completed(waiting):
            tally = done.result()
            whole.add(tally)
            for failure in tally.failures:
                print(failure, flush=True)
            print(f"{whole.files:,} files, {len(whole.failures)} failures", flush=True)
    return whole


def _tell(asked: Asked, tally: Tally, seconds: float) -> None:
    refused = sum(count for why, count in tally.refused.items() if why)
    slowest, number = tally.slowest
    # The first stripes fill caches and see the first giants.
    settled = tally.memory[len(tally.memory) // 5 :]
    tally.memory = [min(settled), max(settled)]
    lines = [
        f"{tally.files:,} files, {tally.size / 1e6:,.0f} MB, in {seconds:,.0f} s; {tally.values:,} single values",
        f"{tally.refused['']:,} read with {tally.rows:,} rows ({tally.bad:,} of them bad), {refused:,} refused",
        f"{tally.through_doors:,} of them through both doors into a database",
        f"slowest: {slowest:.2f} s of the processor (file {number})",
        f"memory: {tally.memory[0] / 1e6:,.0f} MB, at the end {tally.memory[1] / 1e6:,.0f} MB",
        f"failures: {len(tally.failures):,}" + (f", kept in {KEEP}" if tally.failures else ""),
    ]
    print(*lines, sep="\n")


if __name__ == "__main__":
    sys.exit(main())
