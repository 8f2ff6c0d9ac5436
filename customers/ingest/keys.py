"""Keys of the ways in: made at random, shown once, known here by their digest alone; rotated and revoked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from customers.models import WayIn, WayInKind
from portal import audit, wall
from portal.actions import Refusal
from portal.faults import retried
from portal.models import Store, User

KEY_BYTES = 32
LONGEST = 200
ENDS = 4
FORMER_LASTS = timedelta(hours=24)
"""How long the key before a rotation is accepted too: whoever sends has to be given the new one first."""
MOST = 50
REVOKED = "This source was revoked. Make a new one."


def new_key() -> str:
    return f"cw_{secrets.token_urlsafe(KEY_BYTES)}"


def digest(key: str) -> str:
    """What is kept of a key. It is random and long, so a plain hash gives nothing of it away."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def find(key: str, kinds: Iterable[WayInKind]) -> WayIn | None:
    """The way in, with its store, that is opened by this key; None for keys that are unknown, revoked, too old, of
    another kind, or of a store that is closed."""
    if not key or len(key) > LONGEST:
        return None
    known, now = digest(key), timezone.now()
    opened = Q(key_digest=known) | Q(former_digest=known, former_until__gt=now)
    with wall.lifted():
        rows = WayIn.everywhere.select_related("store").filter(opened, revoked_at=None, kind__in=list(kinds))
        found: WayIn | None = rows.first()
    return None if found is None or found.store.is_closed else found


@retried
def create(store: Store, kind: WayInKind, label: str, *, actor: User) -> tuple[WayIn, str]:
    """A new way in, and its key, which nobody can be shown again. Raises Refusal."""
    key = new_key()
    with transaction.atomic():
        if WayIn.objects.for_store(store).filter(revoked_at=None).count() >= MOST:
            raise Refusal(f"A store has at most {MOST} sources. Revoke one that is not used any more.")
        way_in: WayIn = WayIn.objects.create_for(
            store, kind=kind, label=label, key_digest=digest(key), key_ends=key[-ENDS:], created_by=actor
        )
        audit.record(store, "created", way_in, actor=actor, changes={"kind": [None, kind.value]})
    return way_in, key


@retried
def rotate(way_in: WayIn, *, actor: User) -> str:
    """Give the way in another key, and return it; the present one is accepted for another day. Raises Refusal."""
    key = new_key()
    with transaction.atomic():
        row = _held(way_in)
        row.former_digest, row.former_until = row.key_digest, timezone.now() + FORMER_LASTS
        row.key_digest, row.key_ends = digest(key), key[-ENDS:]
        row.save(update_fields=["former_digest", "former_until", "key_digest", "key_ends"])
        audit.record(way_in.store, "gave a new key to", row, actor=actor)
    return key


@retried
def revoke(way_in: WayIn, *, actor: User) -> None:
    """Accept nothing more from it, with neither of its keys; what came stays. Raises Refusal."""
    with transaction.atomic():
        row = _held(way_in)
        row.revoked_at, row.former_digest, row.former_until = timezone.now(), "", None
        row.secret = row.former_secret = row.credentials = ""
        row.next_reconcile_at = None
        row.save()
        audit.record(way_in.store, "revoked", row, actor=actor)


@retried
def rename(way_in: WayIn, label: str, *, actor: User) -> None:
    with transaction.atomic():
        row = _held(way_in)
        before, row.label = row.label, label
        row.save(update_fields=["label"])
        audit.record(way_in.store, "renamed", row, actor=actor, changes={"label": [before, label]})


def _held(way_in: WayIn) -> WayIn:
    rows = WayIn.objects.for_store(way_in.store).select_for_update(no_key=True, of=("self",))
    row: WayIn = rows.get(pk=way_in.pk)
    row.store = way_in.store
    if row.revoked_at is not None:
        raise Refusal(REVOKED)
    return row
