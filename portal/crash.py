"""Named places in the code where a test may let this very process die, freeze or wait.

Nothing here does anything unless the environment says so, which only the tests of crashes do:

- `CRASH_AT=name:n`: the process kills itself, as `kill -9` does, when it comes to the place `name` for the n-th time;
- `FREEZE_AT=name:n`: it stops itself there, as a machine that sleeps does, until somebody continues it (SIGCONT);
- `ABORT_ON=text`: it aborts, as after a fault in native code, whenever a row that holds `text` is worked on.

A place stands before or after whatever must not be torn apart: a commit, a message, a file.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping

_PARTS = ("CRASH_AT", "FREEZE_AT")


class _Fault:
    """Sends this process `number` when it comes to the place for the n-th time."""

    def __init__(self, said: str, number: signal.Signals) -> None:
        self._name, _, count = said.rpartition(":")
        self._left, self._number = int(count), number

    def __call__(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._number)


def _nowhere(name: str) -> None:
    """Pass the place `name`."""


def _harmless(texts: Callable[[], Iterable[str]]) -> None:
    """Take up the rows that hold these `texts`; they are not even asked for."""


def _aborting_on(poison: str) -> Callable[[Callable[[], Iterable[str]]], None]:
    def taste(texts: Callable[[], Iterable[str]]) -> None:
        if any(poison in text for text in texts()):
            os.abort()

    return taste


point: Callable[[str], None] = _nowhere
taste: Callable[[Callable[[], Iterable[str]]], None] = _harmless


def arm(switches: Mapping[str, str]) -> None:
    """Do from now on what `switches` (the variables above) say, and nothing else."""
    global point, taste  # noqa: PLW0603  (bound once, so that an unarmed place costs one empty call)
    numbers = dict(zip(_PARTS, (signal.SIGKILL, signal.SIGSTOP), strict=True))
    faults = [_Fault(switches[part], number) for part, number in numbers.items() if switches.get(part)]
    point = _all_of(faults) if faults else _nowhere
    taste = _aborting_on(switches["ABORT_ON"]) if switches.get("ABORT_ON") else _harmless


def _all_of(faults: list[_Fault]) -> Callable[[str], None]:
    def at(name: str) -> None:
        for fault in faults:
            fault(name)

    return at


arm(os.environ)
