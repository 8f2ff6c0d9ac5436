"""The form of what a store means by its plans."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from customers.metrics.thresholds import FIELDS, settings_of
from customers.models import MetricsSettings
from portal.forms_base import StoreForm


def _as_typed(value: Decimal) -> Decimal:
    """Without noughts behind the point, and never with an exponent: 60, not 6E+1."""
    return Decimal(f"{value.normalize():f}")


class MetricsForm(StoreForm):
    mid_from = forms.DecimalField(label="Mid from", min_value=0, max_digits=15, decimal_places=3)
    premium_from = forms.DecimalField(label="Premium from", min_value=0, max_digits=15, decimal_places=3)
    discount_responsive_from = forms.DecimalField(
        label="Discount-responsive from",
        min_value=0,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        help_text="Percent of the spend that was taken off by discounts.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        standing = settings_of(self.store)
        for name, field in self.fields.items():
            field.show_hidden_initial = True
            self.initial[name] = _as_typed(getattr(standing, name))
            if name != "discount_responsive_from":
                field.help_text = f"What the active subscriptions cost in a month, in {self.store.currency}."

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if {"mid_from", "premium_from"} <= values.keys() and values["mid_from"] > values["premium_from"]:
            self.add_error("premium_from", "Premium begins where mid ends: this is less than that.")
        return values

    def as_seen(self) -> SafeString:
        """Hidden inputs that say what the page showed when it was opened."""
        return format_html_join("", "{}", ((self[name].as_hidden(only_initial=True),) for name in FIELDS))

    def seen(self) -> dict[str, Any]:
        """Field → the value that the page showed when it was opened."""
        return {name: self._seen(name) for name in FIELDS}

    def _seen(self, name: str) -> Any:
        try:
            return self.fields[name].clean(self.data[self.add_initial_prefix(name)])
        except (KeyError, ValidationError):
            return self.initial[name]

    def show_clashes(self, current: MetricsSettings) -> None:
        """Tell of what somebody else has set since; saving again is meant."""
        standing = {self.add_initial_prefix(name): str(_as_typed(getattr(current, name))) for name in FIELDS}
        self.data = {**self.data.dict(), **standing}  # type: ignore[attr-defined]
        self.add_error(None, "Somebody else has changed these meanwhile. Save again to have it your way.")
