"""Make .venv and install a locked set of packages in it: `python3 requirements/install.py base|dev|lock`.

It runs before anything is installed, so it uses the standard library alone and still parses on Python 3.7, to be able
to say what is wrong there. A set whose lock has not changed since it was installed costs a fraction of a second.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE.parent / ".venv"
RUN = VENV / "bin" / "python"
LEAST = (3, 11)
SETS = {"base": ("base.txt",), "dev": ("base.txt", "dev.txt")}


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) == 2 else ""
    if wanted == "lock":
        return lock()
    if wanted not in SETS:
        return fail("Use: install.py base, dev or lock.")
    if sys.version_info < LEAST:
        return run_with_newer_python()
    if not works(RUN):
        make_environment()
    stamp = fingerprint(wanted)
    if is_installed(wanted, stamp):
        return 0
    print("Installing the %s packages into .venv (once, about a minute) ..." % wanted, flush=True)
    install(wanted)
    for name, files in SETS.items():
        # What was installed for the tests holds the base set too.
        if set(files) <= set(SETS[wanted]):
            (VENV / (".installed-" + name)).write_text(fingerprint(name))
    return 0


def fail(message: str) -> int:
    print("\n" + message + "\n", file=sys.stderr)
    return 1


def run_with_newer_python() -> int:
    """Start again with a Python on PATH that is new enough, or say which one is missing."""
    for minor in range(19, LEAST[1] - 1, -1):
        other = shutil.which("python3.%d" % minor)
        if other and works(other):
            os.execv(other, [other, str(Path(__file__).resolve()), *sys.argv[1:]])
    return fail(
        "Coterie needs Python 3.11 or newer, and %s is %d.%d.\n"
        "Install a newer one, or name it: make demo PYTHON=/path/to/python3.11"
        % (sys.executable, *sys.version_info[:2])
    )


def works(python: str | Path) -> bool:
    """Whether `python` starts and is new enough (an environment dies when the Python beneath it is removed)."""
    test = "import sys; sys.exit(sys.version_info[:2] < (%d, %d))" % LEAST
    try:
        return subprocess.run([str(python), "-c", test], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def make_environment() -> None:
    """Create .venv with the first tool that can; a system without `ensurepip` is common, and said clearly."""
    ways = [[sys.executable, "-m", "venv"], [sys.executable, "-m", "virtualenv", "--quiet"]]
    if shutil.which("uv"):
        ways.append(["uv", "venv", "--quiet", "--seed", "--python", sys.executable])
    print("Creating the virtual environment .venv ...", flush=True)
    reasons = []
    for way in ways:
        shutil.rmtree(VENV, ignore_errors=True)
        made = subprocess.run(
            [*way, str(VENV)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=False
        )
        if made.returncode == 0 and works(RUN):
            return
        reasons.append((made.stdout.strip().splitlines() or ["no reason given"])[-1])
    shutil.rmtree(VENV, ignore_errors=True)
    sys.exit(
        fail(
            "%s cannot create a virtual environment (%s).\n"
            "On Debian or Ubuntu: sudo apt install python3-venv\n"
            "Elsewhere: install virtualenv or uv, or name another Python: make demo PYTHON=/path/to/python3"
            % (sys.executable, "; ".join(reasons))
        )
    )


def fingerprint(wanted: str) -> str:
    """What .venv holds after this set was installed: the locks' content and the Python they were installed for."""
    digest = hashlib.sha256(str(RUN.resolve()).encode())
    for name in SETS[wanted]:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def is_installed(wanted: str, stamp: str) -> bool:
    mark = VENV / (".installed-" + wanted)
    return mark.exists() and mark.read_text() == stamp


def install(wanted: str) -> None:
    """Install with uv where it is found, with pip where not or where uv could not (it reads other configuration)."""
    files = [argument for name in SETS[wanted] for argument in ("-r", str(HERE / name))]
    pip = [str(RUN), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes", *files]
    if shutil.which("uv"):
        uv = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(RUN), "--require-hashes", *files]
        if subprocess.run(uv, check=False).returncode == 0:
            return
        print("uv could not install them; trying pip.", flush=True)
    if subprocess.run(pip, check=False).returncode != 0:
        sys.exit(fail("The packages could not be installed; the lines above say why."))


def lock() -> int:
    """Renew the locks from the .in files, for every platform and Python that Coterie supports."""
    uv = shutil.which("uv") or str(VENV / "bin" / "uv")
    if not Path(uv).exists():
        subprocess.run([str(RUN), "-m", "pip", "install", "--quiet", "uv"], check=True)
    for name in ("base", "dev"):
        options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade", "-q", "--no-header"]
        subprocess.run([uv, "pip", "compile", *options, name + ".in", "-o", name + ".txt"], cwd=str(HERE), check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
