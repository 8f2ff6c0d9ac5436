"""The switch that lets a process die at a named place, and that the places stand where something could be torn."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PASSES = "from portal import crash\nfor place in 'abab': crash.point(place)\ncrash.taste(lambda: ['good', 'bad'])"
NOT_NEAR_A_CRASH_POINT = {
    # What these write is one row with its line in the audit trail; no work follows from it.
    "customers.actions.add_customer",
    "customers.actions.change_customer",
    "segments.actions.create_segment",
    "segments.actions.describe_segment",
    "segments.actions._save_name",
}
WORKING = (
    "portal/jobs.py", "portal/leases.py", "segments/actions.py", "segments/membership.py",
    "segments/uploads/actions.py", "customers/actions.py", "customers/imports/actions.py",
)  # fmt: skip


def pass_by(**switches: str) -> int:
    """The exit of a process that passes a, b, a, b."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRASH_", "FREEZE_", "ABORT_"))}
    return subprocess.run([sys.executable, "-c", PASSES], env=kept | switches, cwd=ROOT, check=False).returncode


@pytest.mark.parametrize(
    ("switches", "end"),
    [
        ({}, 0),
        ({"CRASH_AT": "a:1"}, -signal.SIGKILL),
        ({"CRASH_AT": "b:2"}, -signal.SIGKILL),
        ({"CRASH_AT": "b:3"}, 0),
        ({"CRASH_AT": "c:1"}, 0),
        ({"ABORT_ON": "bad"}, -signal.SIGABRT),
        ({"ABORT_ON": "worse"}, 0),
    ],
)
def test_a_process_dies_where_it_is_told_to(switches: dict[str, str], end: int) -> None:
    assert pass_by(**switches) == end


def functions() -> dict[str, ast.FunctionDef]:
    """The functions of the modules that begin and do work, by their full names."""
    found = {}
    for path in WORKING:
        module = path.removesuffix(".py").replace("/", ".")
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.FunctionDef):
                found[f"{module}.{node.name}"] = node
    return found


PASSING = {"crash.point", "jobs.enqueue", "membership.enter", "membership.leave", "writer.account"}
"""Calls that come by a crash point."""


def test_every_transaction_of_work_comes_by_a_crash_point() -> None:
    bare = {
        name
        for name, function in functions().items()
        if any("transaction.atomic()" in ast.unparse(node) for node in function.body)
        and not {ast.unparse(call.func) for call in ast.walk(function) if isinstance(call, ast.Call)}
        & (PASSING | {"_check", "_check_anew"})
    }
    assert bare == NOT_NEAR_A_CRASH_POINT & bare
    assert functions().keys() >= NOT_NEAR_A_CRASH_POINT, "the list names functions that are no more"


def test_every_place_has_a_name_of_its_own() -> None:
    names = [
        constant.value
        for app in ("portal", "customers", "segments")
        for path in (ROOT / app).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "crash.point"
        for constant in ast.walk(call.args[0])
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    ]
    assert len(names) >= 25
    assert {name for name in names if names.count(name) > 1} == set()
