"""The supervisor with small programs: it stops them, starts them again, and never leaves one behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.supervisor import notable

ROOT = Path(__file__).resolve().parents[1]
# Each program has a child of its own, as gunicorn and Celery do, and writes down both.
PROGRAM = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} {child.pid}")
print("started", flush=True)
time.sleep(600)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + PROGRAM
SUPERVISOR = """
import pathlib, sys
from portal import processes, supervisor
supervisor.STOP_SECONDS = 1.0
here, programs = pathlib.Path(sys.argv[1]), [supervisor.Program(*part) for part in eval(sys.argv[2])]
made = supervisor.Supervisor(
    programs, here / "logs", is_ready=lambda: all((here / one.name).exists() for one in programs),
    on_ready=lambda: print("ready", flush=True), say=lambda text: print(text, flush=True),
)
with processes.stop_signals(made.request_stop):
    sys.exit(made.run())
"""


class Run:
    """A supervisor in a process of its own, with what it said."""

    def __init__(self, directory: Path, **programs: str) -> None:
        self.directory, self.names = directory, list(programs)
        listed = [
            (name, [sys.executable, "-c", text, str(directory / name)], name != "spare")
            for name, text in programs.items()
        ]
        self.output = directory / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISOR, str(directory), repr(listed)], stdout=output, stderr=output, cwd=ROOT
            )

    def said(self) -> str:
        return self.output.read_text()

    def pids(self) -> list[int]:
        return [int(pid) for name in self.names for pid in (self.directory / name).read_text().split()]

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)

    def ready(self) -> Run:
        self.until(lambda: "ready" in self.said() and len(self.pids()) == 2 * len(self.names))
        return self

    def nothing_is_left(self) -> None:
        self.until(lambda: not any(is_running(pid) for pid in self.pids()))


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        if Path("/proc/self/stat").exists():
            return False
        return subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode == 0
    return state != "Z"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def begin(**programs: str) -> Run:
        runs.append(Run(tmp_path, **programs))
        return runs[-1]

    yield begin
    for run in runs:
        run.process.kill()
        run.process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_of_it(start: Callable[..., Run], number: int) -> None:
    run = start(one=PROGRAM, two=PROGRAM).ready()
    run.process.send_signal(number)
    assert run.process.wait(20) == 0
    run.nothing_is_left()


def test_a_program_that_will_not_stop_is_killed(start: Callable[..., Run]) -> None:
    run = start(one=STUBBORN).ready()
    run.process.terminate()
    assert run.process.wait(20) == 0
    run.nothing_is_left()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed process")
def test_the_programs_do_not_outlive_a_killed_supervisor(start: Callable[..., Run]) -> None:
    run = start(one=STUBBORN).ready()
    leader, _ = run.pids()
    run.process.kill()
    run.until(lambda: not is_running(leader))
    os.killpg(leader, signal.SIGKILL)


def test_a_killed_program_starts_again_and_its_children_go(start: Callable[..., Run]) -> None:
    run = start(one=PROGRAM, two=PROGRAM).ready()
    first, child, *_ = run.pids()
    os.kill(first, signal.SIGKILL)
    run.until(lambda: run.pids()[0] != first)
    run.until(lambda: not is_running(child))
    assert "one stopped (killed by SIGKILL). Starting it again in 1 s." in run.said()
    assert "two stopped" not in run.said()


def test_a_program_that_never_starts_ends_the_run_with_its_words(start: Callable[..., Run]) -> None:
    run = start(one=PROGRAM, broken="print('no such table: portal_store'); raise SystemExit(3)")
    assert run.process.wait(20) == 1
    assert "broken stopped (exit code 3, no such table: portal_store)" in run.said()
    assert "broken does not start." in run.said()
    assert not is_running(int((run.directory / "one").read_text().split()[0]))


def test_a_program_that_is_not_needed_may_never_start(start: Callable[..., Run]) -> None:
    run = start(one=PROGRAM, spare="print('port in use'); raise SystemExit(1)")
    run.until(lambda: run.said().count("spare stopped (exit code 1, port in use)") == 3)
    time.sleep(0.5)
    assert run.process.poll() is None
    assert "spare does not start" not in run.said()
    run.process.terminate()
    assert run.process.wait(20) == 0


def test_what_programs_print_is_kept_and_trouble_is_said(start: Callable[..., Run]) -> None:
    noisy = "print('all is well'); print('[ERROR] no space left', flush=True)\n" * 3 + PROGRAM
    run = start(one=noisy).ready()
    run.until(lambda: "one: [ERROR] no space left" in run.said())
    assert (run.directory / "logs" / "one.log").read_text().count("no space left") == 3
    assert run.said().count("no space left") == 1
    assert "all is well" not in run.said()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"level": "info", "event": "started"}, None),
        ({"level": "warning", "event": "late"}, "late"),
        ({"level": "error", "event": "failed", "exception": "Traceback\n  x\nKeyError: 'a'"}, "failed (KeyError: 'a')"),
        ({"level": "warning", "event": "Not Found: /x", "logger": "django.request"}, None),
        ({"level": "error", "event": "Bad: /x", "logger": "django.request", "exception": "E\nF: g"}, "Bad: /x (F: g)"),
        ({"level": "warning", "event": "unhealthy", "part": "broker"}, "unhealthy (part=broker)"),
        ({"level": "error", "event": "Away.\nTrying again in 2 s.\n"}, "Away."),
        ({"level": "warning", "event": "use the new name", "logger": "py.warnings"}, None),
        (["level", "error"], None),
    ],
)
def test_which_log_lines_are_worth_saying(entry: object, said: str | None) -> None:
    assert notable(json.dumps(entry)) == said
