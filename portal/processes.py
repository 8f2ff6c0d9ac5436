"""Starting a process so that it cannot be left behind, and ending it with all it has started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(deadly: signal.Signals, parent: int) -> None:
    """Have the kernel send `deadly` to this process when its parent `parent` ends; without effect outside Linux."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, deadly)
        if os.getppid() != parent:
            os.kill(os.getpid(), deadly)


def start(command: list[str], *, deadly: signal.Signals = signal.SIGKILL, **options: Any) -> subprocess.Popen[bytes]:
    """Start `command` without input in a process group of its own; `deadly` reaches it when this process ends.

    Only for a process with a single thread: the tie to the parent is made between fork and exec, and is one to the
    thread that starts it, so that what a thread starts ends with that thread. Other `options` are those of Popen.
    """
    parent = os.getpid()
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=lambda: die_with_parent(deadly, parent),  # noqa: PLW1509
        **options,
    )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the group that `process` leads, and reap it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def stop_signals(handler: Callable[[], None]) -> Iterator[None]:
    """Within the block Ctrl-C, SIGTERM and the closing of the terminal call `handler`, and nothing else happens."""
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: handler()) for number in wanted}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
