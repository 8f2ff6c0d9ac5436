"""Whether a webhook was signed by whom it should: the bytes of the body and the headers, and nothing else. Pure.

All of it is refused alike: no header, one that is malformed, another secret. Comparing takes the same time whatever
the signature. A secret that is empty signs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping

SHOPIFY_HEADER = "X-Shopify-Hmac-Sha256"
RECHARGE_HEADER, RECHARGE_LEGACY = "X-Recharge-Webhook-Signature", "X-Recharge-Hmac-Sha256"
AHEAD_MOST = 300
OLD_MOST = 172_800
"""Seconds that a webhook may come from the future, and from the past: both providers try again for up to two days."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=")
_HEX = re.compile(r"[0-9a-f]{64}")
_PARTS = re.compile(r"t=(?P<at>[0-9]{1,12}),v1=(?P<code>[0-9a-f]{64})")


def is_of_shopify(secrets: Iterable[str], body: bytes, headers: Mapping[str, str]) -> bool:
    """Shopify's: the base64 of HMAC-SHA256 over the body, with one of the secrets."""
    said = headers.get(SHOPIFY_HEADER, "")
    # One spelling alone: others of the same bytes differ in the bits that padding leaves over.
    if not said.isascii() or not _BASE64.fullmatch(said):
        return False
    return _any_is(said, (base64.b64encode(hmac.digest(key, body, "sha256")).decode() for key in _keys(secrets)))


def is_of_recharge(secrets: Iterable[str], body: bytes, headers: Mapping[str, str], *, now: float) -> bool:
    """Recharge's: `t=…,v1=…` with the hex of HMAC-SHA256 over "t.body", of a time that is not too far from `now`, in
    seconds since 1970.

    The older header, a plain hash with the secret first, counts only where the newer one is absent. Whoever knows one
    body and its hash can make a longer body of it that fits: such a body is no JSON, and is refused for that.
    """
    keys = _keys(secrets)
    said = headers.get(RECHARGE_HEADER)
    if said is None:
        old = headers.get(RECHARGE_LEGACY, "")
        return bool(_HEX.fullmatch(old)) and _any_is(old, (hashlib.sha256(key + body).hexdigest() for key in keys))
    parts = _PARTS.fullmatch(said)
    if parts is None or not is_timely(int(parts["at"]), now=now):
        return False
    signed = parts["at"].encode() + b"." + body
    return _any_is(parts["code"], (hmac.digest(key, signed, "sha256").hex() for key in keys))


def time_of_recharge(headers: Mapping[str, str]) -> float | None:
    """Of when Recharge says that it signed, in seconds since 1970; None where it does not say."""
    parts = _PARTS.fullmatch(headers.get(RECHARGE_HEADER, ""))
    return float(parts["at"]) if parts else None


def is_timely(at: float, *, now: float) -> bool:
    """Whether something that is said to be of `at` may come at `now`, both in seconds since 1970."""
    return -OLD_MOST <= at - now <= AHEAD_MOST


def _keys(secrets: Iterable[str]) -> list[bytes]:
    return [secret.encode() for secret in secrets if secret]


def _any_is(said: str, right: Iterable[str]) -> bool:
    # All of them are compared, so that the time tells nothing of which it was.
    return sum(hmac.compare_digest(said, one) for one in right) > 0
