"""Remembering who was erased without knowing them: keyed hashes of their addresses and of their ids elsewhere.

Whoever brings people in asks here before writing them. A hash says nothing to those who do not have the key; the key
is COTERIE_ERASURE_KEY, or made of the secret key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.utils import timezone

from customers.models import ErasedIdentity, Erasure
from customers.register import lock_customers
from portal import audit
from portal.actions import Refusal
from portal.models import Store, User

EMAIL, SHOPIFY, RECHARGE, KLAVIYO = "email", "shopify_id", "recharge_id", "klaviyo_id"
KINDS = (EMAIL, SHOPIFY, RECHARGE, KLAVIYO)
"""What a person is recognised by; an e-mail address by its key, the others as they are."""

VISITOR = "visitor"
"""A name that a source had for the person: its digest, as events have it."""

_BLOCK = 64
_OWN_SALT = b"coterie: people who were erased"


def remember(erasure: Erasure, known_as: Iterable[tuple[str, str]]) -> None:
    """Keep of these pairs of kind and value what they are recognised by, should they come again."""
    lock_customers(erasure.store)
    hashed = _hashes()[0]
    digests = {(kind, hashed(erasure.store, kind, value)) for kind, value in known_as if value}
    ErasedIdentity.objects.for_store(erasure.store).bulk_create(
        [
            ErasedIdentity(store=erasure.store, erasure=erasure, kind=kind, digest=digest)
            for kind, digest in sorted(digests)
        ],
        ignore_conflicts=True,
    )


def erased_among(store: Store, values: Mapping[str, Iterable[str]]) -> set[tuple[str, str]]:
    """The pairs of kind and value, of those given as kind → values, that belong to people whom the store erased."""
    remembered = ErasedIdentity.objects.for_store(store)
    if not remembered.exists():
        return set()
    asked = {
        (kind, hashed(store, kind, value)): (kind, value)
        for hashed in _hashes()
        for kind, given in values.items()
        for value in given
        if value
    }
    found = remembered.filter(digest__among=[digest for _, digest in asked]).values_list("kind", "digest")
    return {asked[pair] for pair in found if pair in asked}


def erasures_of(store: Store, email_key: str) -> list[Erasure]:
    """The erasures, not taken back, that keep this address from coming again."""
    digests = [hashed(store, EMAIL, email_key) for hashed in _hashes()]
    found = ErasedIdentity.objects.for_store(store).filter(kind=EMAIL, digest__in=digests).values("erasure")
    return list(Erasure.objects.for_store(store).filter(pk__in=found).order_by("pk"))


def readmit(store: Store, key: str, *, actor: User) -> None:
    """Forget that the person whose address has this key was erased: they asked to come back. Call it in the
    transaction that adds them, with the customers locked. Raises Refusal while the erasing goes on."""
    for erasure in erasures_of(store, key):
        if erasure.finished_at is None:
            raise Refusal("This person is being erased at the moment. Wait until that is done.")
        ErasedIdentity.objects.for_store(store).filter(erasure=erasure).delete()
        erasure.lifted_at = timezone.now()
        erasure.save(update_fields=["lifted_at"])
        audit.record(store, "lifted", erasure, actor=actor, changes={"they asked to come back": None})


def _hashes() -> list[_Hash]:
    """One for each key that hashes were made with; new ones are made with the first."""
    given = [key.encode() for key in settings.ERASURE_KEYS]
    return [_Hash(key) for key in given or [hmac.digest(settings.SECRET_KEY.encode(), _OWN_SALT, "sha256")]]


class _Hash:
    """HMAC-SHA256 with one key, of millions of values: what depends on the key alone is worked out once."""

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= _BLOCK else hashlib.sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def __call__(self, store: Store, kind: str, value: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{store.pk}:{kind}:{value}".encode())
        outer.update(inner.digest())
        return outer.hexdigest()
