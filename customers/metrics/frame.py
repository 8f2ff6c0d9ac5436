"""Within which metrics are reckoned: of which customers, as of which day, and by what the store means."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from portal.models import Store


@dataclass(frozen=True)
class Thresholds:
    """From which monthly price a plan is of the mid and of the premium tier, and from which discounted share of the
    spend somebody is discount-responsive."""

    mid_from: Decimal
    premium_from: Decimal
    discount_responsive_from: float


@dataclass(frozen=True)
class Those:
    """Some customers of a store: those with these `ids`; or those above `after` and up to `upto` by their ids."""

    ids: tuple[int, ...] | None = None
    after: int | None = None
    upto: int | None = None

    def at(self, field_name: str) -> Q:
        """That the customer whose id is in the field is one of them."""
        if self.ids is not None:
            return Q(**{f"{field_name}__among": self.ids})
        wanted = Q() if self.after is None else Q(**{f"{field_name}__gt": self.after})
        return wanted if self.upto is None else wanted & Q(**{f"{field_name}__lte": self.upto})


@dataclass(frozen=True)
class Frame:
    """`cuts` and `fit` are what the store's state says of fifths and of models; both may be empty."""

    store: Store
    those: Those
    today: date
    thresholds: Thresholds
    cuts: dict[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return self.store.zone

    def rows(self, model: Any, customer: str = "customer_id") -> QuerySet[Any]:
        """The rows of the model that are of those customers."""
        found: QuerySet[Any] = model.objects.for_store(self.store).filter(self.those.at(customer))
        return found

    def days_back(self, days: int) -> datetime:
        """Where the last so many days begin, today being the last of them."""
        return datetime.combine(self.today - timedelta(days=days - 1), time.min, tzinfo=self.zone)

    @cached_property
    def week(self) -> datetime:
        return self.days_back(7)

    @cached_property
    def month(self) -> datetime:
        return self.days_back(30)

    @cached_property
    def quarter(self) -> datetime:
        return self.days_back(90)
