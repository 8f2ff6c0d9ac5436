from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Epoch(models.Model):
    """How far a host has counted in this database; the host keeps the same count in a file. See portal/epoch.py."""

    host = models.CharField(max_length=32, primary_key=True)
    count = models.BigIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.host} at {self.count}"


class Hold(models.Model):
    """A time in which nothing goes out by itself; see portal/hold.py. It lasts until somebody releases it."""

    since = models.DateTimeField(default=timezone.now)
    reason = models.TextField()
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ("-since", "-pk")

    def __str__(self) -> str:
        return self.reason
