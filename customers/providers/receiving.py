"""What becomes of a webhook while its sender waits: seen to be genuine and readable, kept, and answered.

The store and the topic are those of our address; headers that are not signed decide nothing but that a webhook is
turned away. A webhook is known again by its topic, the number and time of what it tells of, and its very bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from customers.ingest.inbox import Received, receive
from customers.models import WayIn, WayInKind
from customers.providers import signing
from customers.providers.accounts import TOPICS, secrets_of
from customers.providers.reading import part, word
from portal import strict_json, wall
from portal.vault import Unreadable

log = structlog.get_logger(__name__)

BODY_MOST = 2_000_000
NOT_SIGNED = "A webhook was turned away: it was not signed with this secret."
NOT_TIMELY = "A webhook was turned away: it is signed, but its time and this machine's clock differ by {} s."
NO_TIME = "A webhook was turned away: the time that it says cannot be read."
NO_SECRET = "A webhook was turned away: no signing secret is known here yet."  # noqa: S105
OTHER_SHOP = "A webhook was turned away: it names another shop."
_NOTED_EVERY = timedelta(minutes=1)


class NotGenuine(Exception):
    """It is not from whom it says; nothing of it was read."""


class Garbage(Exception):
    """It is signed, and cannot be read."""


def take(way_in: WayIn, topic: str, body: bytes, headers: Mapping[str, str]) -> Received:
    """Keep a webhook. Raises NotGenuine, Garbage and the database's errors."""
    now = timezone.now()
    _refuse_unless_genuine(way_in, body, headers, now)
    try:
        said = strict_json.read(body)
    except strict_json.NotStrict as error:
        raise Garbage(str(error)) from error
    _refuse_other_shop(way_in, said, headers)
    # A topic that is nobody's business here is kept too: staff see that it comes.
    return receive(way_in, topic, body.decode(), records=1, dedupe_key=dedupe_key(topic, said, body))


def dedupe_key(topic: str, said: Mapping[str, Any], body: bytes) -> str:
    """64 characters by which the same webhook is known again, whatever its headers."""
    about = said
    if len(said) == 1:  # Recharge wraps what it tells of in its name
        about = part(said, next(iter(said))) or said
    known_by = [topic, word(about, "id"), word(about, "updated_at"), hashlib.sha256(body).hexdigest()]
    return hashlib.sha256("\n".join(known_by).encode()).hexdigest()


def is_known(kind: WayInKind, topic: str) -> bool:
    return topic in TOPICS[kind]


def _refuse_unless_genuine(way_in: WayIn, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
    try:
        secrets = secrets_of(way_in, now)
    except Unreadable:
        secrets = []
    if not secrets:
        raise _turned_away(way_in, NO_SECRET, now)
    at = _time_said(way_in, headers, now)
    if way_in.kind == WayInKind.SHOPIFY:
        is_signed = signing.is_of_shopify(secrets, body, headers)
    else:
        is_signed = signing.is_of_recharge(secrets, body, headers, now=at)
    if not is_signed:
        raise _turned_away(way_in, NOT_SIGNED, now)
    if not signing.is_timely(at, now=now.timestamp()):
        # Either it is an old one again, or one of the clocks is wrong: staff can tell by how much it is.
        raise _turned_away(way_in, NOT_TIMELY.format(f"{abs(at - now.timestamp()):,.0f}"), now)


def _time_said(way_in: WayIn, headers: Mapping[str, str], now: datetime) -> float:
    """Of when the webhook says that it is, in seconds since 1970; now where it says nothing. Raises NotGenuine."""
    if way_in.kind == WayInKind.RECHARGE:
        said_at = signing.time_of_recharge(headers)
        return now.timestamp() if said_at is None else said_at
    said = headers.get("X-Shopify-Triggered-At")
    if said is None:
        return now.timestamp()
    try:
        at = datetime.fromisoformat(said.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise _turned_away(way_in, NO_TIME, now) from None


def _refuse_other_shop(way_in: WayIn, said: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    if way_in.kind != WayInKind.SHOPIFY:
        return
    named = {headers.get("X-Shopify-Shop-Domain", ""), word(said, "shop_domain"), word(said, "myshopify_domain")}
    if any(shop.strip().lower() not in ("", way_in.account) for shop in named):
        raise _turned_away(way_in, OTHER_SHOP, timezone.now())


def _turned_away(way_in: WayIn, why: str, now: datetime) -> NotGenuine:
    """Told on the page of the way in; no more than now and then, since anybody may send anything."""
    log.warning("webhook_refused", way_in=way_in.pk, why=why)
    seldom = Q(last_error_at=None) | Q(last_error_at__lt=now - _NOTED_EVERY)
    with wall.around(way_in.store), transaction.atomic():
        mine = WayIn.objects.for_store(way_in.store).filter(seldom, pk=way_in.pk)
        # Whoever takes in what came before holds the row for long: a stranger must not have us wait for that.
        if mine.select_for_update(no_key=True, of=("self",), skip_locked=True).values_list("pk").first():
            mine.update(last_error=why, last_error_at=now)
    return NotGenuine(why)
