"""What a store means by entry, mid and premium, and by discount-responsive."""

from __future__ import annotations

from decimal import Decimal

from customers.metrics.frame import Thresholds
from customers.models import MetricsSettings
from portal.models import Store

_OF_A_DOLLAR: dict[str, int] = {
    "JPY": 150, "KRW": 1_400, "HUF": 350, "CLP": 950, "COP": 4_000, "IDR": 16_000, "VND": 25_000, "ISK": 140,
    "INR": 85, "PHP": 57, "THB": 34, "TWD": 32, "CZK": 22, "MXN": 18, "ZAR": 18, "SEK": 10, "NOK": 10, "DKK": 7,
    "CNY": 7, "HKD": 8, "BRL": 5, "PLN": 4, "ILS": 4, "AED": 4, "SAR": 4, "RON": 5, "TRY": 40, "UAH": 40,
}  # fmt: skip
"""So many of a currency are about a dollar: where it is not about one, so that the first guess is of the right size."""
_DISCOUNT = Decimal(10)
FIELDS = ("mid_from", "premium_from", "discount_responsive_from")


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
