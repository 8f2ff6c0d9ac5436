"""Runs a few programs under one foreground process and lets none of them outlive it.

Each program has a process group of its own, so the terminal's Ctrl-C reaches this process alone, which then stops them
in order: SIGTERM, ten seconds, SIGKILL for the whole group. On Linux the kernel ends them even when this process is
killed outright. What they print goes to one log file each; warnings and errors are said here too, each once a minute.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from portal import processes

STOP_SECONDS = 10.0
STEADY_SECONDS = 60.0
BACK_OFF_MOST = 30.0
LOG_BYTES = 5_000_000
TRIES_BEFORE_READY = 3
ROUTINE_FIELDS = {"event", "level", "logger", "timestamp", "exception"}


def notable(line: str) -> str | None:
    """What of a log line is worth a person's attention: the gist of a warning or an error, in one line, or nothing."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line.strip() if re.search(r"\b(WARNING|ERROR|CRITICAL|FATAL)\b", line) else None
    if not isinstance(entry, dict) or entry.get("level") not in {"warning", "error", "critical"}:
        return None
    if entry.get("logger") == "py.warnings":
        return None  # advice for those who write the code
    if entry.get("logger") == "django.request" and "exception" not in entry:
        return None  # an answer like 404 or 503 is the visitor's business; an error behind it is ours
    message = str(entry.get("event", "")).strip().partition("\n")[0]
    details = [f"{name}={value}" for name, value in entry.items() if name not in ROUTINE_FIELDS]
    if last := str(entry.get("exception", "")).strip().rpartition("\n")[2]:
        details.append(last)
    return f"{message} ({', '.join(details)})" if details else message


@dataclass(frozen=True)
class Program:
    """A name for people and log files, and the command to run."""

    name: str
    command: list[str]
    needed: bool = True
    """Whether the run ends when this one never starts."""


class LogFile:
    """Appends to a file and keeps one older generation of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab")

    def write(self, data: bytes) -> None:
        if self._file.tell() > LOG_BYTES:
            self._file.close()
            self.path.replace(self.path.with_suffix(".log.1"))
            self._file = self.path.open("ab")
        self._file.write(data)
        self._file.flush()

    def tail(self) -> str:
        return "\n".join(self.path.read_text(errors="replace").splitlines()[-15:])


class Child:
    """A program, its present process, its log file, and how often it has failed in a row."""

    def __init__(self, program: Program, log_dir: Path) -> None:
        self.name, self.command, self.needed = program.name, program.command, program.needed
        self.log = LogFile(log_dir / f"{program.name}.log")
        self.process: subprocess.Popen[bytes] | None = None
        self.output = -1
        self.failures = 0
        self.start_at = 0.0
        self.last_line = ""
        self._started_at = 0.0
        self._rest = b""

    def start(self) -> None:
        """Start the program; `output` is then the descriptor that what it prints arrives on."""
        self._started_at, self.last_line, self._rest = time.monotonic(), "", b""
        self.output, theirs = os.pipe()
        os.set_blocking(self.output, False)
        self.process = processes.start(self.command, stdout=theirs, stderr=subprocess.STDOUT)
        os.close(theirs)

    def read(self) -> list[str] | None:
        """Log what the program has printed, and return the whole lines of it; None when there is nothing to read."""
        try:
            data = os.read(self.output, 65536)
        except BlockingIOError:
            return None
        if not data:
            return None
        self.log.write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        texts = [line.decode(errors="replace") for line in lines]
        self.last_line = next((text for text in reversed(texts) if text.strip()), self.last_line)
        return texts

    def note_failure(self) -> float:
        """Count a crash; returns the seconds to wait before the next start."""
        now = time.monotonic()
        self.failures = 1 if now - self._started_at > STEADY_SECONDS else self.failures + 1
        pause = min(2.0 ** (self.failures - 1), BACK_OFF_MOST)
        self.start_at = now + pause
        return pause


class Supervisor:
    """Runs `programs` until it is asked to stop.

    `is_ready` is asked until it says yes, then `on_ready` is called once. `say` shows a line to the person.
    """

    def __init__(
        self,
        programs: list[Program],
        log_dir: Path,
        *,
        is_ready: Callable[[], bool],
        on_ready: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self.children = [Child(program, log_dir) for program in programs]
        self._is_ready, self._on_ready, self._say = is_ready, on_ready, say
        self._ready = self._hurry = False
        self._asked_at: float | None = None
        self._said: dict[str, float] = {}
        self._selector = selectors.DefaultSelector()

    def request_stop(self) -> None:
        """Ask for the end; asked again a while later, it means at once (a group and its leader often both tell us)."""
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
        elif now - self._asked_at > 1:
            self._hurry = True

    def run(self) -> int:
        """Run until asked to stop; returns 0, or 1 when a program cannot be started at all."""
        try:
            while self._asked_at is None:
                for child in self.children:
                    self._keep_up(child)
                    if child.failures >= TRIES_BEFORE_READY and child.needed and not self._ready:
                        self._say(f"{child.name} does not start. The end of {child.log.path}:\n{child.log.tail()}")
                        return 1
                self._pump(0.25)
                if not self._ready and self._is_ready():
                    self._ready = True
                    self._on_ready()
            return 0
        finally:
            self._stop()

    def _keep_up(self, child: Child) -> None:
        """Start what has to start; notice what has ended by itself and plan its next start."""
        if child.process is None:
            if time.monotonic() >= child.start_at:
                child.start()
                self._selector.register(child.output, selectors.EVENT_READ, child)
            return
        if (code := child.process.poll()) is None:
            return
        self._let_go(child)
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        reason = f", {child.last_line[:200]}" if child.last_line and code > 0 else ""
        self._say(f"{child.name} stopped ({how}{reason}). Starting it again in {child.note_failure():.0f} s.")

    def _pump(self, seconds: float) -> None:
        """Wait up to `seconds` for output and pass it on."""
        for key, _ in self._selector.select(seconds):
            if (lines := key.data.read()) is None:
                # Its last holder has closed the pipe; the process itself is about to be noticed as ended.
                self._selector.unregister(key.fd)
            for line in lines or ():
                self._report(key.data, line)

    def _report(self, child: Child, line: str) -> None:
        if not (message := notable(line)):
            return
        topic, now = f"{child.name}: {message[:60]}", time.monotonic()
        if now - self._said.get(topic, -STEADY_SECONDS) >= STEADY_SECONDS:
            self._said[topic] = now
            self._say(f"{child.name}: {message[:300]}")

    def _let_go(self, child: Child) -> None:
        """End what is left of a child's group and forget its process."""
        if child.process is None:
            return
        processes.end_group(child.process)
        while (lines := child.read()) is not None:
            for line in lines:
                self._report(child, line)
        if child.output in self._selector.get_map():
            self._selector.unregister(child.output)
        os.close(child.output)
        child.process = None

    def _stop(self) -> None:
        running = [child.process for child in self.children if child.process]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while any(process.poll() is None for process in running):
            if self._hurry or time.monotonic() > deadline:
                break
            self._pump(0.1)
        for child in self.children:
            self._let_go(child)
