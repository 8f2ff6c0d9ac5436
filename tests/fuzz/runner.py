"""One stripe of a run: files made, examined, counted; those that fail are kept."""

from __future__ import annotations

import ctypes
import gc
import resource
import traceback
from pathlib import Path
from random import Random

from tests.fuzz.mutators import made
from tests.fuzz.oracles import examine
from tests.fuzz.tally import Tally
from tests.fuzz.targets import TARGETS, WAYS_IN

FILES_A_VALUE = 2
"""The single values are tried with every so manieth file."""


def rng_of(seed: int, number: int, what: str = "file") -> Random:
    """The source of chance for one file, or one value, of a run."""
    return Random(f"{seed}:{what}:{number}")


def try_one(seed: int, number: int, tally: Tally, keep: Path | None) -> tuple[bytes, str]:
    """Make the file and examine it; what goes wrong is noted in the tally, and the file kept."""
    content, filename = made(rng_of(seed, number))
    tally.files += 1
    tally.size += len(content)
    try:
        outcome = examine(content, filename)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        note(tally, seed, number, "file", error, keep, (content, filename))
        return content, filename
    tally.refused[outcome.refused[:40]] += 1
    tally.rows += outcome.rows
    tally.bad += outcome.bad
    tally.slowest = max(tally.slowest, (outcome.seconds, number))
    return content, filename


def try_values(seed: int, number: int, tally: Tally) -> None:
    """Try each target once, with every so manieth file."""
    if number % FILES_A_VALUE:
        return
    for name, target in TARGETS.items():
        tally.values += 1
        try:
            target(rng_of(seed, number, name))
        except Exception as error:  # noqa: BLE001 - as above
            note(tally, seed, number, name, error, None, None)


def try_requests(seed: int, number: int, tally: Tally) -> None:
    """Try the readers of requests, webhooks and rows alone, each once."""
    for name, target in WAYS_IN.items():
        tally.values += 1
        try:
            target(rng_of(seed, number, name))
        except Exception as error:  # noqa: BLE001 - as above
            note(tally, seed, number, name, error, None, None)


def note(
    tally: Tally, seed: int, number: int, what: str, error: Exception, keep: Path | None, file: tuple[bytes, str] | None
) -> None:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    tally.failures.append(f"seed {seed}, {what} {number}: {type(error).__name__} at {where}: {error}"[:500])
    if keep is not None and file is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{seed}-{number}-{file[1][-40:].replace('/', '_')}").write_bytes(file[0])


def memory() -> int:
    """What this process holds now, in bytes: not the most it ever had, as that is what the oracles need, who keep all
    rows of a file to compare them."""
    gc.collect()
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # What was freed is given back first; otherwise it would count as held.
    ctypes.CDLL(None).malloc_trim(0)
    return int(statm.read_text().split()[1]) * resource.getpagesize()
