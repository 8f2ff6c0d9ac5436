"""What the admin pages of all apps are made of."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest

from portal import audit
from portal.models import Store


class BoundedPaginator(Paginator):
    """Counts to `most` and no further: counting a table of millions for each page would take longer than the page.
    What lies beyond is found by search and filters."""

    most = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return rows.order_by()[: self.most].count()


class NamedValuesFilter(admin.AllValuesFieldListFilter):
    """Choices of the values that there are; rows without one can be chosen too, by a link that has a text."""

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "None"}


class StoreModelAdmin(admin.ModelAdmin):
    """Rows of all stores, read through `everywhere`; the store is shown and filtered by, never changed.

    Set `date_hierarchy` on tables that stay small only: it reads the whole table.
    """

    list_select_related: ClassVar[Any] = ("store",)
    list_filter: ClassVar[Any] = ("store",)
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    readonly_fields: ClassVar[Any] = ("store",)
    ordering: ClassVar[Any] = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        model: Any = self.model
        return model.everywhere.order_by(*self.get_ordering(request))


class ToldExportMixin:
    """Writes into the audit trail of each store how many of its rows were taken out as a file. Stands before the mixin
    that exports."""

    def get_export_data(self, file_format: Any, request: Any, queryset: QuerySet[Any], **kwargs: Any) -> Any:
        exported = super().get_export_data(file_format, request, queryset, **kwargs)  # type: ignore[misc]
        kept = queryset.model._meta.verbose_name_plural
        counts = queryset.order_by().values_list("store").annotate(rows=Count("pk"))
        for store_id, rows in counts:
            store = Store.objects.get(pk=store_id)
            changes = {"file": file_format.get_title(), "which": ["from the admin"], str(kept): [None, rows]}
            audit.record(store, "exported", None, actor=request.user, label=str(kept).capitalize(), changes=changes)
        return exported

    def get_export_queryset(self, request: HttpRequest) -> Any:
        try:
            return super().get_export_queryset(request)  # type: ignore[misc]
        except IncorrectLookupParameters as error:
            # The list passes over such a filter; a file would then hold more than was asked for.
            raise BadRequest("There is no such filter.") from error


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the portal itself writes: the admin looks at them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class InStoreForm(forms.ModelForm):
    """Adds a row to a store that is chosen here, because models keep the store out of their forms."""

    in_store = forms.ModelChoiceField(Store.objects.filter(closed_at=None), label="Store")

    def clean_in_store(self) -> Store:
        self.instance.store = self.cleaned_data["in_store"]
        return self.instance.store
