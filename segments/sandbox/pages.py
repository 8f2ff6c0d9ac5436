"""Pages by key: a page begins behind the last one that was seen, whatever has come and gone since."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from segments.sandbox.crowd import Group
from segments.sandbox.filters import Condition
from segments.sandbox.members import FIRST, LAST, Key, microseconds

AnyKey = tuple[Any, str]
Reader = Callable[[Any, Any, int, bool], list[Any]]
"""Gets a lower and an upper key, a number and whether to begin at the upper end: the keys strictly between."""
_AFTER_ALL_IDS = "~"


@dataclass(frozen=True)
class Page:
    """Keys in the order asked for; where the next and the previous page begin, if they do."""

    keys: list[Any]
    following: AnyKey | None
    preceding: AnyKey | None


def turn(
    read: Reader, between: tuple[Any, Any], size: int, *, descending: bool, cursor: tuple[bool, Any] | None
) -> Page:
    """The first page, or the one that `cursor` (whether backwards, and the key) leads to."""
    lower, upper = between
    goes_back, key = cursor or (False, None)
    from_the_top = descending != goes_back
    if cursor is not None and from_the_top:
        upper = min(upper, key)
    elif cursor is not None:
        lower = max(lower, key)
    found = read(lower, upper, size + 1, from_the_top)
    is_more = len(found) > size
    del found[size:]
    if goes_back:
        found.reverse()
    if not found:
        return Page([], None, None)
    following = found[-1] if is_more or goes_back else None
    preceding = found[0] if (is_more if goes_back else cursor is not None) else None
    return Page(found, following, preceding)


def member_reader(group: Group) -> Reader:
    """Reads a group's members while they come and go."""

    def read(lower: Key, upper: Key, size: int, backwards: bool) -> list[Key]:
        with group.account.lock:
            return group.members.page(lower, upper, size, backwards=backwards)

    return read


def member_bounds(conditions: tuple[Condition, ...]) -> tuple[Key, Key]:
    """The keys between which members fulfil the conditions on when they joined."""
    lower, upper = FIRST, LAST
    for condition in conditions:
        moment = microseconds(condition.value)
        match condition.operator:
            case "greater-than":
                lower = max(lower, (moment, _AFTER_ALL_IDS))
            case "greater-or-equal":
                lower = max(lower, (moment, ""))
            case "less-than":
                upper = min(upper, (moment, ""))
            case _:
                upper = min(upper, (moment, _AFTER_ALL_IDS))
    return lower, upper


def group_reader(groups: dict[str, Group], sort: str) -> Reader:
    """Reads groups (by id) in an order."""
    keys = sorted((_sorted_by(group, sort), name) for name, group in groups.items())

    def read(lower: AnyKey, upper: AnyKey, size: int, backwards: bool) -> list[AnyKey]:
        start, end = bisect_right(keys, lower), bisect_left(keys, upper)
        between = keys[start : max(start, end)]
        return between[::-1][:size] if backwards else between[:size]

    return read


GROUP_BOUNDS: tuple[AnyKey, AnyKey] = (("", ""), ("\U0010ffff", ""))


def _sorted_by(group: Group, sort: str) -> str:
    if sort in {"created", "updated"}:
        return (group.created if sort == "created" else group.updated).isoformat()
    return group.group_id if sort == "id" else group.name or ""


def fits(group: Group, conditions: tuple[Condition, ...]) -> bool:
    """Whether a group fulfils all conditions."""
    for condition in conditions:
        value = {
            "id": group.group_id,
            "name": group.name,
            "created": group.created,
            "updated": group.updated,
            "is_active": group.is_active,
            "is_starred": group.is_starred,
        }[condition.field]
        if condition.operator == "greater-than":
            if value is None or not value > condition.value:
                return False
        elif value not in condition.value:
            return False
    return True
