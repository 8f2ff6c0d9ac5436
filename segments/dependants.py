"""What stands on a segment. A part of Coterie that uses segments says here which of its things do: as long as one does
the segment cannot be deleted; and which of them act on those who enter, so that many do not enter unseen."""

from __future__ import annotations

from collections.abc import Callable

from segments.models import Segment

Asks = Callable[[Segment], list[str]]
_asked: list[Asks] = []
_listening: list[Asks] = []


def register(asks: Asks) -> Asks:
    """Ask this function too: it gives a sentence for each thing that depends on the segment, in words for staff.

    Called in the transaction that deletes, with the segment held still.
    """
    _asked.append(asks)
    return asks


def reasons(segment: Segment) -> list[str]:
    """Why the segment cannot be deleted; empty when nothing depends on it."""
    return [reason for asks in _asked for reason in asks(segment)]


def register_listener(asks: Asks) -> Asks:
    """Ask this function too: it gives the name of each thing that acts on customers as they enter the segment."""
    _listening.append(asks)
    return asks


def listeners(segment: Segment) -> list[str]:
    """What acts on those who enter the segment."""
    return [name for asks in _listening for name in asks(segment)]
