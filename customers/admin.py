"""The admin of customers: looked up, mended, imported and exported; and the files that they came from."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from customers import queries
from customers.actions import WasErased, label_of, note_former_address, refuse_erased
from customers.admin_commerce import IntoStoreMixin
from customers.models import Customer, CustomerImport, CustomerImportRow, Erasure
from customers.register import lock_customers
from customers.resources import AdminCustomerResource
from portal import audit
from portal.admin_base import InStoreForm, ReadOnlyAdmin, StoreModelAdmin
from portal.emails import email_key
from portal.forms_base import CustomerEmailField
from portal.models import Store
from portal.sheets import WAS_ERASED

EDITABLE = (
    "email", "first_name", "last_name", "phone", "marketing_consent", "signed_up_at", "acquisition_channel", "tags",
    "attributes", "shopify_id", "recharge_id", "klaviyo_id",
)  # fmt: skip
KEPT_BY_THE_PORTAL = ("email_key", "last_import", "created_at", "changed_at", "changed_in", "erased_at")


class CustomerAdminForm(forms.ModelForm):
    email = CustomerEmailField()

    class Meta:
        model = Customer
        fields = EDITABLE

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        store = values.get("in_store") or (self.instance.store if self.instance.store_id else None)
        if store is not None and values.get("email"):
            # The admin cleans and saves in one transaction, so that what is found here stays true until it has saved.
            lock_customers(store)
            self._refuse(store, values["email"])
        return values

    def _refuse(self, store: Store, email: str) -> None:
        other = queries.find_by_email(store, email)
        if other is not None and other.pk != self.instance.pk:
            raise ValidationError({"email": "A customer of this store has this address already."})
        if other is None:
            try:
                refuse_erased(store, email)
            except WasErased as error:
                raise ValidationError({"email": WAS_ERASED}) from error


class NewCustomerAdminForm(CustomerAdminForm, InStoreForm):
    """Adds a customer to the store that is chosen."""


@admin.register(Customer)
class CustomerAdmin(IntoStoreMixin, StoreModelAdmin):
    """Customers cannot be deleted here: their memberships and their history would be left without a person."""

    resource_classes: ClassVar[Any] = [AdminCustomerResource]
    list_display = ("email", "name", "store", "phone", "marketing_consent", "signed_up_at", "changed_at")
    list_filter = ("store", "marketing_consent", ("erased_at", admin.EmptyFieldListFilter))
    search_fields = ("search_text",)
    search_help_text = "E-mail, name or phone."

    def get_form(self, request: HttpRequest, obj: Customer | None = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = CustomerAdminForm if obj else NewCustomerAdminForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        return ("store", *EDITABLE, *KEPT_BY_THE_PORTAL) if obj else ("in_store", *EDITABLE)

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        return ("store", *KEPT_BY_THE_PORTAL) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_erased = isinstance(obj, Customer) and obj.erased_at is not None
        return not is_erased and super().has_change_permission(request, obj)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Nothing: Django's list of actions would keep the person's address. The audit trail names the number."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Nothing, as above."""

    def save_model(self, request: Any, obj: Customer, form: Any, change: bool) -> None:
        with transaction.atomic():
            version = lock_customers(obj.store)
            before = Customer.objects.for_store(obj.store).get(pk=obj.pk) if change else None
            if before is not None and before.email_key != email_key(obj.email):
                note_former_address(before)
            obj.changed_at, obj.changed_in = timezone.now(), version
            super().save_model(request, obj, form, change)
            verb, changes = ("changed", dict.fromkeys(form.changed_data)) if change else ("added", {})
            audit.record(obj.store, verb, obj, actor=request.user, label=label_of(obj), changes=changes)


@admin.register(CustomerImport)
class CustomerImportAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("filename", "store", "kind", "source", "row_count", "created_by", "created_at", "finished_at")
    list_filter = ("store", "kind", "source")
    list_select_related = ("store", "created_by")
    search_fields = ("filename",)
    exclude = ("file",)


@admin.register(CustomerImportRow)
class CustomerImportRowAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("upload", "line", "email", "verdict", "reason", "store")
    list_select_related = ("store", "upload")
    search_fields = ("upload__filename", "upload__sha256")
    search_help_text = "The name of the file."


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("__str__", "store", "asked_by", "asked_at", "finished_at", "lifted_at")
    list_select_related = ("store", "asked_by")
    exclude = ("subject",)
