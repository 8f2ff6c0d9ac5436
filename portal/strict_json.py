"""JSON as strangers send it: what is not JSON of the strict kind, or what our databases would not take, is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

LONGEST_NUMBER = 40
"""Digits of a whole number: more of them is no number that anybody means."""
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class NotStrict(ValueError):
    """The bytes are no JSON that can be taken; the message says why, without a word of what they say."""


def read(data: bytes) -> dict[str, Any]:
    """The object that the bytes say. Raises NotStrict for anything but UTF-8 without a byte order mark, for NaN and
    infinities, numbers beyond measure, names that stand twice, halves of letters, NUL, nesting without end, and for
    what is not an object at its top."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotStrict("It is not UTF-8.") from None
    found = loads(text)
    if not isinstance(found, dict):
        raise NotStrict("It is not a JSON object.")
    return found


def loads(text: str) -> Any:
    """As `read`, of a text, whatever its top is."""
    if text.startswith("\ufeff"):
        raise NotStrict("It begins with a byte order mark.")
    try:
        found = _DECODER.decode(text)
        if (_HALF_PAIR.search(text) or "\\u0000" in text) and not all(map(_is_whole, _texts(found))):
            raise NotStrict("It holds a character that no text can hold.")
    except NotStrict:
        raise
    except RecursionError:
        raise NotStrict("It is nested too deeply.") from None
    except ValueError:
        raise NotStrict("It is not valid JSON.") from None
    return found


def refuse_constant(constant: str) -> NoReturn:
    """For json.loads: NaN and Infinity are not JSON."""
    raise NotStrict(f"{constant} is no number.")


def finite(digits: str) -> float:
    """For json.loads: a number that is too large to be one is refused."""
    number = float(digits)
    return number if math.isfinite(number) else refuse_constant("Infinity")


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise NotStrict("It holds a number of too many digits.")
    return int(digits)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrict("It holds a name twice in one object.")
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_constant=refuse_constant, parse_float=finite, parse_int=_whole
)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from _texts(part)


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
