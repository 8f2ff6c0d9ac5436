"""What a store means by entry, mid and premium, and by discount-responsive."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction

from customers.metrics.frame import Thresholds
from customers.models import MetricsSettings
from portal import audit
from portal.faults import retried
from portal.models import Store, User

_OF_A_DOLLAR: dict[str, int] = {
    "JPY": 150, "KRW": 1_400, "HUF": 350, "CLP": 950, "COP": 4_000, "IDR": 16_000, "VND": 25_000, "ISK": 140,
    "INR": 85, "PHP": 57, "THB": 34, "TWD": 32, "CZK": 22, "MXN": 18, "ZAR": 18, "SEK": 10, "NOK": 10, "DKK": 7,
    "CNY": 7, "HKD": 8, "BRL": 5, "PLN": 4, "ILS": 4, "AED": 4, "SAR": 4, "RON": 5, "TRY": 40, "UAH": 40,
}  # fmt: skip
"""So many of a currency are about a dollar: where it is not about one, so that the first guess is of the right size."""
_DISCOUNT = Decimal(10)
FIELDS = ("mid_from", "premium_from", "discount_responsive_from")


class ChangedMeanwhile(Exception):
    """Someone else changed the settings since the page was opened; `current` is as they are now."""

    def __init__(self, current: MetricsSettings) -> None:
        super().__init__(str(current.pk))
        self.current = current


def settings_of(store: Store) -> MetricsSettings:
    """What the store has set; what is taken for it, not saved, where it has set nothing."""
    found: MetricsSettings | None = MetricsSettings.objects.for_store(store).first()
    return found or MetricsSettings(store=store, **defaults(store))


def defaults(store: Store) -> dict[str, Decimal]:
    dollar = Decimal(_OF_A_DOLLAR.get(store.currency, 1))
    return {"mid_from": 25 * dollar, "premium_from": 60 * dollar, "discount_responsive_from": _DISCOUNT}


def thresholds_of(store: Store) -> Thresholds:
    found = settings_of(store)
    return Thresholds(found.mid_from, found.premium_from, float(found.discount_responsive_from) / 100)


@retried
def change_settings(store: Store, *, actor: User, seen: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Write the settings whose `wanted` value differs from the one that the person has `seen`; field → [old, new].
    Raises ChangedMeanwhile when somebody else has changed one of the same."""
    edits = {name: value for name, value in wanted.items() if name in FIELDS and value != seen[name]}
    with transaction.atomic():
        Store.objects.select_for_update(no_key=True).get(pk=store.pk)
        standing = settings_of(store)
        before = {name: getattr(standing, name) for name in edits}
        if any(value not in (seen[name], edits[name]) for name, value in before.items()):
            raise ChangedMeanwhile(standing)
        changes = audit.difference(before, edits)
        if changes:
            for name in changes:
                setattr(standing, name, edits[name])
            standing.save()
            words = {name: [str(old), str(new)] for name, (old, new) in changes.items()}
            audit.record(store, "changed", standing, actor=actor, label="Metrics", changes=words)
    return changes
