"""The portal's own lists: runs, and the audit trail."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html, format_html_join

from portal import history
from portal.models import AuditEntry, Store
from portal.tables_base import StoreTable
from portal.templatetags.ui import exact_time, lasting, when

MAIN = {"td": {"class": "cell-main"}}
NO_WRAP = {"td": {"class": "text-nowrap"}}
NUMBER = {"td": {"class": "text-end text-nowrap"}, "th": {"class": "text-end"}}


class RunTable(StoreTable):
    caption = "Runs"

    label = tables.TemplateColumn(template_name="portal/run_cell.html", verbose_name="Run", attrs=MAIN)
    state = tables.TemplateColumn("{% load ui %}{% job_state record %}")
    progress = tables.TemplateColumn(template_name="portal/run_progress_cell.html", empty_values=(), attrs=NO_WRAP)
    created_by = tables.Column(verbose_name="By", default="Coterie", attrs=NO_WRAP)
    created_at = tables.Column(verbose_name="Asked for", attrs=NO_WRAP)
    duration = tables.Column(verbose_name="Took", attrs=NUMBER)

    class Meta(StoreTable.Meta):
        sequence = ("label", "state", "progress", "created_by", "created_at", "duration")

    def render_created_at(self, value: Any) -> str:
        return when(value)

    def render_duration(self, value: Any) -> str:
        return lasting(value)


class AuditTable(StoreTable):
    caption = "Audit"

    verb = tables.Column(verbose_name="What", attrs=MAIN)
    object_label = tables.Column(verbose_name="To what", empty_values=())
    changes = tables.Column(verbose_name="Changes")
    actor_label = tables.Column(verbose_name="Who")
    at = tables.Column(verbose_name="When", attrs=NO_WRAP)

    class Meta(StoreTable.Meta):
        sequence = ("verb", "object_label", "changes", "actor_label", "at")

    def __init__(self, page: Any, *, store: Store) -> None:
        self.store = store
        super().__init__(page)

    def render_verb(self, value: str) -> str:
        return history.capitalized(value)

    def render_object_label(self, record: AuditEntry) -> str:
        kind, words = history.object_name(record.object_type), history.object_words(record)
        url = history.object_url(self.store, record)
        name = format_html('<a href="{}">{}</a>', url, words or kind) if url else words
        return format_html('<div>{}<div class="person-note">{}</div></div>', name, kind)

    def render_changes(self, record: AuditEntry) -> str:
        said = ((history.capitalized(words),) for words in history.changes(record))
        return format_html("<div>{}</div>", format_html_join("", "<div>{}</div>", said))

    def render_at(self, value: Any) -> str:
        return exact_time(value)
