"""What one shopper did: sign-ins with sessions, features used, e-mails opened, deliveries skipped, and the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from customers import activity_names as names
from customers.demo.buying import Bought
from customers.demo.shopper import Shopper

FEATURES = ("Build-a-box", "Skip a delivery", "Swap a product", "Change the date", "Refer a friend", "Brew guide")
CAMPAIGNS = ("New harvest", "Brewing notes", "Members' week", "Gift ideas", "How to pour over")
SINCE = timedelta(days=540)
"""Since when sign-ins and e-mails are known: the shop began to track them only then."""
_CAMPAIGN_OF = {
    "paid social": {"source": "instagram", "medium": "paid_social", "name": "spring"},
    "organic": {"source": "google", "medium": "organic"},
    "referral": {"source": "friends", "medium": "referral"},
    "email": {"source": "klaviyo", "medium": "email"},
}


@dataclass(frozen=True, slots=True)
class Deed:
    """An event; `session` is the instant at which its session began."""

    at: datetime
    name: str
    properties: dict[str, Any]
    session: datetime | None = None


def do(rng: Random, shopper: Shopper, bought: Bought, *, now: datetime) -> list[Deed]:
    """What the shopper did up to `now`, in the order of time."""
    if shopper.is_tester:
        return []
    deeds = [*_of_subscription(rng, bought, now), *_visits(rng, shopper, now), *_mails(rng, shopper, now)]
    return sorted((deed for deed in deeds if deed.at < now), key=lambda deed: deed.at)


def _of_subscription(rng: Random, bought: Bought, now: datetime) -> Iterator[Deed]:
    for at in bought.skipped:
        told = at - timedelta(days=1 + rng.randrange(5), minutes=rng.randrange(600))
        yield Deed(told, names.SKIPPED, {"delivery": at.date().isoformat()})
    contract = bought.contract
    if contract is None:
        return
    if contract.cancelled_at is not None:
        said = {"reason": contract.reason} if contract.reason else {}
        yield Deed(contract.cancelled_at, names.CANCELLED, {"product": contract.ware.title, **said})
    elif contract.next_on is None:
        paused = now - timedelta(days=2 + rng.randrange(50), minutes=rng.randrange(1_000))
        yield Deed(max(paused, contract.started_at), names.PAUSED, {"product": contract.ware.title})
    if rng.random() < 0.12 and bought.sales:
        at = rng.choice(bought.sales).at + timedelta(days=2)
        yield Deed(at, names.SWAPPED, {"to": contract.ware.title})


def _until(shopper: Shopper, now: datetime) -> datetime:
    """When somebody who has cancelled has lost interest too."""
    if shopper.ends_on is None:
        return now
    return min(now, shopper.signed_up_at + (shopper.ends_on - shopper.signed_up_at.date()) + timedelta(days=9))


def _visits(rng: Random, shopper: Shopper, now: datetime) -> Iterator[Deed]:
    """Sessions: the first by the channel that the shopper came by, then one each few weeks."""
    begin, end = max(shopper.signed_up_at, now - SINCE), _until(shopper, now)
    gap = rng.choice((12, 21, 30, 45, 70, 110))
    at = begin
    while at < end:
        is_first = at == shopper.signed_up_at
        campaign = _CAMPAIGN_OF.get(shopper.channel) if is_first else None
        said: dict[str, Any] = {"app": rng.choice(("web", "web", "ios", "android"))}
        yield Deed(at, names.LOGIN, said | ({names.CAMPAIGN: campaign} if campaign else {}), at)
        later = at
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            later += timedelta(seconds=30 + rng.randrange(400))
            yield Deed(later, names.FEATURE, {"feature": rng.choice(FEATURES)}, at)
        at += timedelta(days=max(1, rng.expovariate(1 / gap)), minutes=rng.randrange(300))


def _mails(rng: Random, shopper: Shopper, now: datetime) -> Iterator[Deed]:
    """Letters that were opened: only by those who may be written to."""
    if shopper.consent != "subscribed":
        return
    end, interest = _until(shopper, now), rng.choice((0.05, 0.2, 0.35, 0.5))
    at = max(shopper.signed_up_at, now - SINCE)
    while (at := at + timedelta(days=28, minutes=rng.randrange(2_000))) < end:
        if rng.random() < interest:
            campaign = rng.choice(CAMPAIGNS)
            yield Deed(at, names.EMAIL_OPENED, {"campaign": campaign})
            if rng.random() < 0.3:
                yield Deed(at + timedelta(seconds=40), names.EMAIL_CLICKED, {"campaign": campaign})
