"""Settings for what Coterie asks other systems; part of portal.settings."""

from __future__ import annotations

from datetime import UTC, datetime

from portal import env

KLAVIYO_API_URL = env.url("KLAVIYO_API_URL", "https://a.klaviyo.com", schemes={"http", "https"}).rstrip("/")
SHOPIFY_API_URL = env.url("SHOPIFY_API_URL", "", schemes={"http", "https"}).rstrip("/")
RECHARGE_API_URL = env.url("RECHARGE_API_URL", "https://api.rechargeapps.com", schemes={"http", "https"}).rstrip("/")
OUTBOUND_HOLD = env.boolean("COTERIE_OUTBOUND_HOLD", False)
OUTBOUND_ALLOW = env.networks("COTERIE_OUTBOUND_ALLOW")

DAILY_SYNC_SINCE = datetime(2025, 1, 23, tzinfo=UTC)
"""Segments that follow a list since before this day are synced by hand, until an owner turns the daily sync on."""
BRAKE_PERCENT, BRAKE_PEOPLE = 30, 100
"""A sync that would take away more than both of a segment's members waits for a person."""

OUTSIDE_SCHEDULE = {
    "join-newcomers": {
        "task": "segments.tasks.join_newcomers",
        "schedule": 15.0,
        "options": {"queue": "bulk", "expires": 60},
    },
    "keep-connections": {
        "task": "segments.tasks.keep_connections",
        "schedule": 300.0,
        "options": {"queue": "interactive", "expires": 300},
    },
}
