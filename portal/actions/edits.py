"""Changes of a form that was open for a while: what others have changed meanwhile stays theirs."""

from __future__ import annotations

from typing import Any

from portal import audit


class ChangedMeanwhile(Exception):
    """Someone else changed the same settings since the page was opened; nothing was written."""

    def __init__(self, current: dict[str, Any]) -> None:
        self.current = current
        super().__init__(f"Changed meanwhile: {', '.join(current)}")


def edits(seen: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The fields whose `wanted` value differs from the one that the person has `seen`."""
    return {name: value for name, value in wanted.items() if value != seen[name]}


def changes(standing: dict[str, Any], *, seen: dict[str, Any], wanted: dict[str, Any]) -> dict[str, list[Any]]:
    """What is to be written over the values that stand now, which the caller holds: field → [old, new].

    Raises ChangedMeanwhile, with the values that stand now, when others have changed a field that the person changes.
    """
    mine = edits(seen, wanted)
    clashes = {name: standing[name] for name, value in mine.items() if standing[name] not in (seen[name], value)}
    if clashes:
        raise ChangedMeanwhile(clashes)
    return audit.difference(standing, mine)
