"""`make test`: run every stage, whatever became of those before, and say at the end what became of each.

With CI=true or COTERIE_REQUIRE_ALL=1 a stage that could not run is a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time

from portal import processes
from tests.tooling.outcome import NOT_RUN, Outcome, UnavailableError, summary
from tests.tooling.stages import STAGES, Context, Stage, StopError


def run_stage(stage: Stage, context: Context) -> Outcome:
    print(f"\n=== {stage.title} {'=' * (90 - len(stage.title))}", flush=True)
    started = time.monotonic()
    try:
        outcome = stage.do(context)
    except UnavailableError as error:
        outcome = Outcome(NOT_RUN, str(error))
    outcome.seconds = time.monotonic() - started
    print(f"--- {stage.title}: {outcome.state} in {outcome.seconds:.0f} s {outcome.reason}".rstrip(), flush=True)
    return outcome


def stop_run() -> None:
    raise StopError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tooling", description=__doc__)
    parser.add_argument("--only", help=f"some stages, separated by commas: {', '.join(stage.word for stage in STAGES)}")
    only = set((parser.parse_args().only or "").split(",")) - {""}
    if unknown := only - {stage.word for stage in STAGES}:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")
    require_all = os.environ.get("CI") == "true" or os.environ.get("COTERIE_REQUIRE_ALL") == "1"
    outcomes: dict[str, Outcome] = {}
    with contextlib.closing(Context()) as context, processes.stop_signals(stop_run):
        for stage in STAGES:
            if not only or stage.word in only:
                outcomes[stage.title] = run_stage(stage, context)
    text, code = summary(outcomes, require_all=require_all)
    print(f"\n=== Summary {'=' * 83}\n{text}", flush=True)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StopError:
        sys.exit(128 + signal.SIGINT)
