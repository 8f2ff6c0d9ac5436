"""Amounts, counts and words out of a fixed few, as shops and people write them in files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from customers.imports.values import BLANKS, BadValue, clean

_SIGNS = re.compile(r"[\s\u00a0\u202f']|[$€£¥]|(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_PLAIN = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{3})+(?:(?!\1)[.,]\d*)?")
_LONGEST = 40


def is_blank(text: str) -> bool:
    return not text or text.casefold() in BLANKS


def read_amount(label: str) -> Callable[[str], str]:
    """A reader of amounts of money, into a plain decimal: 1234.5, $1,234.50, 1.234,50 €; '' for a cell that says
    nothing. What could be two amounts (1,234) is refused, not guessed."""

    def read(cell: str) -> str:
        text = clean(cell)
        if is_blank(text):
            return ""
        bare = _SIGNS.sub("", text)
        said = _decimal(bare) if len(text) <= _LONGEST and bare.isascii() else ""
        if said == "?":
            raise BadValue(f"{label}: “{text[:40]}” may have thousands or decimals. Write it as 1234.00.")
        if not said:
            raise BadValue(f"{label}: “{text[:40]}” is not an amount.")
        return said

    return read


def _decimal(bare: str) -> str:
    """The amount with a point; '' for what is none, "?" for what could be two."""
    if _PLAIN.fullmatch(bare):
        return bare
    points, commas = bare.count("."), bare.count(",")
    if points + commas == 1 and re.fullmatch(r"\d{1,3},\d{3}", bare):
        return "?"
    if commas == 1 and not points and re.fullmatch(r"\d*,\d*\d", bare):
        return bare.replace(",", ".")
    grouped = _GROUPED.fullmatch(bare)
    if not grouped:
        return ""
    whole = bare.replace(grouped[1], "")
    return whole.replace(",", ".")


def read_count(label: str) -> Callable[[str], int | None]:
    """A reader of whole numbers that are not negative; None for a cell that says nothing."""

    def read(cell: str) -> int | None:
        text = clean(cell)
        if is_blank(text):
            return None
        found = re.fullmatch(r"(\d{1,9})(?:\.0*)?", text) if text.isascii() else None
        if not found:
            raise BadValue(f"{label}: “{text[:40]}” is not a whole number.")
        return int(found[1])

    return read


def read_choice(label: str, meanings: Mapping[str, Any]) -> Callable[[str], Any]:
    """A reader of one word out of a few, whatever its case, spaces and hyphens; `meanings` by the word, lower-cased
    with underscores. '' for a cell that says nothing."""

    def read(cell: str) -> Any:
        text = clean(cell)
        if is_blank(text):
            return ""
        key = re.sub(r"[\s-]+", "_", text.casefold())
        if key not in meanings:
            known = ", ".join(sorted({str(value) for value in meanings.values()}))
            raise BadValue(f"{label}: “{text[:40]}” is none of {known}.")
        return meanings[key]

    return read
