"""What may become of a call to an outside service. The text of each is a sentence for staff: without keys, without the
address that was called, and without anything of the answer.

Temporary may go well later; Refused wants its settings mended; the others are final for what was asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.outbound.replies import Reply


class OutboundError(Exception):
    """The call brought nothing."""


class Temporary(OutboundError):
    """It may go well later, as it is."""


class Unreachable(Temporary):
    """No whole answer: no address, no connection, no valid certificate, too slow, cut short, or an error over there."""


class Garbled(Temporary):
    """An answer that cannot be used: a web page, no JSON, too long, packed in a way not asked for, a redirect."""


class Throttled(Temporary):
    """Too many calls. `retry_after`: the seconds that the service asks to wait for, however many; None if it does not
    say, or says nonsense."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(OutboundError):
    """The service does not accept the credentials, or does not let them do this."""


class Missing(OutboundError):
    """What was asked for is not there, or no longer."""


class Rejected(OutboundError):
    """The service understood and said no; `reply` says why, in its own words."""

    def __init__(self, message: str, reply: Reply) -> None:
        super().__init__(message)
        self.reply = reply


class CursorExpired(Exception):
    """The service does not know the cursor any more: reading has to begin with the first page again."""


class Blocked(OutboundError):
    """The address is not one that the portal calls for a person; nothing was sent."""
