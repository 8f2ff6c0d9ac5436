"""A record of a tracking API, read: what happened, when, and by which names who did it is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from customers.ingest import names
from customers.models import EventTime
from portal.emails import InvalidEmail, email_key

OWN_NAMES = {
    names.SHOPIFY: ("shopify_id", "shopifyId", "shopify_customer_id", "shopifyCustomerId"),
    names.RECHARGE: ("recharge_id", "rechargeId", "recharge_customer_id", "rechargeCustomerId"),
    names.KLAVIYO: ("klaviyo_id", "klaviyoId", "klaviyo_profile_id"),
}
"""Traits that say by which id a customer of the store is meant."""
ID_LENGTH = 50
_BIGINT = 2**63


class Unfit(ValueError):
    """The record cannot be taken in: `code` and `field` for programs, the message for people."""

    def __init__(self, code: str, field: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.field, self.reason = code, field, reason


@dataclass(slots=True)
class Tracked:
    """`visitor` is the digest of who did it. `joins` are pairs of names of one person, of which the first goes by the
    second from now on; `claims` the names of a customer that the visitor is said to be, as pairs of kind and value."""

    message_key: str
    name: str
    occurred_at: datetime
    received_at: datetime
    time_is: EventTime
    session_id: int | None
    properties: dict[str, Any]
    visitor: str
    joins: tuple[tuple[str, str], ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    customer_id: int | None = None


def claims_of(traits: dict[str, Any], *others: Any) -> tuple[tuple[str, str], ...]:
    """The names of a customer among the traits, and what else may be an e-mail address; the address first."""
    found: list[tuple[str, str]] = []
    for said in (traits.get("email"), *others):
        if isinstance(said, str) and "@" in said:
            try:
                found.append((names.EMAIL, email_key(said)))
                break
            except InvalidEmail:
                continue
    for kind, keys in OWN_NAMES.items():
        for key in keys:
            if said := _id(traits.get(key)):
                found.append((kind, said))
                break
    return tuple(found)


def session_of(*places: dict[str, Any]) -> int | None:
    """The start of the session, in ms, that the first of the objects tells which tells one."""
    for place in places:
        for field in ("sessionId", "session_id"):
            said = place.get(field)
            if type(said) is int and 0 < said < _BIGINT:
                return said
    return None


def _id(said: Any) -> str:
    if type(said) is int:
        said = str(said)
    return said.strip() if isinstance(said, str) and 0 < len(said.strip()) <= ID_LENGTH else ""
