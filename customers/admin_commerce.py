"""The admin of what customers buy and do: looked at, and for orders and subscriptions imported and exported. What
stands in these tables is what their sources say, so nobody mends it here by hand."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.http import HttpRequest
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV, XLSX
from import_export.forms import ConfirmImportForm, ExportForm, ImportForm

from customers.models import Event, Order, OrderLine, Product, Subscription
from customers.resources_commerce import OrderResource, SubscriptionResource
from portal.admin_base import ReadOnlyAdmin, StoreModelAdmin, ToldExportMixin
from portal.models import Store


class ImportIntoStoreForm(ImportForm):
    in_store = forms.ModelChoiceField(Store.objects.filter(closed_at=None), label="Store")


class ConfirmIntoStoreForm(ConfirmImportForm):
    in_store = forms.ModelChoiceField(Store.objects.filter(closed_at=None), widget=forms.HiddenInput)


class IntoStoreMixin(ToldExportMixin, ImportExportMixin):
    """Imports into a store that is chosen, for those who may add such rows."""

    import_form_class = ImportIntoStoreForm
    confirm_form_class = ConfirmIntoStoreForm
    export_form_class = ExportForm
    formats: ClassVar[Any] = [CSV, XLSX]

    def has_import_permission(self, request: HttpRequest) -> bool:
        model: Any = self.model
        user: Any = request.user
        return bool(user.has_perm(f"{model._meta.app_label}.{get_permission_codename('add', model._meta)}"))

    def get_confirm_form_initial(self, request: HttpRequest, import_form: Any) -> Any:
        initial = super().get_confirm_form_initial(request, import_form)
        return initial | {"in_store": import_form.cleaned_data["in_store"].pk} if import_form else initial

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        form: Any = kwargs.get("form")
        is_filled = form is not None and form.is_bound and form.is_valid()
        return {"store": form.cleaned_data["in_store"] if is_filled else None}


class OrderLines(admin.TabularInline):
    """The lines of an order."""

    model = OrderLine
    template = "admin/lines_to_read.html"
    fields = ("position", "title", "product", "quantity", "price", "discount", "is_subscription")
    ordering = ("position",)
    extra = 0

    def get_queryset(self, request: HttpRequest) -> Any:
        return OrderLine.everywhere.select_related("product", "store").order_by("position")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(IntoStoreMixin, ReadOnlyAdmin, StoreModelAdmin):
    resource_classes: ClassVar[Any] = [OrderResource]
    inlines: ClassVar[Any] = [OrderLines]
    list_display = ("__str__", "store", "customer", "status", "kind", "total", "currency", "placed_at", "source")
    list_filter = ("store", "status", "kind", "source")
    list_select_related = ("store", "customer")
    search_fields = ("number__iexact", "external_id__iexact", "customer__email_key__iexact")
    search_help_text = "The number of the order, its id, or the customer's address; whole."


@admin.register(Subscription)
class SubscriptionAdmin(IntoStoreMixin, ReadOnlyAdmin, StoreModelAdmin):
    resource_classes: ClassVar[Any] = [SubscriptionResource]
    list_display = ("title", "store", "customer", "status", "price", "currency", "started_at", "cancelled_at", "source")
    list_filter = ("store", "status", "interval_unit", "source")
    list_select_related = ("store", "customer")
    search_fields = ("external_id__iexact", "customer__email_key__iexact", "title")
    search_help_text = "The id, the customer's address (both whole), or a part of the product's name."


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("name", "store", "customer", "occurred_at", "received_at", "way_in")
    list_filter = ("store", "time_is")
    list_select_related = ("store", "customer", "way_in")
    search_fields = ("message_key__exact", "customer__email_key__iexact")
    search_help_text = "The customer's address, or the key of the message; whole."


@admin.register(Product)
class ProductAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("title", "store", "category", "is_box", "active_subscriptions", "recent_orders", "buyers", "source")
    list_filter = ("store", "source", "is_box")
    search_fields = ("title", "external_id__iexact")
