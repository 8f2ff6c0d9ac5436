"""How the providers sign what they send."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime


def shopify_headers(secret: str, body: bytes, *, topic: str, shop: str, number: int, at: datetime) -> dict[str, str]:
    return {
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Hmac-SHA256": base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode(),
        "X-Shopify-Webhook-Id": f"00000000-0000-4000-8000-{number:012d}",
        "X-Shopify-Event-Id": f"10000000-0000-4000-8000-{number:012d}",
        "X-Shopify-Triggered-At": at.astimezone(UTC).isoformat(),
    }


def recharge_headers(secret: str, body: bytes, *, at: datetime, legacy: bool = False) -> dict[str, str]:
    if legacy:
        return {"X-Recharge-Hmac-Sha256": hashlib.sha256(secret.encode() + body).hexdigest()}
    stamp = f"{at.timestamp():.0f}"
    code = hmac.digest(secret.encode(), f"{stamp}.".encode() + body, "sha256").hex()
    return {"X-Recharge-Webhook-Timestamp": stamp, "X-Recharge-Webhook-Signature": f"t={stamp},v1={code}"}
