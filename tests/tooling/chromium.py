"""A Chromium for the browser suite: the system's, Playwright's own, or the package manager's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.tooling.outcome import UnavailableError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PLAYWRIGHT_PATH = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def executable() -> str:
    """The path of a Chromium that starts; downloads or installs one when none is here. Raises UnavailableError."""
    for path in candidates():
        if starts(path):
            return path
    raise UnavailableError(
        "no Chromium: none on PATH, Playwright's own could not be had, and the package manager did not help"
    )


def candidates() -> Iterator[str]:
    """Paths to try, each found only when those before it did not do."""
    if given := os.environ.get("COTERIE_TEST_CHROMIUM"):
        yield given
        return
    yield from system_paths()
    yield from playwright_path()
    print("No Chromium here; Playwright downloads one ...", flush=True)
    if succeeds([sys.executable, "-m", "playwright", "install", "chromium"]):
        yield from playwright_path()
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Playwright could not; the package manager installs one ...", flush=True)
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        succeeds(["apt-get", "update", "-qq"], environment)
        if succeeds(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], environment):
            yield from system_paths()


def system_paths() -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    yield from (path for path in MAC if Path(path).exists())


def playwright_path() -> Iterator[str]:
    """Where Playwright keeps its browser, when it has been downloaded."""
    asked = subprocess.run([sys.executable, "-c", PLAYWRIGHT_PATH], capture_output=True, text=True, check=False)
    path = asked.stdout.strip()
    if path and Path(path).exists():
        yield path


def succeeds(command: list[str], environment: dict[str, str] | None = None) -> bool:
    try:
        end = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=600,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return end.returncode == 0


def starts(path: str) -> bool:
    """Whether the program is really a browser that runs (some systems have a stand-in of that name)."""
    return succeeds([path, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "about:blank"])
