"""Cursors: where the next page begins, sealed so that nobody can make one up."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from dataclasses import dataclass
from typing import Any

LIFE_SECONDS = 3 * 24 * 3600.0
"""What Klaviyo's people say that one may hope for."""


class BadCursor(Exception):
    """Not one of ours, one of another call, or too old."""


@dataclass
class Cursors:
    """Makes and reads cursors. `life` is in seconds; `expire` ends all that were made so far."""

    life: float = LIFE_SECONDS
    _secret: bytes = b""
    _generation: int = 0

    def __post_init__(self) -> None:
        self._secret = os.urandom(16)

    def expire(self) -> None:
        self._generation += 1

    def make(self, about: str, *, backwards: bool, key: tuple[Any, str]) -> str:
        """A cursor for the call `about` (a cursor of one list opens no other), behind or before `key`."""
        said = json.dumps([self._generation, int(time.time()), about, backwards, *key]).encode()
        return base64.urlsafe_b64encode(self._seal(said) + said).decode().rstrip("=")

    def read(self, cursor: str, about: str) -> tuple[bool, tuple[Any, str]]:
        """Whether it leads backwards, and the key. Raises BadCursor."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError as error:
            raise BadCursor from error
        seal, said = raw[:12], raw[12:]
        if not hmac.compare_digest(seal, self._seal(said)):
            raise BadCursor
        generation, made, of, backwards, first, second = json.loads(said)
        if generation != self._generation or of != about or time.time() - made > self.life:
            raise BadCursor
        return backwards, (first, second)

    def _seal(self, said: bytes) -> bytes:
        return hashlib.blake2b(said, key=self._secret, digest_size=12).digest()
