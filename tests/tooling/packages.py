"""`make audit`: the licence of every locked package, and what is publicly known against its version.

Ends with 0 when nothing is known, 1 when something is, and 3 when the advisories could not be had.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCKS = (ROOT / "requirements" / "base.txt", ROOT / "requirements" / "dev.txt")
AUDITOR = "pip-audit==2.9.0"
KNOWN, NOT_HAD = 1, 3
SECONDS = 180

PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software|Mozilla|MPL|LGPL|0BSD|Unlicense|Artistic", re.IGNORECASE
)
"""Licences under which a package may be used, as it is, by whoever runs or changes the portal."""


@dataclass(frozen=True)
class Locked:
    """A line of a lock: a package, its version, for which machines, and the hashes of its files."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def locked(lock: Path) -> Iterator[Locked]:
    """The packages of a lock. Raises ValueError for a line that pins none, or tells where else to get it."""
    text = re.sub(r"\\\n", " ", lock.read_text())
    for line in text.splitlines():
        said = line.split("#")[0].strip() if not line.lstrip().startswith("#") else ""
        if not said:
            continue
        found = re.fullmatch(
            r"([a-z0-9][a-z0-9._-]*)(?:\[[\w,-]+\])?==([\w.!+]+)\s*(?:;\s*(.*?))?((?:\s+--hash=sha256:[0-9a-f]{64})+)",
            said,
        )
        if found is None:
            raise ValueError(f"{lock.name}: {said[:100]}")
        hashes = tuple(re.findall(r"sha256:([0-9a-f]{64})", found[4]))
        yield Locked(found[1], found[2], (found[3] or "").strip(), hashes)


def licence_of(name: str) -> str | None:
    """What the installed package says of its licence; None where it is not installed."""
    try:
        said: Any = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    named = [part.split(" :: ")[-1] for part in said.get_all("Classifier") or [] if part.startswith("License ::")]
    return said.get("License-Expression") or "; ".join(named) or (said.get("License") or "").split("\n")[0]


def advisories() -> int:
    """Ask what is known against the locked versions, by a program that is fetched for it; the exit code."""
    uv = shutil.which("uvx") or str(Path(sys.executable).with_name("uvx"))
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", "10", "-s", "osv"]
    files = [argument for lock in LOCKS for argument in ("-r", str(lock))]
    try:
        asked = subprocess.run(
            [uv, AUDITOR, *options, *files], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return not_had(str(error))
    told = asked.stdout + asked.stderr
    if asked.returncode == 0:
        print("No advisory is known against the locked versions.")
        return 0
    if re.search(r"Found \d+ known vulnerabilit", told):
        print(told)
        return KNOWN
    return not_had((told.strip().splitlines() or ["no reason given"])[-1])


def not_had(reason: str) -> int:
    print(f"{'!' * 100}\n!! NOT CHECKED: the advisories could not be had ({reason[:300]})\n{'!' * 100}")
    return NOT_HAD


def main() -> int:
    for lock in LOCKS:
        print(f"{lock.stem}:")
        for package in locked(lock):
            print(f"  {package.name:26} {package.version:18} {licence_of(package.name) or 'not installed here'}")
    return advisories()


if __name__ == "__main__":
    sys.exit(main())
