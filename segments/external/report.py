"""What is told of a sync: what became of the profiles that were read, who left, and the profiles without a customer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from customers.models import Customer
from portal import audit
from portal.models import User
from portal.paging import walk
from segments.external.difference import coming, going
from segments.models import ExternalMember, Sync
from segments.models.external import Trouble

UNMATCHED_HEADERS = ("email", "profile_id")
SAMPLED = 20
"""So many of those who would come or go are named."""


@dataclass(frozen=True)
class Words:
    tone: str
    icon: str
    label: str
    text: str


OF_PROFILES = {
    "entered": Words("good", "user-plus", "Matched and added", "They are in the segment now."),
    "already": Words("neutral", "users", "Already in the segment", "Nobody is doubled."),
    "unmatched": Words(
        "warn", "user-question", "Without a customer here",
        "No customer has this e-mail address. Who becomes a customer later joins by themselves.",
    ),
    str(Trouble.NO_EMAIL): Words(
        "warn", "mail-off", "Without an e-mail", "Customers are recognised by their e-mail address; these have none."
    ),
    str(Trouble.INVALID): Words("warn", "at", "Not an e-mail address", "What stands there cannot be an address."),
    "kept_out": Words(
        "neutral", "user-minus", "Removed by hand before", "They stay out until somebody adds them by hand."
    ),
    str(Trouble.ERASED): Words(
        "neutral", "shield-lock", "Erased people", "They were erased on request: nothing of these profiles is kept."
    ),
    "repeated": Words("neutral", "repeat", "The same address again", "Each customer counts once."),
    "bad": Words("bad", "file-alert", "Could not be read", "The source gave them in a shape that has no sense."),
    "left_out": Words("warn", "clock-pause", "Set aside", "Our work broke off at these again and again."),
}  # fmt: skip
"""Count of a sync → how it is told, in this order; together they are the profiles that were read."""

OF_MEMBERS = {
    "left": Words(
        "warn", "users-minus", "Left the segment", "They are on the list no more, and nothing else held them."
    ),
    "held_by_others": Words(
        "neutral", "user-check", "Stayed all the same", "They are on the list no more; something else holds them here."
    ),
}
_ALWAYS = {"entered", "already", "unmatched", str(Trouble.NO_EMAIL)}


def of_profiles(sync: Sync) -> list[dict[str, Any]]:
    """What became of the profiles, for components/file_report.html."""
    shown = [name for name in OF_PROFILES if sync.counts.get(name) or name in _ALWAYS]
    return [_outcome(OF_PROFILES[name], sync.counts.get(name, 0)) for name in shown]


def of_members(sync: Sync) -> list[dict[str, Any]]:
    """Who was on the list before and is not now; nothing where nobody was."""
    return [_outcome(words, sync.counts[name]) for name, words in OF_MEMBERS.items() if sync.counts.get(name)]


def _outcome(words: Words, count: int) -> dict[str, Any]:
    return {**asdict(words), "count": count}


def unmatched(sync: Sync) -> QuerySet[ExternalMember]:
    """The profiles with an address that no customer has, as of now."""
    rows: QuerySet[ExternalMember] = ExternalMember.objects.for_store(sync.store).filter(sync=sync)
    customer = Customer.objects.for_store(sync.store).filter(email_key=OuterRef("email_key"))
    return rows.exclude(email_key="").filter(~Exists(customer))


def unmatched_rows(sync: Sync) -> Iterator[tuple[str, str]]:
    """The rows under UNMATCHED_HEADERS."""
    return walk(unmatched(sync), ("email_key", "profile_id"), by="profile_id")


def note_export(sync: Sync, *, actor: User) -> None:
    """Write in the audit trail that the profiles without a customer were taken out as a file."""
    changes = {"list": [None, sync.group_name], "rows": [None, sync.counts.get("unmatched", 0)]}
    audit.record(sync.store, "exported people without a customer of", sync.segment, actor=actor, changes=changes)


def would_leave(sync: Sync) -> list[str]:
    """E-mail addresses of some of the members who would leave by a held sync."""
    return list(going(sync).order_by("customer_id").values_list("customer__email", flat=True)[:SAMPLED])


def would_enter(sync: Sync) -> list[str]:
    """E-mail addresses of some of the customers who would enter by a held sync."""
    return list(coming(sync).order_by("pk").values_list("email", flat=True)[:SAMPLED])
