"""The larger shop's accounts at Klaviyo, Shopify and Recharge, where stand-ins for those run beside the demo, and a
segment that follows one at Klaviyo. Nothing of it is made up: the worker reads that segment as soon as it is up, and
what Shopify and Recharge have sold in the first night, or when somebody has it read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from customers.models import WayInKind
from customers.providers import accounts, schedule
from portal.demo_outside import (
    HOST,
    KLAVIYO_KEY,
    RECHARGE_SECRET,
    RECHARGE_TOKEN,
    SHOPIFY_DOMAIN,
    SHOPIFY_SECRET,
    SHOPIFY_TOKEN,
)
from portal.models import Store, User
from segments import actions
from segments.external import connections, links
from segments.models import ExternalGroup
from segments.sandbox.people import ACCOUNT, ACCOUNT_ID, short_id
from segments.sources.base import Account

SEGMENT = "VIP: 3+ orders"
QUIET = timedelta(hours=20)
"""For so long no account is read by itself, so that the demo is the same for everybody who has just started it."""


def follow(store: Store, actor: User) -> bool:
    """Connect the shop, and have a segment follow one of Klaviyo's; False where no stand-in runs."""
    if urlsplit(settings.KLAVIYO_API_URL).hostname != HOST:
        return False
    account = Account(ACCOUNT_ID, ACCOUNT)
    connection = connections.connect(store, "klaviyo", {"api_key": KLAVIYO_KEY}, account, actor=actor)
    group = ExternalGroup.objects.create_for(
        store,
        connection=connection,
        kind="segment",
        group_id=short_id(SEGMENT),
        name=SEGMENT,
        name_key=SEGMENT.casefold(),
        seen_in=0,
    )
    segment = actions.create_segment(store, name="VIPs", actor=actor)
    links.link_segment(segment, group, actor=actor)
    return True


def sell(store: Store, actor: User, now: datetime) -> int:
    """Connect the shop's accounts at Shopify and Recharge, those for which a stand-in runs; how many."""
    given: list[tuple[WayInKind, str, str, dict[str, Any]]] = [
        (
            WayInKind.SHOPIFY,
            settings.SHOPIFY_API_URL,
            "Web shop",
            {"account": SHOPIFY_DOMAIN, "secret": SHOPIFY_SECRET, "token": SHOPIFY_TOKEN},
        ),
        (
            WayInKind.RECHARGE,
            settings.RECHARGE_API_URL,
            "Subscriptions",
            {"secret": RECHARGE_SECRET, "token": RECHARGE_TOKEN},
        ),
    ]
    here = [one for one in given if urlsplit(one[1]).hostname == HOST]
    for kind, _, label, typed in here:
        way_in = accounts.connect(store, kind, label, actor=actor, reads_history=True, **typed)
        schedule.plan(way_in, now=now + QUIET)
    return len(here)
