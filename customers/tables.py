"""Tables of customers and of the files that they came from."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.urls import reverse

from customers.imports.kinds import kind_of
from customers.models import Consent, Customer, CustomerImport, Erasure, Product
from portal.markup import fill
from portal.models import Job, Store
from portal.paging import KeysetPage
from portal.row_addresses import row_addresses
from portal.sheet_pages import stage_mark
from portal.sheets import stage
from portal.tables_base import StoreTable
from portal.templatetags.ui import avatar, grouped, when

MAIN = {"td": {"class": "cell-main"}}
NO_WRAP = {"td": {"class": "text-nowrap"}}
NUMBER = {"td": {"class": "text-end"}, "th": {"class": "text-end"}}
CONSENT_TONES = {Consent.SUBSCRIBED: " mark-good", Consent.UNSUBSCRIBED: " mark-warn"}

CUSTOMER_SORTS = {"email": "email_key", "name": "sort_name", "signed_up": "signed_up_at", "changed": "changed_at"}
"""Column → the field that it sorts by."""


SOLD_BY = {"shopify": "Shopify", "recharge": "Recharge", "file": "From a file", "demo": "Demo"}
"""Who keeps a product, in words."""


class CustomerTable(StoreTable):
    caption = "Customers"

    email = tables.Column(verbose_name="E-mail", orderable=True, attrs={"td": {"class": "cell-main customer-email"}})
    name = tables.Column(orderable=True, empty_values=())
    phone = tables.Column(default="–", attrs=NO_WRAP)
    consent = tables.Column(accessor="marketing_consent", verbose_name="Marketing")
    signed_up = tables.Column(accessor="signed_up_at", verbose_name="Signed up", orderable=True, attrs=NO_WRAP)
    changed = tables.Column(accessor="changed_at", verbose_name="Changed", orderable=True, attrs=NO_WRAP)

    class Meta(StoreTable.Meta):
        sequence = ("email", "name", "phone", "consent", "signed_up", "changed")

    def __init__(self, page: KeysetPage, *, store: Store) -> None:
        self._customer_at = row_addresses("customers:detail", store.slug)
        super().__init__(page)

    def render_email(self, record: Customer) -> str:
        return fill(
            '<div class="person">{}<div class="person-words"><a class="table-main" href="{}">{}</a></div></div>',
            avatar(record.name or record.email),
            self._customer_at(record.pk),
            record.email,
        )

    def render_name(self, record: Customer) -> str:
        return record.name or "–"

    def render_consent(self, record: Customer) -> str:
        tone = CONSENT_TONES.get(Consent(record.marketing_consent), "")
        return fill('<span class="mark{}">{}</span>', tone, record.get_marketing_consent_display())

    def render_signed_up(self, value: Any) -> str:
        return when(value)

    def render_changed(self, value: Any) -> str:
        return when(value)


class ImportTable(StoreTable):
    caption = "Imports"

    filename = tables.Column(verbose_name="File", attrs=MAIN)
    what = tables.Column(accessor="get_kind_display", verbose_name="What")
    state = tables.Column(empty_values=())
    rows = tables.Column(accessor="row_count", attrs=NUMBER)
    created = tables.Column(verbose_name="Added", empty_values=(), attrs=NUMBER)
    updated = tables.Column(verbose_name="Updated", empty_values=(), attrs=NUMBER)
    created_by = tables.Column(verbose_name="By", default="Coterie")
    created_at = tables.Column(verbose_name="Uploaded", attrs=NO_WRAP)

    class Meta(StoreTable.Meta):
        sequence = ("filename", "what", "state", "rows", "created", "updated", "created_by", "created_at")

    def __init__(self, page: KeysetPage, *, store: Store, jobs: dict[int, Job]) -> None:
        self.store, self.jobs = store, jobs
        super().__init__(page)

    def render_filename(self, record: CustomerImport) -> str:
        url = reverse("customers:import_detail", args=(self.store.slug, record.pk))
        source = kind_of(record).sources.get(record.source, "")
        name = fill('<a class="table-main" href="{}">{}</a>', url, record.filename)
        return fill('<div>{}<div class="person-note">{}</div></div>', name, source)

    def render_state(self, record: CustomerImport) -> str:
        return stage_mark(record, stage(record, self.jobs.get(record.pk)))

    def render_rows(self, value: int) -> str:
        return grouped(value)

    def render_created(self, record: CustomerImport) -> str:
        return grouped(record.counts.get("created", 0) if record.finished_at else None)

    def render_updated(self, record: CustomerImport) -> str:
        return grouped(record.counts.get("updated", 0) if record.finished_at else None)

    def render_created_at(self, value: Any) -> str:
        return when(value)


class ProductTable(StoreTable):
    caption = "Products"

    title = tables.Column(verbose_name="Product", orderable=True, attrs=MAIN)
    category = tables.Column(default="–")
    subscriptions = tables.Column(
        accessor="active_subscriptions", verbose_name="Active subscriptions", orderable=True, attrs=NUMBER
    )
    orders = tables.Column(accessor="recent_orders", verbose_name="Orders in 90 days", orderable=True, attrs=NUMBER)
    customers = tables.Column(accessor="buyers", verbose_name="Customers", orderable=True, attrs=NUMBER)

    class Meta(StoreTable.Meta):
        sequence = ("title", "category", "subscriptions", "orders", "customers")
        attrs = {"class": "table table-vcenter table-rows table-figures"}

    def __init__(self, page: KeysetPage, *, store: Store) -> None:
        self._product_at = row_addresses("customers:product", store.slug)
        super().__init__(page)

    def render_title(self, record: Product) -> str:
        link = fill('<a class="table-main" href="{}">{}</a>', self._product_at(record.pk), record.title)
        note = " · ".join(filter(None, (SOLD_BY.get(record.source, record.source), "build-a-box" * record.is_box)))
        return fill('<div>{}<div class="person-note">{}</div></div>', link, note)

    def render_subscriptions(self, record: Product) -> str:
        return grouped(record.active_subscriptions if record.counted_at else None)

    def render_orders(self, record: Product) -> str:
        return grouped(record.recent_orders if record.counted_at else None)

    def render_customers(self, record: Product) -> str:
        return grouped(record.buyers if record.counted_at else None)


class ErasureTable(StoreTable):
    caption = "Erased people"

    asked = tables.Column(accessor="pk", verbose_name="Asked for", orderable=True, attrs=MAIN)
    by = tables.Column(accessor="asked_by", verbose_name="By", default="–")
    who = tables.Column(empty_values=(), verbose_name="Who")
    state = tables.Column(empty_values=())

    class Meta(StoreTable.Meta):
        sequence = ("asked", "who", "by", "state")

    def __init__(self, page: KeysetPage, *, store: Store) -> None:
        self.store = store
        super().__init__(page)

    def render_asked(self, record: Erasure) -> str:
        url = reverse("customers:erasure", args=(self.store.slug, record.pk))
        return fill('<a class="table-main" href="{}">{}</a>', url, when(record.asked_at))

    def render_who(self, record: Erasure) -> str:
        return f"Customer {record.customer_id}" if record.customer_id else "Somebody who was no customer"

    def render_state(self, record: Erasure) -> str:
        if record.lifted_at:
            return fill('<span class="mark">{}</span>', "Came back")
        if record.finished_at:
            return fill('<span class="mark mark-good">{}</span>', "Erased")
        return fill('<span class="mark mark-accent">{}</span>', "Being erased")
