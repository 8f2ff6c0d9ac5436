"""Processes by the hundred, each with Django ready in it: a nursery is started once, and forks them.

What runs in a fork is a function of this package, named "module.function". It works on the real database over a
connection of its own, and a crash point, a freeze or a signal hits it and nobody else.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from portal import processes

ROOT = Path(__file__).resolve().parents[2]
FAILED = 70


@dataclass(frozen=True)
class Outcome:
    """How a fork ended: the number of the signal that ended it, or an error of its function, or its answer."""

    signal: int | None
    answer: Any
    failed: bool = False


class Nursery:
    """Forks with the environment of an installation; what they say stands in `log`."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.processes.nursery"],
                cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, process_group=0,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        processes.end_group(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def begin(self, function: str, *arguments: Any, **switches: str) -> int:
        """Start a fork, with the switches of portal.crash; its process id."""
        return int(self._say({"begin": [function, arguments, switches]}))

    def end(self, pid: int, *, may_fail: bool = False) -> Outcome:
        """Wait until the fork ends. Raises with its traceback when its function failed and `may_fail` is not said."""
        status, answer = self._say({"end": pid})
        if os.WIFSIGNALED(status):
            return Outcome(os.WTERMSIG(status), None)
        if may_fail and os.WEXITSTATUS(status) == FAILED:
            return Outcome(None, None, failed=True)
        assert os.WEXITSTATUS(status) == 0, self.log.read_text(errors="replace")[-6_000:]
        return Outcome(None, answer)

    def run(self, function: str, *arguments: Any, **switches: str) -> Outcome:
        """Start a fork, and wait until it ends."""
        return self.end(self.begin(function, *arguments, **switches))

    def _say(self, request: dict[str, Any]) -> Any:
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        to.write(json.dumps(request).encode() + b"\n")
        to.flush()
        line = back.readline()
        assert line, f"The nursery is gone: {self.log.read_text(errors='replace')[-6_000:]}"
        return json.loads(line)


# --- The nursery's own process ----------------------------------------------------------------------------------------


def _fork(function: str, arguments: list[Any], switches: dict[str, str]) -> tuple[int, int]:
    """Fork; its process id and where its answer can be read."""
    reading, writing = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    code = FAILED
    try:
        processes.die_with_parent(signal.SIGKILL, parent)
        os.close(reading)
        from portal import crash

        crash.arm(switches)
        module, _, name = function.rpartition(".")
        answer = getattr(importlib.import_module(f"tests.processes.{module}"), name)(*arguments)
        with os.fdopen(writing, "w") as pipe:
            json.dump(answer, pipe, default=str)
        code = 0
    except BaseException:  # noqa: BLE001  (a fork never goes on as its parent)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    import django

    django.setup()
    from tests.processes import histories, lists, scenes

    for module in (histories, lists):
        assert module  # its stories are told in forks, but not to warm up: they need a source
    # Whatever is loaded when first needed is loaded once, and not in each fork.
    scenes.warm_up()
    gc.collect()
    gc.freeze()
    # What the functions print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    born: dict[int, int] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "begin" in request:
            pid, pipe = _fork(*request["begin"])
            born[pid] = pipe
            said: Any = pid
        else:
            with os.fdopen(born.pop(request["end"])) as answered:
                text = answered.read()
            _, status = os.waitpid(request["end"], 0)
            said = [status, json.loads(text) if text else None]
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main()
