"""The house rules that a machine can hold: who may import whom, who may write what, and how long things may grow."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("portal", "customers", "segments", "experiences")
"""From the floor up: an app imports itself and those before it."""

COMPOSITION_ROOT = {
    "portal",
    "portal.celery",
    "portal.dashboard",
    "portal.navigation",
    "portal.settings",
    "portal.settings_ingest",
    "portal.settings_metrics",
    "portal.settings_outside",
    "portal.settings_people",
    "portal.urls",
    "portal.wsgi",
}
"""These put the parts together: they may import all, and none of the parts imports them."""

ROOMS = ("models", "queries", "actions", "tasks", "views", "urls")
"""Inside an app, from the bottom up; modules with other names stand where their imports allow."""

SQL_DOORS = {
    "portal.deadline",
    "portal.health",
    "portal.sets",
    "portal.sets.among",
    "portal.sets.joining",
    "portal.sets.loading",
    "portal.sets.writing",
    "portal.wall",
    "portal.wall_building",
}
UNSCOPED_READERS = re.compile(
    r"portal\.(tenancy|bell|jobs|leases|standin|store_views|dashboard|models\.\w+)|.*\.admin(_base|_commerce)?|.*\.management\..*|.*\.demo\..*|.*\.invariants|"
    r"segments\.external\.(schedule|upkeep|newcomers)|"
    # Who sends says by a key whose it is; and what waits is looked for in all stores.
    # All secrets are sealed anew at once, and the clock looks for what is due in all stores.
    r"customers\.(ingest\.(keys|sweeping|joining)|metrics\.due|providers\.(sealed|schedule))"
)
MEMBERSHIP_TABLES = ("Membership", "MembershipChange", "Exclusion", "SegmentDay")
MEMBERSHIP_DOORS = {"segments.membership", "segments.removal", "segments.demo.history"}
"""The demo's history is loaded at once; its tests hold it to what the door would have written."""


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def modules() -> dict[str, ast.Module]:
    paths = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
    return {name_of(path): ast.parse(path.read_text()) for path in paths}


def imports(module: str, *, late: bool = False) -> set[str]:
    """The project's modules that `module` imports; with `late`, also those named inside functions."""

    def visit(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                yield from (
                    inner if (inner := f"{child.module}.{alias.name}") in modules() else child.module
                    for alias in child.names
                )
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            elif late or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from visit(child)

    return {name for name in visit(modules()[module]) if name.split(".")[0] in APPS}


def app_of(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def room_of(module: str) -> int | None:
    parts = module.split(".")
    return ROOMS.index(parts[1]) if len(parts) > 1 and parts[1] in ROOMS else None


def test_apps_import_downwards() -> None:
    wrong = [
        f"{module} imports {other}"
        for module in modules()
        if module not in COMPOSITION_ROOT
        for other in imports(module, late=True)
        if APPS.index(app_of(other)) > APPS.index(app_of(module))
    ]
    assert not wrong, wrong


def test_nothing_imports_the_composition_root() -> None:
    allowed = {("portal.health", "portal.celery")}
    wrong = [
        f"{module} imports {other}"
        for module in modules()
        if module not in COMPOSITION_ROOT
        for other in imports(module, late=True)
        if other in COMPOSITION_ROOT and (module, other) not in allowed
    ]
    assert not wrong, wrong


def test_rooms_import_downwards() -> None:
    wrong = [
        f"{module} imports {other}"
        for module in modules()
        for other in imports(module, late=True)
        if app_of(module) == app_of(other)
        and (mine := room_of(module)) is not None
        and (theirs := room_of(other)) is not None
        and theirs > mine
    ]
    assert not wrong, wrong


def test_no_module_imports_in_a_circle() -> None:
    graph = {module: imports(module) & set(modules()) - {module} for module in modules() if module != "portal"}
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path[path.index(module) :], module))
        if module in done:
            return
        for other in graph.get(module, ()):
            # A package that gathers its own modules is no circle: they import each other, never the package.
            walk(other, (*path, module))
        done.add(module)

    for module in graph:
        walk(module, ())


def test_only_sets_knows_sql() -> None:
    tell = re.compile(r"\.vendor\b|\.cursor\(|RawSQL|\.raw\(|\.extra\(")
    wrong = [
        name
        for name, tree in modules().items()
        if name not in SQL_DOORS and tell.search(ast.unparse(_without_docs(tree)))
    ]
    assert not wrong, wrong


def test_there_is_one_way_out() -> None:
    clients = {"aiohttp", "ftplib", "http.client", "httpx", "pycurl", "requests", "urllib.request", "urllib3"}
    wrong = {
        name: found
        for name, tree in modules().items()
        if not name.startswith("portal.outbound.") and (found := clients & _imported(tree))
    }
    assert not wrong, wrong


def test_reading_across_stores_stays_where_it_belongs() -> None:
    wrong = [
        name
        for name, tree in modules().items()
        if not UNSCOPED_READERS.fullmatch(name)
        and re.search(r"\.(everywhere|_default_manager|_base_manager)\b", ast.unparse(_without_docs(tree)))
        and name not in SQL_DOORS
    ]
    assert not wrong, wrong


def test_membership_is_written_by_its_door_alone() -> None:
    write = re.compile(
        rf"\b({'|'.join(MEMBERSHIP_TABLES)})\.(objects|everywhere)[^\n]*\.(create|create_for|bulk_create|update|delete|"
        rf"get_or_create|update_or_create)\(|sets\.\w+\(\s*({'|'.join(MEMBERSHIP_TABLES)})\b|\b({'|'.join(MEMBERSHIP_TABLES)})\([a-z]"
    )
    wrong = [
        name
        for name, tree in modules().items()
        if name.startswith(("segments", "experiences"))
        and name not in MEMBERSHIP_DOORS
        and write.search(ast.unparse(tree))
    ]
    assert not wrong, wrong


def test_nothing_is_trusted_as_html() -> None:
    wrong = [name for name, tree in modules().items() if "mark_safe" in ast.unparse(tree)]
    templates = [
        path
        for path in (ROOT / "templates").rglob("*.html")
        if re.search(r"\|\s*safe\b|autoescape off", path.read_text())
    ]
    assert not wrong
    assert not templates


def test_templates_keep_to_the_content_security_policy() -> None:
    tell = re.compile(
        r"\sstyle=|\son[a-z]+=\"|<script(?![^>]*(\ssrc=|type=\"application/json\"))|<style|javascript:|https?://(?!www\.w3\.org)"
    )
    wrong = {
        str(path.relative_to(ROOT)): found.group(0)
        for path in (ROOT / "templates").rglob("*.html")
        if (
            found := tell.search(
                re.sub(r"\{%\s*comment.*?endcomment\s*%\}|\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
            )
        )
    }
    assert not wrong, wrong


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc"])
def test_no_drawer_for_everything(name: str) -> None:
    assert not [path for app in APPS for path in (ROOT / app).rglob(f"{name}*")]


def test_files_and_functions_stay_readable() -> None:
    long_files, long_functions = [], []
    for name, tree in modules().items():
        path = ROOT / Path(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if len(path.read_text().splitlines()) > 300:
            long_files.append(name)
        long_functions += [
            f"{name}.{node.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 50
        ]
    assert not long_files
    assert not long_functions


def _imported(tree: ast.Module) -> set[str]:
    """What the module imports, wherever in it, and the packages of that."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found | {name.split(".")[0] for name in found}


def _without_docs(tree: ast.Module) -> ast.Module:
    """The module without its strings that only explain."""
    copy = ast.parse(ast.unparse(tree))
    for node in ast.walk(copy):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return copy
