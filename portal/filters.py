"""What the lists of runs and of the audit trail can be narrowed down to."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import django_filters
from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet

from portal import history, jobs, queries
from portal.models import AuditEntry, Job, Store
from portal.models.job import JobState

DATES_THAT_ARE = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class StoreFilter(django_filters.FilterSet):
    """Filters of a store's list; what is not understood narrows nothing down, and the form says so."""

    def __init__(self, data: Any, *, store: Store, queryset: QuerySet[Any]) -> None:
        self.store = store
        super().__init__(data, queryset=queryset)

    @property
    def active(self) -> int:
        """How many filters are set, the search not counted."""
        return sum(bool(self.data.get(name)) for name in self.filters if name != "q")


def _day(label: str, method: str) -> django_filters.DateFilter:
    return django_filters.DateFilter(
        label=label, method=method, validators=DATES_THAT_ARE, widget=forms.DateInput(attrs={"type": "date"})
    )


class AuditFilter(StoreFilter):
    q = django_filters.CharFilter(field_name="object_label", lookup_expr="icontains", widget=forms.HiddenInput)
    who = django_filters.ChoiceFilter(field_name="actor_label", label="Who", empty_label="Everyone")
    verb = django_filters.ChoiceFilter(label="What was done", empty_label="Anything")
    object = django_filters.ChoiceFilter(field_name="object_type", label="To what", empty_label="Anything")
    since = _day("From", "from_day")
    until = _day("To", "to_day")

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def __init__(self, data: Any, *, store: Store, queryset: QuerySet[Any]) -> None:
        super().__init__(data, store=store, queryset=queryset)
        words = queries.audit_words(store)
        self.filters["who"].extra["choices"] = [(who, who) for who in words["actor_label"]]
        self.filters["verb"].extra["choices"] = [(verb, history.capitalized(verb)) for verb in words["verb"]]
        self.filters["object"].extra["choices"] = [(name, history.object_name(name)) for name in words["object_type"]]

    def from_day(self, rows: QuerySet[Any], name: str, day: date) -> QuerySet[Any]:
        return rows.filter(at__gte=self._midnight(day))

    def to_day(self, rows: QuerySet[Any], name: str, day: date) -> QuerySet[Any]:
        return rows.filter(at__lt=self._midnight(day + timedelta(days=1)))

    def _midnight(self, day: date) -> datetime:
        """When `day` begins by the store's own clocks."""
        return datetime.combine(day, time.min, tzinfo=self.store.zone)


class RunFilter(StoreFilter):
    q = django_filters.CharFilter(field_name="label", lookup_expr="icontains", widget=forms.HiddenInput)
    state = django_filters.ChoiceFilter(label="State", choices=JobState.choices, empty_label="Any")
    kind = django_filters.ChoiceFilter(label="Kind", empty_label="Any")

    class Meta:
        model = Job
        fields: list[str] = []

    def __init__(self, data: Any, *, store: Store, queryset: QuerySet[Any]) -> None:
        super().__init__(data, store=store, queryset=queryset)
        self.filters["kind"].extra["choices"] = [(kind, history.kind_name(kind)) for kind in jobs.kinds()]
