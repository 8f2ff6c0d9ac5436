"""How many calls an account may make: fixed windows of a second and of a minute, as Klaviyo keeps them."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

SECOND, MINUTE = 1.0, 60.0


@dataclass(frozen=True)
class Limit:
    """Calls in a second (burst) and in a minute (steady)."""

    burst: int
    steady: int


LARGE, SMALL = Limit(75, 700), Limit(1, 15)
"""Of most calls, and of those that are dear. The documents say 700 a minute in one place and 750 in another."""


@dataclass(frozen=True)
class Verdict:
    """Whether a call may be; what the headers then say, or the seconds until the next may."""

    allowed: bool
    limit: Limit
    remaining: int
    reset: int
    retry_after: int


class _Window:
    """A fixed window: it begins with a call, and counts until its time is over."""

    __slots__ = ("began", "count")

    def __init__(self) -> None:
        self.began = -math.inf
        self.count = 0

    def left(self, now: float, length: float) -> float:
        """Seconds until it ends; begins a new one when it has ended."""
        if now - self.began >= length:
            self.began, self.count = now, 0
        return self.began + length - now


class Limits:
    """The windows of all accounts. `on` may be switched at any time."""

    def __init__(self, *, on: bool = True) -> None:
        self.on = on
        self.instead: dict[Limit, Limit] = {}
        self._windows: dict[tuple[str, str], tuple[_Window, _Window]] = {}
        self._lock = threading.Lock()

    def replace(self, usual: Limit, by: Limit) -> None:
        """Keep `by` wherever `usual` would be kept."""
        self.instead[usual] = by

    def take(self, account: str, what: str, usual: Limit, now: float) -> Verdict:
        """Count a call of `account` to `what`. One that is refused does not count."""
        limit = self.instead.get(usual, usual)
        with self._lock:
            key = account, what
            windows = self._windows.get(key)
            if windows is None:
                windows = self._windows[key] = _Window(), _Window()
            burst, steady = windows
            burst_left, steady_left = burst.left(now, SECOND), steady.left(now, MINUTE)
            wait = 0.0
            if self.on and burst.count >= limit.burst:
                wait = burst_left
            if self.on and steady.count >= limit.steady:
                wait = max(wait, steady_left)
            if not wait:
                burst.count += 1
                steady.count += 1
            remaining = max(0, limit.steady - steady.count)
        return Verdict(not wait, limit, remaining, math.ceil(steady_left), math.ceil(wait))
