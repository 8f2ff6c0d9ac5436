"""Customers as rows of a file: what is exported, what the template to fill in has, what the Django admin imports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone
from import_export import fields, resources, widgets

from customers import queries
from customers.actions import label_of
from customers.imports.layouts import FIELDS
from customers.imports.values import read_attributes, read_consent, read_id, read_moment, read_tags, read_text
from customers.models import Customer
from customers.privacy import identity
from customers.register import lock_customers
from portal import audit
from portal.emails import InvalidEmail, display_email, email_key
from portal.exporting import neutralise
from portal.models import Store
from portal.paging import walk
from portal.tabular.table import unguarded


class ReadWidget(widgets.Widget):
    """Reads a cell as an import of customers does, and writes what that reads back."""

    def __init__(self, read: Callable[[str], Any], write: Callable[[Any], str] = str) -> None:
        super().__init__()
        self.read, self.write = read, write

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        return self.read(unguarded(str(value if value is not None else "").strip()))

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return self.write(value) if value else ""


def write_moment(value: datetime) -> str:
    """To the microsecond and with its offset, so that it is read back as it was."""
    return value.isoformat(sep=" ")


def write_attributes(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_now(cell: str) -> datetime | None:
    return read_moment(timezone.get_current_timezone(), timezone.now())(cell)


def _column(name: str, read: Callable[[str], Any], write: Callable[[Any], str] = str) -> fields.Field:
    label = "Email" if name == "email" else FIELDS[name]
    attribute = "attributes" if name == "all_attributes" else name
    return fields.Field(attribute=attribute, column_name=label, widget=ReadWidget(read, write))


def read_email(cell: str) -> str:
    """The address as it is shown. ValueError for what is none."""
    email_key(cell)
    return display_email(cell)


class CustomerResource(resources.ModelResource):
    """Customers as they are exported; a file of it is imported as it is."""

    email = _column("email", read_email)
    first_name = _column("first_name", read_text("First name", 150))
    last_name = _column("last_name", read_text("Last name", 150))
    phone = _column("phone", read_text("Phone", 50))
    signed_up_at = _column("signed_up_at", read_now, write_moment)
    acquisition_channel = _column("acquisition_channel", read_text("Acquisition channel", 50))
    tags = _column("tags", read_tags, ", ".join)
    marketing_consent = _column("marketing_consent", read_consent)
    shopify_id = _column("shopify_id", read_id("Shopify id"))
    recharge_id = _column("recharge_id", read_id("Recharge id"))
    all_attributes = _column("all_attributes", read_attributes, write_attributes)

    class Meta:
        model = Customer
        fields = tuple(name for name in FIELDS if name != "full_name")
        import_id_fields = ("email",)


def template_headers() -> list[str]:
    """The columns that people fill in: those of an export but for the attributes."""
    return CustomerResource().get_export_headers()[:-1]


def customer_rows(customers: QuerySet[Customer], zone: ZoneInfo) -> Iterator[list[str]]:
    """The rows of an export under `CustomerResource`'s headers, times in `zone`, a portion in memory at a time."""
    exported = CustomerResource().get_export_fields()
    writers = [field.widget.render for field in exported]
    signed_up = [field.attribute for field in exported].index("signed_up_at")
    writers[signed_up] = lambda moment: write_moment(moment.astimezone(zone))
    # Not model instances, nor the library's own writing of them: either takes longer than all the rest.
    for values in walk(customers, [field.attribute for field in exported], by="pk"):
        yield [write(value) for write, value in zip(writers, values, strict=True)]


class AdminCustomerResource(CustomerResource):
    """Customers in the Django admin: imported into `store` by the rules of the portal's own import, a row at a time."""

    class Meta(CustomerResource.Meta):
        skip_unchanged = True
        report_skipped = True
        use_transactions = True

    def __init__(self, store: Store | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.store = store
        self._version = 0

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        if self.store is not None:
            self._version = lock_customers(self.store)

    def get_instance(self, instance_loader: Any, row: Any) -> Customer | None:
        return queries.find_by_email(self.store, str(row.get("Email") or "")) if self.store else None

    def init_instance(self, row: Any = None) -> Customer:
        return Customer(store=self.store)

    def import_field(
        self, field: fields.Field, instance: Customer, row: Any, is_m2m: bool = False, **kwargs: Any
    ) -> None:
        is_kept = instance.pk is not None and field.attribute in ("email", "marketing_consent")
        if is_kept or not str(row.get(field.column_name) or "").strip():
            return
        if field.attribute == "attributes":
            instance.attributes = {**instance.attributes, **field.clean(row)}
            return
        super().import_field(field, instance, row, is_m2m, **kwargs)

    def skip_row(self, instance: Customer, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        if instance._state.adding and self._was_erased(instance):
            return True
        return bool(super().skip_row(instance, original, row, import_validation_errors))

    def _was_erased(self, instance: Customer) -> bool:
        known_as = {kind: [getattr(instance, kind)] for kind in identity.KINDS if kind != identity.EMAIL}
        try:
            known_as[identity.EMAIL] = [email_key(instance.email)]
        except InvalidEmail:
            return False
        return self.store is not None and bool(identity.erased_among(self.store, known_as))

    def before_save_instance(self, instance: Customer, row: Any, **kwargs: Any) -> None:
        instance.changed_at, instance.changed_in = timezone.now(), self._version

    def after_save_instance(self, instance: Customer, row: Any, **kwargs: Any) -> None:
        audit.record(instance.store, "imported", instance, actor=kwargs.get("user"), label=label_of(instance))

    def export_field(self, field: Any, instance: Customer, **kwargs: Any) -> str:
        return neutralise(super().export_field(field, instance, **kwargs))
