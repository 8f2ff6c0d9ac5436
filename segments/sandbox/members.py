"""Who is in a group: in the order of joining, held or computed from a number."""

from __future__ import annotations

import time
import zlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import chain, islice

Key = tuple[int, str]
"""When somebody joined, in microseconds since 1970, and who: the order of members, and what a cursor remembers."""

FIRST: Key = (0, "")
LAST: Key = (2**62, "~")
_BEGAN = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_WAVE, _WAVE_APART = 50, 1_000_000
"""Made-up people join fifty in a second, so that a page ends among those who joined at once."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def iso(joined: int) -> str:
    """The moment as the interfaces write it."""
    return (_EPOCH + timedelta(microseconds=joined)).isoformat()


def microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Ids:
    """How a service names people: by a prefix that stands for a pattern and a number of `width` digits."""

    prefix: Callable[[int], str]
    """Of the checksum of a pattern, or of an address."""
    width: int

    def of_pattern(self, pattern: str) -> str:
        return self.prefix(zlib.crc32(pattern.encode()))

    def of_email(self, email: str) -> str:
        """The id of somebody of whom only the address is given; two spellings are two people."""
        digest = int.from_bytes(sha256(email.encode()).digest()[:8])
        return self.prefix(zlib.crc32(b"by address")) + f"{digest % 10**self.width:0{self.width}d}"


KLAVIYO_IDS = Ids(lambda check: f"01{check:010d}", 14)
SHOPIFY_IDS = Ids(lambda check: str(1_000 + check % 8_000), 11)


class MadeUp:
    """People 0 to `count` of a pattern, who are computed and never held."""

    def __init__(self, count: int, pattern: str, ids: Ids) -> None:
        self.count, self.pattern, self._width = count, pattern, ids.width
        self.prefix = ids.of_pattern(pattern)
        self.gone: set[int] = set()

    def id_of(self, number: int) -> str:
        return f"{self.prefix}{number:0{self._width}d}"

    def key_of(self, number: int) -> Key:
        return _BEGAN + number // _WAVE * _WAVE_APART, self.id_of(number)

    def number_of(self, profile: str) -> int | None:
        """The number of a profile that is here; None for another's."""
        digits = profile.removeprefix(self.prefix)
        if digits == profile or not digits.isdigit() or int(digits) >= self.count or int(digits) in self.gone:
            return None
        return int(digits)

    def between(self, lower: Key, upper: Key, *, backwards: bool) -> Iterator[Key]:
        numbers = range(self.count)
        start = bisect_right(numbers, lower, key=self.key_of)
        chosen = range(start, max(start, bisect_left(numbers, upper, key=self.key_of)))
        gone = self.gone
        return (self.key_of(number) for number in (reversed(chosen) if backwards else chosen) if number not in gone)


class Members:
    """Who is in a group, in the order of joining: first the made-up ones, then those that are held."""

    def __init__(self, made_up: MadeUp) -> None:
        self.made_up = made_up
        self._held: list[Key] = []
        self._joined: dict[str, int] = {}
        self._latest = made_up.key_of(made_up.count)[0] if made_up.count else _BEGAN

    def __len__(self) -> int:
        return self.made_up.count - len(self.made_up.gone) + len(self._held)

    def __contains__(self, profile: str) -> bool:
        return profile in self._joined or self.made_up.number_of(profile) is not None

    def __iter__(self) -> Iterator[str]:
        return (profile for _, profile in self.page(FIRST, LAST, len(self)))

    def page(self, lower: Key, upper: Key, size: int, *, backwards: bool = False) -> list[Key]:
        """Up to `size` members strictly between two keys, from the lower end or, backwards, from the upper."""
        made_up = self.made_up.between(lower, upper, backwards=backwards)
        start, end = bisect_right(self._held, lower), bisect_left(self._held, upper)
        if backwards:
            return list(islice(chain(reversed(self._held[max(start, end - size) : end]), made_up), size))
        return list(islice(chain(made_up, self._held[start : min(end, start + size)]), size))

    def join(self, profile: str, joined: int | None = None) -> None:
        """Put somebody in, now and thus at the end unless said otherwise; who is here already has joined anew."""
        self.leave(profile)
        if joined is None:
            joined = max(self._latest + 1, time.time_ns() // 1_000)
        self._latest = max(self._latest, joined)
        insort(self._held, (joined, profile))
        self._joined[profile] = joined

    def leave(self, profile: str) -> bool:
        """Take somebody out; whether they were in."""
        if (joined := self._joined.pop(profile, None)) is not None:
            del self._held[bisect_left(self._held, (joined, profile))]
            return True
        if (number := self.made_up.number_of(profile)) is not None:
            self.made_up.gone.add(number)
            return True
        return False
