from __future__ import annotations

import zoneinfo
from datetime import date, datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from portal import clock
from portal.access import Feature, Plan, holds


def validate_time_zone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
        raise ValidationError(f"“{value}” is not a time zone. Use a name such as Europe/Berlin.")


class Store(models.Model):
    """A merchant's shop: the tenant that every other row belongs to."""

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=120)
    plan = models.CharField(max_length=20, choices=Plan.choices, default=Plan.STANDARD)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    currency = models.CharField(
        max_length=3,
        default="USD",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", "Use the three capital letters of a currency, such as USD.")],
    )
    upload_limit = models.PositiveIntegerField(
        default=settings.UPLOAD_LIMIT_DEFAULT,
        validators=[MinValueValidator(1), MaxValueValidator(settings.UPLOAD_LIMIT_MOST)],
        help_text="Customers that one upload may add to a segment.",
    )
    subscription_experiences = models.BooleanField("Subscription Experiences", default=False)
    rewards = models.BooleanField("Rewards", default=False)
    requires_second_factor = models.BooleanField(
        "Two-step sign-in for all", default=False, help_text="Nobody opens the store without two-step sign-in."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False, help_text="Since when it is being erased.")

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None

    def has(self, feature: Feature) -> bool:
        return holds(self.plan, feature)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return clock.zone(self.time_zone)

    def day(self, at: datetime) -> date:
        """The store's own calendar day of the instant `at`."""
        return at.astimezone(self.zone).date()
