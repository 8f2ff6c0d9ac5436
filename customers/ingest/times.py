"""When something happened, by what its source says, by when it was sent and when it arrived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from customers.models import EventTime

AHEAD = timedelta(minutes=5)
"""A clock may be so much fast; what lies further ahead happened when it arrived, as far as is known."""
TOO_FAR_AHEAD = timedelta(hours=24)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST = 40


class BadTime(ValueError):
    """The time cannot be meant; the message says why."""


def parse(said: object) -> datetime:
    """The instant of an ISO 8601 text with a zone. Raises BadTime."""
    if not isinstance(said, str) or len(said) > _LONGEST:
        raise BadTime("It is not a time of ISO 8601.")
    try:
        found = datetime.fromisoformat(said)
        if found.tzinfo is None:
            raise BadTime("It names no time zone.")
        return found.astimezone(UTC)
    except BadTime:
        raise
    except (ValueError, OverflowError):
        raise BadTime("It is not a time of ISO 8601.") from None


def of_milliseconds(said: object) -> datetime:
    """The instant of so many milliseconds since 1970. Raises BadTime."""
    if type(said) not in (int, float):
        raise BadTime("It is not a number of milliseconds.")
    try:
        return datetime.fromtimestamp(said / 1000, UTC)  # type: ignore[operator]
    except (ValueError, OverflowError, OSError):
        raise BadTime("It is no time of ours.") from None


def placed(said: datetime | None, received: datetime, sent: datetime | None = None) -> tuple[datetime, EventTime]:
    """When it happened, and what was done to find that out: `said` by the clock of the sender, who sent it at `sent` by
    the same clock. Raises BadTime for what lies a day ahead or before 2000."""
    if said is None:
        return received, EventTime.MISSING
    how = EventTime.AS_SENT
    if sent is not None:
        try:
            said, how = received - (sent - said), EventTime.CORRECTED
        except OverflowError:
            raise BadTime("It is no time of ours.") from None
    if said > received + TOO_FAR_AHEAD:
        raise BadTime("It lies more than a day ahead.")
    if said < EARLIEST:
        raise BadTime("It lies before the year 2000.")
    return (received, EventTime.FUTURE) if said > received + AHEAD else (said, how)
