"""Forms of the ways in."""

from __future__ import annotations

from django import forms

from customers.imports.values import clean
from customers.models import WayInKind
from portal.forms_base import StoreForm


class _Label(forms.CharField):
    def to_python(self, value: object) -> str:
        return clean(super().to_python(value) or "")


class WayInForm(StoreForm):
    """What a new source is, and what staff call it."""

    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in WayInKind if kind.is_tracking],
        label="What sends",
        initial=WayInKind.SEGMENT,
    )
    label = _Label(max_length=100, label="Name", help_text="Such as “Web shop” or “iPhone app”.")


class RenameForm(StoreForm):
    label = _Label(max_length=100, label="Name")
