"""Dates as shops and people write them; one that could be two days is refused, not guessed."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), 1,
    )
    for name in names.split()
}  # fmt: skip
_ZONE = re.compile(r"\s*(?:(Z|UTC|GMT)|([+-]\d\d):?(\d\d)|([+-]\d\d))$", re.IGNORECASE)
_TIME = re.compile(r"[ T,]+(?:at )?(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d+)?)? ?([ap]\.?m\.?)?$", re.IGNORECASE)
_DOTTED = re.compile(r"(\d{1,2})\. ?(\d{1,2})\. ?(\d{4})")
_SLASHED = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})")
_NAMED = re.compile(r"(?:(\d{1,2})\.? ([a-z]+)\.?|([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?),? (\d{4})", re.IGNORECASE)


def read_date(text: str, zone: tzinfo, day_first: bool | None = None) -> datetime:
    """The instant that `text` tells, with or without a time; in `zone` where it names no other.

    ISO 8601, `2024-03-09 02:36:35 -0500`, `25.12.2024 14:30`, `12/25/2024 2:30 PM`, `25 Dec 2024`. ValueError, with a
    sentence for people, for what is no date and for what could be two (03/04/2024), unless `day_first` says which.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = _other(text, day_first)
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _unreadable(text: str) -> str:
    return f"“{text[:40]}” is not a date. Write it as 2024-12-25."


def _other(text: str, day_first: bool | None) -> datetime:
    rest, offset = text, ""
    if ":" in text and (zone := _ZONE.search(text)):
        rest = text[: zone.start()]
        offset = "+00:00" if zone[1] else f"{zone[2] or zone[4]}:{zone[3] or '00'}"
    rest, time = _without_time(rest, text)
    year, month, day = _day(rest.strip(), text, day_first)
    try:
        return datetime.fromisoformat(f"{year:04}-{month:02}-{day:02}T{time}{offset}")
    except ValueError as error:
        raise ValueError(_unreadable(text)) from error


def _without_time(rest: str, text: str) -> tuple[str, str]:
    found = _TIME.search(rest)
    if not found:
        return rest, "00:00:00"
    hour = int(found[1])
    if found[4]:
        if not 1 <= hour <= 12:
            raise ValueError(_unreadable(text))
        hour = hour % 12 + (12 if found[4].lower().startswith("p") else 0)
    return rest[: found.start()], f"{hour:02}:{found[2]}:{found[3] or '00'}"


def _day(rest: str, text: str, day_first: bool | None) -> tuple[int, int, int]:
    if iso := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", rest) or _YEAR_FIRST.fullmatch(rest):
        return int(iso[1]), int(iso[2]), int(iso[3])
    if dotted := _DOTTED.fullmatch(rest):
        return int(dotted[3]), int(dotted[2]), int(dotted[1])
    if slashed := _SLASHED.fullmatch(rest):
        return (int(slashed[4]), *_month_and_day(int(slashed[1]), int(slashed[3]), text, day_first))
    if named := _NAMED.fullmatch(rest):
        month = _MONTHS.get((named[2] or named[3]).lower())
        if month:
            return int(named[5]), month, int(named[1] or named[4])
    raise ValueError(_unreadable(text))


def _month_and_day(one: int, two: int, text: str, day_first: bool | None) -> tuple[int, int]:
    if day_first is None:
        if one <= 12 and two <= 12 and one != two:
            raise ValueError(f"“{text[:40]}” may begin with the day or the month: say which for this column.")
        day_first = two <= 12
    return (two, one) if day_first else (one, two)
