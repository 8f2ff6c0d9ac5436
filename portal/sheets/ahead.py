"""Reading a file one portion ahead, while the database is busy with the one before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Ahead(Generic[_T]):
    """Portions that `read` gives, each read in a thread of its own while its taker works on the one before.

    `read` is never called twice at once, and must not use the database. Whoever drops the object ends the thread too,
    after the portion that it is at.
    """

    def __init__(self, read: Callable[[], _T]) -> None:
        self._read = read
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._next: Future[_T] | None = None

    def take(self) -> _T:
        """The next portion; raises what reading it has raised."""
        pending = self._next or self._thread.submit(self._read)
        self._next = None
        portion = pending.result()
        self._next = self._thread.submit(self._read)
        return portion
