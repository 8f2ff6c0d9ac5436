"""What the list of customers, and their export, can be narrowed down to."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from customers import products, queries
from customers.models import Consent, Customer, Product
from portal.filters import DATES_THAT_ARE, StoreFilter


def _day(label: str, method: str) -> django_filters.DateFilter:
    return django_filters.DateFilter(
        label=label, method=method, validators=DATES_THAT_ARE, widget=forms.DateInput(attrs={"type": "date"})
    )


_TYPED = {
    "q": "those who match a search",
    "tag": "those with a tag",
    "channel": "those of an acquisition channel",
}


class CustomerFilter(StoreFilter):
    q = django_filters.CharFilter(label="Search", method="with_words", widget=forms.HiddenInput)
    consent = django_filters.ChoiceFilter(
        field_name="marketing_consent", label="Marketing consent", choices=Consent.choices, empty_label="Any"
    )
    tag = django_filters.CharFilter(label="Tag", method="with_tag", max_length=100)
    channel = django_filters.CharFilter(
        field_name="acquisition_channel", label="Acquisition channel", lookup_expr="iexact", max_length=50
    )
    phone = django_filters.ChoiceFilter(
        label="Phone", method="with_phone", choices=[("yes", "With a phone"), ("no", "Without")], empty_label="Any"
    )
    since = _day("Signed up from", "from_day")
    until = _day("Signed up to", "to_day")

    class Meta:
        model = Customer
        fields: list[str] = []

    @property
    def description(self) -> list[str]:
        """What is asked for, a phrase a filter; of what was typed only that it was, because it may name a person."""
        said = []
        for name, value in (self.form.cleaned_data if self.form.is_valid() else {}).items():
            if value:
                label = self.filters[name].label
                said.append(_TYPED.get(name) or f"{label}: {self._words(name, value)}")
        return said

    def _words(self, name: str, value: Any) -> str:
        choices = dict(self.filters[name].extra.get("choices", ()))
        return str(choices.get(value, value))

    def with_words(self, rows: QuerySet[Any], name: str, words: str) -> QuerySet[Any]:
        return queries.narrowed(rows, self.store, words)

    def with_tag(self, rows: QuerySet[Any], name: str, tag: str) -> QuerySet[Any]:
        # Lists of words cannot be searched in the same way on every database; their text can.
        plain, escaped = json.dumps(tag, ensure_ascii=False), json.dumps(tag)
        with_text = rows.annotate(tags_text=Cast("tags", TextField()))
        return with_text.filter(Q(tags_text__icontains=plain) | Q(tags_text__icontains=escaped))

    def with_phone(self, rows: QuerySet[Any], name: str, answer: str) -> QuerySet[Any]:
        return rows.exclude(phone="") if answer == "yes" else rows.filter(phone="")

    def from_day(self, rows: QuerySet[Any], name: str, day: date) -> QuerySet[Any]:
        return rows.filter(signed_up_at__gte=self._midnight(day))

    def to_day(self, rows: QuerySet[Any], name: str, day: date) -> QuerySet[Any]:
        return rows.filter(signed_up_at__lt=self._midnight(day + timedelta(days=1)))

    def _midnight(self, day: date) -> datetime:
        """When `day` begins by the store's own clocks."""
        return datetime.combine(day, time.min, tzinfo=self.store.zone)


class ProductFilter(StoreFilter):
    q = django_filters.CharFilter(label="Search", method="with_words", widget=forms.HiddenInput, max_length=200)
    category = django_filters.ChoiceFilter(label="Category", empty_label="Any")

    class Meta:
        model = Product
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["category"].extra["choices"] = [(name, name) for name in products.categories(self.store)]

    def with_words(self, rows: QuerySet[Any], name: str, words: str) -> QuerySet[Any]:
        for word in words.replace("\x00", "").split()[: queries.WORDS_AT_MOST]:
            rows = rows.filter(title__icontains=word)
        return rows
