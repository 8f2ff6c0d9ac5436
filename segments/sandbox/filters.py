"""Klaviyo's filter language, as far as lists, segments and their members know it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_STRING = r'"(?:[^"\\]|\\.)*"'
_CONDITION = re.compile(
    rf'(?P<operator>[a-z-]+)\((?P<field>\w+),\s*(?P<value>\[\s*(?:(?:{_STRING}|true|false)\s*,?\s*)*\]|{_STRING}|[^()\[\]",]+)\)'
)
LIST, SINGLE, MOMENT, FLAG, FLAGS = "list", "single", "moment", "flag", "flags"
"""The forms of a value: strings in brackets, a string, a date-time, true or false, those in brackets."""

OF_GROUPS: dict[str, dict[str, set[str]]] = {
    "name": {"any": {LIST}, "equals": {LIST}},
    "id": {"any": {LIST}, "equals": {LIST, SINGLE}},
    "created": {"greater-than": {MOMENT}},
    "updated": {"greater-than": {MOMENT}},
}
OF_SEGMENTS = {**OF_GROUPS, "is_active": {"any": {FLAGS}, "equals": {FLAG, FLAGS}}, "is_starred": {"equals": {FLAG}}}
_ORDER = {"greater-or-equal", "greater-than", "less-or-equal", "less-than"}
OF_MEMBERS = {"joined_group_at": {operator: {MOMENT} for operator in _ORDER}}
"""Members can also be asked for by e-mail address, telephone number and more: not here."""


class BadFilter(Exception):
    """A filter that the call does not take; the message says why."""


@dataclass(frozen=True)
class Condition:
    field: str
    operator: str
    value: Any
    """A list of strings or of booleans, or a moment."""


def read(text: str, offered: dict[str, dict[str, set[str]]]) -> list[Condition]:
    """The conditions of a filter, all of which have to hold. Raises BadFilter."""
    return [_checked(found, offered) for found in _conditions(text)]


def _conditions(text: str) -> Iterator[re.Match[str]]:
    place = 0
    while True:
        if (found := _CONDITION.match(text, place)) is None:
            raise BadFilter(f"The filter cannot be read from character {place}.")
        yield found
        place = found.end()
        if place == len(text):
            return
        if text[place] != ",":
            raise BadFilter(f"A comma is missing at character {place} of the filter.")
        place += 1


def _checked(found: re.Match[str], offered: dict[str, dict[str, set[str]]]) -> Condition:
    name, operator = found["field"], found["operator"]
    if name not in offered:
        raise BadFilter(f"'{name}' is not a field that can be filtered by. Use one of: {', '.join(sorted(offered))}.")
    if operator not in offered[name]:
        raise BadFilter(f"'{operator}' is not an operator of '{name}'. Use one of: {', '.join(sorted(offered[name]))}.")
    form, value = _value(found["value"].strip())
    if form not in offered[name][operator]:
        raise BadFilter(f"The value of {operator}({name}, …) has the wrong form.")
    return Condition(name, operator, value)


def _value(text: str) -> tuple[str, Any]:
    if text[0] == "[":
        try:
            listed = json.loads(text)
        except ValueError as error:
            raise BadFilter("A list of the filter cannot be read.") from error
        return (FLAGS if any(isinstance(one, bool) for one in listed) else LIST), listed
    if text[0] == '"':
        return SINGLE, [json.loads(text)]
    if text in {"true", "false"}:
        return FLAG, [text == "true"]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadFilter(f"{text!r} is neither a date-time nor in quotes.") from error
    if moment.tzinfo is None:
        raise BadFilter(f"{text!r} has no time zone.")
    return MOMENT, moment
