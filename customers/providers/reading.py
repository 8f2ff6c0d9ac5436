"""Reading what providers say: fields that may be missing, or be anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from customers.commerce.records import Unkeepable, amount

EASTERN = ZoneInfo("America/New_York")


def loads(body: str) -> dict[str, Any]:
    """The object that was kept as it came, with every number exact; it was seen to be one then."""
    found: dict[str, Any] = json.loads(body, parse_float=_exact)
    return found


def _exact(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        # Larger ones than any that can be were refused when it came: this one is smaller.
        return Decimal(0)


class Ignored(Exception):
    """What was said is of no use here; the message tells staff why."""


def part(value: Any, name: str) -> dict[str, Any]:
    """The object that the object `value` has under `name`; empty where there is none."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, dict) else {}


def parts(value: Any, name: str) -> list[dict[str, Any]]:
    """The objects of the list that `value` has under `name`."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def word(value: Any, name: str) -> str:
    """The text or whole number under `name`, as text; '' for anything else."""
    found = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(found, str):
        return found.strip()
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def money(value: Any, *names: str) -> Decimal:
    """The first amount that is said under one of `names`; 0 where none is. Raises Unkeepable."""
    for name in names:
        found = value.get(name) if isinstance(value, Mapping) else None
        if found is not None and found != "":
            if not isinstance(found, str | int | Decimal):
                raise Unkeepable(name, "It is not an amount.")
            return amount(found, name)
    return Decimal(0)


def whole(value: Any, name: str, default: int = 0) -> int:
    found = word(value, name)
    return int(found) if found.lstrip("-").isdigit() and len(found) <= 12 else default


def moment(value: Any, name: str, zone: tzinfo = UTC) -> datetime | None:
    """The time under `name`; None where there is none. One that names no zone is taken to be of `zone`, a date alone
    for its midnight. Raises Unkeepable for what is no time."""
    said = word(value, name)
    if not said:
        return None
    try:
        at = datetime.fromisoformat(said)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unkeepable(name, "It is not a time.") from error


def day(value: Any, name: str) -> date | None:
    """The date under `name`, which may come with a time; None where there is none. Raises Unkeepable."""
    said = word(value, name)
    if not said:
        return None
    try:
        return date.fromisoformat(said[:10])
    except ValueError as error:
        raise Unkeepable(name, "It is not a date.") from error


def is_about(topic: str, body: Mapping[str, Any], number: str) -> bool:
    """Whether a webhook tells of the customer whom its provider knows by this number."""
    if not number:
        return False
    for said in (body, *(one for one in body.values() if isinstance(one, dict))):
        named = {word(said, "customer_id"), word(part(said, "customer"), "id")}
        if topic.startswith("customer"):
            named.add(word(said, "id"))
        if number in named:
            return True
    return False
