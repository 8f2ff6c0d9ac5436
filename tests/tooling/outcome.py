"""What became of a stage, and the table that says so at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

PASSED, FAILED, NOT_RUN = "passed", "FAILED", "NOT RUN"


class UnavailableError(Exception):
    """Something a stage needs could not be had; the message says what was tried."""


@dataclass
class Counts:
    """Tests that passed, failed (errors among them) and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        return f"{text}, {self.skipped} skipped" if self.skipped else text


@dataclass
class Outcome:
    """The end of one stage: its state, why (when it is not passed), the tests in it, and how long it took."""

    state: str
    reason: str = ""
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0


def read_counts(report: Path) -> Counts:
    """The counts in a JUnit report; nothing when pytest did not get as far as writing one."""
    if not report.exists():
        return Counts()
    total = Counts()
    for suite in ET.parse(report).iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
        )
        total += Counts(tests - failures - errors - skipped, failures + errors, skipped)
    return total


def read_failed(report: Path) -> list[str]:
    """The names of the tests that failed by a JUnit report."""
    if not report.exists():
        return []
    cases = ET.parse(report).iter("testcase")
    return [
        case.get("name", "?") for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]


def second_try(first: Outcome, again: Outcome, names: list[str]) -> Outcome:
    """What became of tests of which few failed, and these were run once more."""
    ran = again.counts.passed + again.counts.failed + again.counts.skipped
    if again.state != PASSED or ran < first.counts.failed:
        return first
    passed = first.counts.passed + first.counts.failed
    reason = f"but only at the second try: {', '.join(names)}"
    return Outcome(PASSED, reason, Counts(passed, 0, first.counts.skipped))


def summary(outcomes: dict[str, Outcome], *, require_all: bool) -> tuple[str, int]:
    """The closing lines, the totals last, and the exit code: 1 when a stage failed, or did not run where all must."""
    lines = [
        f"  {title:42} {end.state:8} {end.seconds:5.0f} s  {end.reason}".rstrip() for title, end in outcomes.items()
    ]
    failed = [title for title, end in outcomes.items() if end.state == FAILED]
    missing = [f"{title} ({end.reason})" for title, end in outcomes.items() if end.state == NOT_RUN]
    if failed:
        lines.append(f"\nFAILED: {', '.join(failed)}")
    if missing:
        lines.append("\n" + "!" * 100)
        lines += [f"!! NOT RUN, SO NOT CHECKED: {entry}" for entry in missing]
        lines.append("!! Every stage has to run here, so this is a failure." if require_all else "!! The rest ran.")
        lines.append("!" * 100)
    total = sum((end.counts for end in outcomes.values()), Counts())
    return "\n".join([*lines, "", str(total)]), int(bool(failed or (missing and require_all)))
