from __future__ import annotations

from django.db import models


class CallBudget(models.Model):
    """When calls under a key were made and may be made next, in seconds since 1970; see portal/outbound/budget.py.

    `counts`: second → calls that were granted in it.
    """

    key = models.CharField(max_length=200, unique=True)
    at = models.FloatField(default=0)
    next_at = models.FloatField(default=0)
    held_until = models.FloatField(default=0)
    counts = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.key
