"""The accounts at providers as ways in: connecting one, its addresses for webhooks, and its secrets.

What is secret in the addresses keeps strangers from trying; that a webhook is genuine is told by its signature alone.
So the addresses can be shown whenever they are needed, and both they and the keys are sealed in the database.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from customers.ingest import keys
from customers.models import WayIn, WayInKind
from customers.providers import recharge, shopify
from portal import audit, vault
from portal.actions import Refusal
from portal.faults import retried
from portal.models import Store, User

KINDS = (WayInKind.SHOPIFY, WayInKind.RECHARGE)
TOPICS = {WayInKind.SHOPIFY: shopify.TOPICS, WayInKind.RECHARGE: recharge.TOPICS}
SOURCES = {WayInKind.SHOPIFY: shopify.SOURCE, WayInKind.RECHARGE: recharge.SOURCE}
FORMER_SECRET_LASTS = timedelta(hours=24)
NO_SHOP = "This is not the address of a shop at Shopify. It ends with .myshopify.com."
TAKEN = "This shop is connected already. Change that connection, or revoke it first."
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com")


@dataclass(frozen=True)
class Credentials:
    """What an account is reached with: the secret part of our addresses, and the token for its interface."""

    address: str = ""
    token: str = ""


def credentials_of(way_in: WayIn) -> Credentials:
    """Raises vault.Unreadable."""
    if not way_in.credentials:
        return Credentials()
    given = json.loads(vault.unseal(way_in.credentials))
    return Credentials(address=given.get("address", ""), token=given.get("token", ""))


def sealed(given: Credentials) -> str:
    return vault.seal(json.dumps({"address": given.address, "token": given.token}))


def secrets_of(way_in: WayIn, now: datetime) -> list[str]:
    """The secrets that webhooks may be signed with now; none where it was not given. Raises vault.Unreadable."""
    found = [vault.unseal(way_in.secret)] if way_in.secret else []
    if way_in.former_secret and way_in.former_secret_until and way_in.former_secret_until > now:
        found.append(vault.unseal(way_in.former_secret))
    return [secret for secret in found if secret]


def shop_address(typed: str) -> str:
    """The shop's own address as Shopify writes it. Raises Refusal."""
    shop = typed.strip().lower().removeprefix("https://").removeprefix("http://").partition("/")[0]
    if shop and "." not in shop:
        shop = f"{shop}.myshopify.com"
    if not _DOMAIN.fullmatch(shop):
        raise Refusal(NO_SHOP)
    return shop


def webhook_address(way_in: WayIn, topic: str) -> str:
    """Where the provider is to send this topic. Raises vault.Unreadable."""
    given = credentials_of(way_in)
    path = reverse("webhook", args=(way_in.kind, given.address, topic))
    return f"{settings.PUBLIC_URL.rstrip('/')}{path}"


def webhook_addresses(way_in: WayIn) -> list[tuple[str, str]]:
    """Topic and address of each webhook that is of use here. Raises vault.Unreadable."""
    return [(topic, webhook_address(way_in, topic)) for topic in TOPICS[WayInKind(way_in.kind)]]


@retried
def connect(
    store: Store,
    kind: WayInKind,
    label: str,
    *,
    actor: User,
    account: str = "",
    secret: str = "",
    token: str = "",
    reads_history: bool = False,
) -> WayIn:
    """A new account of the store, whose webhooks are signed with `secret`, and whose interface `token` opens; with
    `reads_history` all that it has is to be read. Raises Refusal."""
    account = shop_address(account) if kind == WayInKind.SHOPIFY else account.strip()
    with transaction.atomic():
        mine = WayIn.objects.for_store(store).filter(kind=kind, revoked_at=None)
        if account and mine.filter(account=account).exists():
            raise Refusal(TAKEN)
        way_in, address = keys.create(store, kind, label, actor=actor)
        way_in.store = store
        way_in.account = account
        way_in.secret = vault.seal(secret.strip()) if secret.strip() else ""
        way_in.credentials = sealed(Credentials(address, token.strip()))
        way_in.reads_history = reads_history and bool(token.strip())
        if token.strip():
            way_in.next_reconcile_at = timezone.now()
        way_in.save()
    return way_in


@retried
def change(way_in: WayIn, *, actor: User, secret: str = "", token: str = "", reads_history: bool | None = None) -> None:
    """Give the account another secret, token or switch; what is empty stays. The secret of before is accepted for
    another day. Raises Refusal and vault.Unreadable."""
    with transaction.atomic():
        row = _held(way_in)
        changes: dict[str, Any] = {}
        if secret.strip() and secret.strip() not in secrets_of(row, timezone.now())[:1]:
            row.former_secret, row.former_secret_until = row.secret, timezone.now() + FORMER_SECRET_LASTS
            row.secret = vault.seal(secret.strip())
            changes["signing secret"] = None
        if token.strip():
            row.credentials = sealed(Credentials(credentials_of(row).address, token.strip()))
            changes["token"] = None
        if reads_history is not None and reads_history != row.reads_history:
            changes["reads history"] = [row.reads_history, reads_history]
            row.reads_history = reads_history
        if not changes:
            return
        row.next_reconcile_at = timezone.now() if credentials_of(row).token else None
        row.save()
        audit.record(way_in.store, "changed", row, actor=actor, changes=changes)


@retried
def new_address(way_in: WayIn, *, actor: User) -> None:
    """Give the webhooks other addresses; the present ones work for another day, and what is due is due now, so that the
    provider is told. Raises Refusal."""
    with transaction.atomic():
        address = keys.rotate(way_in, actor=actor)
        row = _held(way_in)
        token = credentials_of(row).token
        row.credentials = sealed(Credentials(address, token))
        row.next_reconcile_at = timezone.now() if token else None
        row.save(update_fields=["credentials", "next_reconcile_at"])


def _held(way_in: WayIn) -> WayIn:
    rows = WayIn.objects.for_store(way_in.store).select_for_update(no_key=True, of=("self",))
    row: WayIn = rows.get(pk=way_in.pk)
    row.store = way_in.store
    if row.revoked_at is not None:
        raise Refusal(keys.REVOKED)
    return row
