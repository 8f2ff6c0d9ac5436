"""The locked packages: each pinned, told by its hashes, from no other place than the index, and freely licensed."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from tests.tooling import packages
from tests.tooling.packages import LOCKS, PERMISSIVE, licence_of, locked


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_package_is_pinned_and_told_by_its_hashes(lock: Path) -> None:
    names = [package.name for package in locked(lock)]
    assert len(names) == len(set(names)) > 10
    assert all(package.hashes for package in locked(lock))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_what_is_installed_is_what_is_locked(lock: Path) -> None:
    other = {}
    for package in locked(lock):
        if licence_of(package.name) is not None and metadata.version(package.name) != package.version:
            other[package.name] = metadata.version(package.name)
    assert not other


def test_the_portal_runs_on_free_licences() -> None:
    licences = {package.name: licence_of(package.name) for package in locked(LOCKS[0])}
    assert not {
        name: licence for name, licence in licences.items() if licence is not None and not PERMISSIVE.search(licence)
    }


@pytest.mark.parametrize(
    "line",
    [
        "django",
        "django>=5",
        "django==5.2.1",
        "django==5.2.1 --hash=md5:00",
        "django @ https://elsewhere.example/django.tar.gz",
        "https://elsewhere.example/django.tar.gz",
        "git+https://elsewhere.example/django",
        "--index-url https://elsewhere.example/simple",
        "--extra-index-url https://elsewhere.example/simple",
        "--find-links wheels",
        "-e .",
    ],
)
def test_other_lines_are_refused(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"{line}\n    # via nothing\n")
    with pytest.raises(ValueError, match=r"lock\.txt"):
        list(locked(lock))


def test_advisories_that_cannot_be_had_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program = tmp_path / "uvx"
    monkeypatch.setattr(packages.shutil, "which", lambda _: str(program))
    for said, ends, code in (
        ("No known vulnerabilities found", 0, 0),
        ("Found 2 known vulnerabilities in 1 package", 1, packages.KNOWN),
        ("ConnectionError: no way there", 1, packages.NOT_HAD),
    ):
        program.write_text(f"#!/bin/sh\necho '{said}'\nexit {ends}\n")
        program.chmod(0o755)
        assert packages.advisories() == code
    assert "NOT CHECKED" in capsys.readouterr().out
    program.unlink()
    assert packages.advisories() == packages.NOT_HAD
