"""The larger shop's account at Klaviyo, where a stand-in for that runs beside the demo, and a segment that follows a
segment there. Nothing of it is made up: the worker reads it as soon as it is up."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

from portal.demo_outside import HOST, KLAVIYO_KEY
from portal.models import Store, User
from segments import actions
from segments.external import connections, links
from segments.models import ExternalGroup
from segments.sandbox.people import ACCOUNT, ACCOUNT_ID, short_id
from segments.sources.base import Account

SEGMENT = "VIP: 3+ orders"


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
