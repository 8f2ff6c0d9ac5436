"""Settings of what keeps metrics true."""

from __future__ import annotations

METRICS_SCHEDULE = {
    "metrics-catch-up": {
        "task": "customers.metrics.tasks.catch_up",
        "schedule": 5.0,
        "options": {"queue": "activity", "expires": 10},
    },
    "metrics-nightly": {
        "task": "customers.metrics.tasks.run_nightly",
        "schedule": 60.0,
        "options": {"queue": "bulk", "expires": 60},
    },
}
