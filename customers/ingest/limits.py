"""What one record may be: how large, how deep, and with how much in it."""

from __future__ import annotations

import json
from typing import Any

RECORD_BYTES = 32 * 1024
TEXT_LENGTH = 32 * 1024
NAME_LENGTH = 255
DEPTH = 10
NAMES = 300
_SURELY_FITS = RECORD_BYTES // 8
"""A record that comes to so many characters is below the limit however its letters are written."""


def excess(record: dict[str, Any], *, most_bytes: int = RECORD_BYTES) -> str:
    """What of the record goes beyond a limit, in words; empty for one that keeps to them."""
    size = 2
    left: list[tuple[Any, int]] = [(record, 1)]
    while left:
        value, depth = left.pop()
        if depth > DEPTH:
            return f"It is nested more than {DEPTH} deep."
        parts: Any = value
        if type(value) is dict:
            if too_much := _names(value):
                return too_much
            size += sum(map(len, value))
            parts = value.values()
        size += 8 * len(value)
        for part in parts:
            kind = type(part)
            if kind is str:
                size += len(part)
                if len(part) > TEXT_LENGTH:
                    return f"It has a text longer than {TEXT_LENGTH // 1024} KB."
            elif kind is dict or kind is list:
                left.append((part, depth + 1))
    if size > _SURELY_FITS and _bytes(record) > most_bytes:
        return f"It is larger than {most_bytes // 1024} KB."
    return ""


def _names(value: dict[str, Any]) -> str:
    if len(value) > NAMES:
        return f"It has more than {NAMES} properties in one object."
    if value and max(map(len, value)) > NAME_LENGTH:
        return f"It has a property whose name is longer than {NAME_LENGTH} characters."
    return ""


def _bytes(record: dict[str, Any]) -> int:
    return len(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode())
