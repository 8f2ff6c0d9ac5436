"""The lists of segments, of members, of uploads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import django_tables2 as tables
from django.template.loader import get_template
from django.urls import reverse

from portal.markup import fill
from portal.models import Job, Store
from portal.paging import KeysetPage
from portal.row_addresses import row_addresses
from portal.sheet_pages import stage_mark
from portal.sheets import stage
from portal.tables_base import StoreTable
from portal.templatetags.ui import avatar, grouped, icon, signed, when
from segments.external.panel import Following
from segments.models import Membership, Segment, Source, Upload

MAIN = {"td": {"class": "cell-main"}}
NUMBER = {"td": {"class": "text-end"}, "th": {"class": "text-end"}}
SHORT = {"td": {"class": "text-nowrap"}}
ACTIONS = {"td": {"class": "cell-actions"}, "th": {"class": "cell-actions"}}
SELECT = {
    "th": {"class": "cell-select"},
    "td": {"class": "cell-select"},
    "th__input": {"class": "form-check-input", "data-select-all": "", "aria-label": "Select all on this page"},
}


class SegmentTable(StoreTable):
    caption = "Segments"

    name = tables.Column(orderable=True, attrs=MAIN)
    kind = tables.Column(empty_values=(), attrs=SHORT)
    members = tables.Column(accessor="member_count", orderable=True, attrs=NUMBER)
    change = tables.Column(verbose_name="Last 7 days", orderable=True, attrs=NUMBER)
    updated = tables.Column(accessor="updated_at", orderable=True)
    source = tables.Column(accessor="filled_by", empty_values=(None, "", []), default="–")

    class Meta(StoreTable.Meta):
        sequence = ("name", "kind", "members", "change", "updated", "source")

    def __init__(self, page: KeysetPage, *, store: Store, following: Mapping[int, Following]) -> None:
        self.store, self.following = store, following
        super().__init__(page)

    def render_kind(self, record: Segment) -> str:
        follows = self.following.get(record.pk)
        if follows is None:
            return "Manual"
        if not follows.trouble:
            return follows.kind
        trouble = fill('<span class="mark mark-warn">{}{}</span>', icon("alert-triangle"), follows.trouble)
        return fill("<div>{}<div>{}</div></div>", follows.kind, trouble)

    def render_name(self, record: Segment) -> str:
        url = reverse("segments:detail", args=(self.store.slug, record.pk))
        note = fill('<div class="person-note">{}</div>', record.description) if record.description else ""
        return fill('<a class="table-main" href="{}">{}</a>{}', url, record.name, note)

    def render_members(self, value: int) -> str:
        return grouped(value)

    def render_change(self, value: int) -> str:
        tone = " change-up" if value > 0 else " change-down" if value < 0 else ""
        return fill('<span class="change{}">{}</span>', tone, signed(value))

    def render_updated(self, value: Any) -> str:
        return when(value)

    def render_source(self, value: list[str]) -> str:
        return ", ".join(value)


class MemberTable(StoreTable):
    """Members of one segment; without `may_edit` nobody can be chosen or removed."""

    caption = "Members"

    chosen = tables.CheckBoxColumn(accessor="customer_id", verbose_name="", orderable=False, attrs=SELECT)
    email = tables.Column(accessor="customer", verbose_name="E-mail", orderable=True, attrs=MAIN)
    name = tables.Column(empty_values=())
    phone = tables.Column(empty_values=(), attrs=SHORT)
    added = tables.Column(accessor="added_at", verbose_name="Added", orderable=True, attrs=SHORT)
    by = tables.Column(verbose_name="By", empty_values=(), attrs=SHORT)
    actions = tables.Column(verbose_name="", empty_values=(), attrs=ACTIONS)

    class Meta(StoreTable.Meta):
        sequence = ("chosen", "email", "name", "phone", "added", "by", "actions")
        row_attrs = {"data-member": lambda record: str(record.customer_id)}

    def __init__(self, page: KeysetPage, *, segment: Segment, may_edit: bool) -> None:
        self.segment = segment
        slug = segment.store.slug
        self._customer_at = row_addresses("customers:detail", slug)
        self._removal_at = row_addresses("segments:remove_customer", slug, segment.pk)
        self._upload_at = row_addresses("segments:upload_detail", slug, segment.pk)
        super().__init__(page, exclude=() if may_edit else ("chosen", "actions"))

    def render_chosen(self, record: Membership) -> str:
        return fill(
            '<input type="checkbox" class="form-check-input" name="ids" form="selection" data-select-row value="{}" '
            'aria-label="Select {}">',
            record.customer_id,
            record.customer.email,
        )

    def render_email(self, record: Membership) -> str:
        customer = record.customer
        badge = avatar(_name(record) or customer.email)
        return fill(
            '<div class="person">{}<div class="person-words"><a class="table-main" href="{}">{}</a></div></div>',
            badge,
            self._customer_at(customer.pk),
            customer.email,
        )

    def render_name(self, record: Membership) -> str:
        return _name(record) or "–"

    def render_phone(self, record: Membership) -> str:
        return record.phone or record.customer.phone or "–"

    def render_added(self, value: Any) -> str:
        return when(value)

    def render_by(self, record: Membership) -> str:
        held = ", ".join(record.held_by)
        if record.sources & Source.UPLOAD and record.upload is not None:
            url = self._upload_at(record.upload.pk)
            return fill('<a href="{}" title="{}">{}</a>', url, record.upload.filename, held)
        if record.sources & Source.MANUAL and record.added_by is not None:
            return fill('<span title="{}">{}</span>', record.added_by, held)
        return held

    def render_actions(self, record: Membership) -> str:
        return fill(self._menu, action=self._removal_at(record.customer_id), email=record.customer.email)

    @cached_property
    def _menu(self) -> str:
        """The Action menu of a row, drawn once for all of them: a format with the places `action` and `email`."""
        places = {name: f"@{name}@" for name in ("action", "email")}
        drawn = get_template("segments/member_actions.html").render(places, self.context["request"])
        drawn = drawn.replace("{", "{{").replace("}", "}}")
        for name, place in places.items():
            drawn = drawn.replace(place, f"{{{name}}}")
        return drawn


def _name(record: Membership) -> str:
    return record.name or record.customer.name


class UploadTable(StoreTable):
    caption = "Imports"

    filename = tables.Column(verbose_name="File", attrs=MAIN)
    state = tables.Column(empty_values=())
    rows = tables.Column(accessor="row_count", attrs=NUMBER)
    added = tables.Column(empty_values=(), attrs=NUMBER)
    created_by = tables.Column(verbose_name="By", default="Coterie")
    created_at = tables.Column(verbose_name="Uploaded")

    class Meta(StoreTable.Meta):
        sequence = ("filename", "state", "rows", "added", "created_by", "created_at")

    def __init__(self, page: KeysetPage, *, segment: Segment, jobs: dict[int, Job]) -> None:
        self.segment, self.jobs = segment, jobs
        super().__init__(page)

    def render_filename(self, record: Upload) -> str:
        url = reverse("segments:upload_detail", args=(self.segment.store.slug, self.segment.pk, record.pk))
        return fill('<a class="table-main" href="{}">{}</a>', url, record.filename)

    def render_state(self, record: Upload) -> str:
        return stage_mark(record, stage(record, self.jobs.get(record.pk)))

    def render_rows(self, value: int) -> str:
        return grouped(value)

    def render_added(self, record: Upload) -> str:
        return grouped(record.counts.get("added", 0)) if record.finished_at else "–"

    def render_created_at(self, value: Any) -> str:
        return when(value)
