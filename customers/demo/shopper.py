"""Who buys in the demo's shops."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from customers.channels import Channel


@dataclass(frozen=True, slots=True)
class Shopper:
    """A customer, with what the story goes by; money in whole cents, `days_between` two deliveries."""

    customer_id: int
    signed_up_at: datetime
    ends_on: date | None
    """The day on which the subscription was cancelled."""
    days_between: int
    orders: int
    """How many were placed since the sign-up."""
    spent: int
    favourite: str
    tags: tuple[str, ...]
    channel: str
    consent: str
    is_tester: bool = False
    is_company: bool = False

    @property
    def came_by(self) -> str:
        """The channel, in the words that orders use."""
        return _CAME_BY.get(self.channel, "")


_CAME_BY = {
    "paid social": Channel.PAID_SOCIAL,
    "organic": Channel.ORGANIC,
    "referral": Channel.REFERRAL,
    "email": Channel.EMAIL,
    "marketplace": Channel.AFFILIATE,
    "in person": Channel.OTHER,
}
