"""Limits on guessing passwords and codes, which strangers cannot turn against an account's owner.

A browser that the person has signed in with before has a budget of its own. All others share what is left to strangers:
a few tries for each account and address, more for each address, more for each account, and a hundred in a row, after
which only a new password, by the link in an e-mail, lets an unknown browser in. A try is paid for before the password
is looked at, and paid back when it was right; so any number of tries at the same moment cannot pass a limit, and the
right guess beyond it is refused like a wrong one. A refused try costs nothing: the wait does not grow.

Addresses without an account have the same limits and hear the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog
from django.db import transaction
from django.db.models import F, Value
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from portal import clients
from portal.emails import InvalidEmail, email_key
from portal.models import TryBudget

log = structlog.get_logger(__name__)

FIVE_MINUTES = timedelta(minutes=5)
MONTH = timedelta(days=30)


class Purpose(StrEnum):
    PASSWORD = "password"  # noqa: S105
    CODE = "code"
    LETTER = "letter"


@dataclass(frozen=True)
class Limit:
    """At most `most` tries that fail within `window` of the first; or, `in_a_row`, with no right one between them and
    no pause of `window`."""

    name: str
    most: int
    window: timedelta = FIVE_MINUTES
    in_a_row: bool = False


OF_DEVICE = Limit("device", 10)
OF_DEVICE_IN_A_ROW = Limit("device in a row", 100, MONTH, in_a_row=True)
OF_ADDRESS = Limit("address", 30)
OF_ACCOUNT_AND_ADDRESS = Limit("account and address", 5)
OF_ACCOUNT = Limit("account", 20)
OF_ACCOUNT_IN_A_ROW = Limit("account in a row", 100, MONTH, in_a_row=True)
INVITATIONS = Limit("invitations", 60, timedelta(hours=1))
"""Letters to strangers that a store may send: whoever has taken over an owner's account is no use to spammers."""


class TooMany(Exception):
    """A limit is used up; nothing was tried."""


@dataclass
class Try:
    """What a try was paid with."""

    paid: list[tuple[Limit, str]]

    def was_right(self) -> None:
        """Pay back; what counts in a row begins anew."""
        with transaction.atomic():
            for limit, key in self.paid:
                left = Value(0) if limit.in_a_row else F("spent") - 1
                TryBudget.objects.filter(key=key, spent__gt=0).update(spent=left)


def account_key(email: str) -> str:
    """The key of an account by what was typed: that of the person, however the address is written."""
    try:
        return email_key(email)
    except InvalidEmail:
        return email.strip().lower()


def begin(request: HttpRequest, purpose: Purpose, *, account: str, device: str | None) -> Try:
    """Pay for one try at `account` from the request's address; `device` is the browser's name, where it is known.

    Raises TooMany when a limit is used up; then nothing is paid.
    """
    mine = Try([(limit, _key(purpose, limit, subject)) for limit, subject in _limits(request, account, device)])
    # All or nothing; and where a database takes one writer at a time, one turn for all of it.
    with transaction.atomic():
        for limit, key in mine.paid:
            if not _pay(limit, key):
                log.warning("guessing_limited", purpose=purpose.value, limit=limit.name)
                raise TooMany
    return mine


def take(purpose: Purpose, limit: Limit, subject: str) -> bool:
    """Use one of what `subject` may have within the limit's window; False when there is none left."""
    return _pay(limit, _key(purpose, limit, subject))


def forgive(account: str, *, code_account: str) -> None:
    """Begin anew for unknown browsers, since the person has shown to hold the mailbox."""
    keys = [
        _key(purpose, limit, subject)
        for purpose, subject in ((Purpose.PASSWORD, account), (Purpose.CODE, code_account))
        for limit in (OF_ACCOUNT, OF_ACCOUNT_IN_A_ROW)
    ]
    TryBudget.objects.filter(key__in=keys).delete()


def forget() -> int:
    """Delete budgets whose time is over; how many."""
    return TryBudget.objects.filter(until__lt=timezone.now()).delete()[0]


def _limits(request: HttpRequest, account: str, device: str | None) -> list[tuple[Limit, str]]:
    if device is not None:
        own = f"{account} {device}"
        return [(OF_DEVICE, own), (OF_DEVICE_IN_A_ROW, own)]
    here = clients.neighbourhood(clients.address(request))
    return [
        (OF_ACCOUNT_AND_ADDRESS, f"{account} {here}"),
        (OF_ADDRESS, here),
        (OF_ACCOUNT, account),
        (OF_ACCOUNT_IN_A_ROW, account),
    ]


def _key(purpose: Purpose, limit: Limit, subject: str) -> str:
    """No address of a person or a machine stands in the table, nor can be found from it without the secret key."""
    return salted_hmac("portal.throttle", f"{purpose}\n{limit.name}\n{subject}", algorithm="sha256").hexdigest()


def _pay(limit: Limit, key: str) -> bool:
    """Take one of the budget, if there is one left. Each statement decides by itself, so nobody passes between."""
    now = timezone.now()
    until = now + limit.window
    TryBudget.objects.bulk_create([TryBudget(key=key, spent=0, until=until)], ignore_conflicts=True)
    mine = TryBudget.objects.filter(key=key)
    if mine.filter(until__lte=now).update(spent=1, until=until):
        return True
    paid = {"spent": F("spent") + 1} | ({"until": until} if limit.in_a_row else {})
    return bool(mine.filter(spent__lt=limit.most).update(**paid))
