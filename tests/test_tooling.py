"""The tooling itself: what it counts and says, and that the files around the code keep up with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tooling.outcome import (
    FAILED,
    NOT_RUN,
    PASSED,
    Counts,
    Outcome,
    read_counts,
    read_failed,
    second_try,
    summary,
)

ROOT = Path(__file__).resolve().parents[1]


def test_the_last_line_is_the_total() -> None:
    outcomes = {
        "one": Outcome(PASSED, counts=Counts(passed=3)),
        "two": Outcome(FAILED, "1 failed", Counts(passed=2, failed=1, skipped=4)),
    }
    text, code = summary(outcomes, require_all=False)
    assert text.splitlines()[-1] == "5 passed, 1 failed, 4 skipped"
    assert "FAILED: two" in text
    assert code == 1


@pytest.mark.parametrize(("require_all", "code"), [(False, 0), (True, 1)])
def test_what_did_not_run_is_said_loudly(require_all: bool, code: int) -> None:
    outcomes = {"one": Outcome(PASSED, counts=Counts(passed=3)), "two": Outcome(NOT_RUN, "no Chromium")}
    text, end = summary(outcomes, require_all=require_all)
    assert "NOT RUN, SO NOT CHECKED: two (no Chromium)" in text
    assert text.splitlines()[-1] == "3 passed, 0 failed"
    assert end == code


def test_errors_count_as_failures(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3"/></testsuites>')
    assert read_counts(report) == Counts(passed=3, failed=3, skipped=3)
    assert read_counts(tmp_path / "absent.xml") == Counts()


SOME_FAILED = """
<testsuites><testsuite tests="3" failures="1" errors="1"><testcase name="well"/>
<testcase name="slow"><failure/></testcase><testcase name="broken[a]"><error/></testcase></testsuite></testsuites>
"""


def test_who_failed_is_named(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(SOME_FAILED)
    assert read_failed(report) == ["slow", "broken[a]"]
    assert read_failed(tmp_path / "absent.xml") == []


@pytest.mark.parametrize(
    ("again", "state", "said"),
    [
        (Outcome(PASSED, counts=Counts(passed=1, skipped=1)), PASSED, "only at the second try: slow, broken"),
        (Outcome(FAILED, "1 failed", Counts(passed=1, failed=1)), FAILED, "2 failed"),
        (Outcome(PASSED, counts=Counts(passed=1)), FAILED, "2 failed"),  # one of them was not run again
        (Outcome(NOT_RUN), FAILED, "2 failed"),
    ],
    ids=["passes", "fails again", "not all", "none"],
)
def test_a_second_try_is_told(again: Outcome, state: str, said: str) -> None:
    first = Outcome(FAILED, "2 failed", Counts(passed=5, failed=2, skipped=3))
    end = second_try(first, again, ["slow", "broken"])
    assert (end.state, said in end.reason) == (state, True)
    assert end.counts == (Counts(passed=7, skipped=3) if state == PASSED else first.counts)


def test_every_variable_is_explained_in_the_example() -> None:
    sources = [*(ROOT / "portal").rglob("*.py"), *(ROOT / "deploy").glob("*.py")]
    read = set()
    for source in sources:
        read |= set(re.findall(r'(?:env\.\w+\(|environ(?:\.get)?[\[(])\s*"([A-Z_]+)"', source.read_text()))
    explained = set(re.findall(r"\b[A-Z][A-Z_]{3,}\b", (ROOT / "deploy" / "example.env").read_text()))
    said_by_the_programs_themselves = {"DJANGO_SETTINGS_MODULE", "COTERIE_ROLE", "CONTENT_LENGTH"}
    assert read - said_by_the_programs_themselves <= explained


def test_the_locks_hold_what_was_asked_for() -> None:
    for name in ("base", "dev"):
        asked = (ROOT / "requirements" / f"{name}.in").read_text()
        locked = (ROOT / "requirements" / f"{name}.txt").read_text()
        for line in asked.splitlines():
            package = re.match(r"[a-z][a-z0-9-]*", line)
            assert not package or re.search(rf"^{package.group()}(\[|==)", locked, re.MULTILINE), line
        assert "--hash=sha256:" in locked
