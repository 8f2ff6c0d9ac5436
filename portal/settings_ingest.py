"""Settings for what comes in, from apps, sites and providers and as files; part of portal.settings."""

from __future__ import annotations

from portal import env

UPLOAD_MAX_BYTES = env.integer("COTERIE_UPLOAD_MAX_MB", 1024, least=1, most=20_000) * 1024 * 1024
UPLOAD_KEEP_DAYS = env.integer("COTERIE_UPLOAD_KEEP_DAYS", 30, least=1, most=3_650)
UPLOAD_LIMIT_DEFAULT = 8_900
UPLOAD_LIMIT_MOST = 5_000_000

INGEST_RECORDS_PER_SECOND = env.integer("COTERIE_INGEST_PER_SECOND", 5_000, least=10, most=1_000_000)
"""What each web process takes from one source in a second."""
INGEST_BACKLOG = env.integer("COTERIE_INGEST_BACKLOG", 500_000, least=100, most=100_000_000)
"""So many records of one source may wait; beyond that its senders are asked to come later."""
COOKIELESS = ("/segment/", "/v1/", "/2/", "/batch", "/ingest/", "/webhooks/")
"""Addresses for programs, which know nothing of who is signed in."""

INGEST_SCHEDULE = {
    "read-what-is-due": {
        "task": "customers.tasks.read_what_is_due",
        "schedule": 60.0,
        "options": {"queue": "bulk", "expires": 60},
    },
    "take-in": {"task": "customers.tasks.take_in", "schedule": 2.0, "options": {"queue": "activity", "expires": 4}},
    "join-later": {
        "task": "customers.tasks.join_later",
        "schedule": 15.0,
        "options": {"queue": "activity", "expires": 15},
    },
    "look-through": {
        "task": "customers.tasks.look_through",
        "schedule": 15.0,
        "options": {"queue": "bulk", "expires": 15},
    },
    "forget-arrivals": {
        "task": "customers.tasks.forget_arrivals",
        "schedule": 3600.0,
        "options": {"queue": "bulk", "expires": 3600},
    },
}
