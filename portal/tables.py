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
NUMBER = {"td": {"class": "text-end"}, "th": {"class": "text-end"}}


class RunTable(StoreTable):
    caption = "Runs"

    label = tables.TemplateColumn(template_name="portal/run_cell.html", verbose_name="Run", attrs=MAIN)
    state = tables.TemplateColumn("{% load ui %}{% job_state record %}")
    progress = tables.TemplateColumn(template_name="portal/run_progress_cell.html", empty_values=())
    created_by = tables.Column(verbose_name="By", default="Coterie")
    created_at = tables.Column(verbose_name="Started")
    duration = tables.Column(verbose_name="Took", attrs=NUMBER)

    class Meta(StoreTable.Meta):
        sequence = ("label", "state", "progress", "created_by", "created_at", "duration")

    def render_created_at(self, value: Any) -> str:
        return when(value)

    def render_duration(self, value: Any) -> str:
        return lasting(value)


class AuditTable(StoreTable):
    caption = "Audit"

    what = tables.Column(verbose_name="What", empty_values=(), attrs=MAIN)
    changes = tables.Column(verbose_name="Changes")
    actor_label = tables.Column(verbose_name="Who")
    at = tables.Column(verbose_name="When")

    class Meta(StoreTable.Meta):
        sequence = ("what", "changes", "actor_label", "at")

    def __init__(self, page: Any, *, store: Store) -> None:
        self.store = store
        super().__init__(page)

    def render_what(self, record: AuditEntry) -> str:
        done, words = history.capitalized(history.what(record)), history.object_words(record)
        url = history.object_url(self.store, record)
        if url and words:
            return format_html('{} <a href="{}">{}</a>', done, url, words)
        return format_html("{} <strong>{}</strong>", done, words)

    def render_changes(self, record: AuditEntry) -> str:
        return format_html_join("", "<div>{}</div>", ((history.capitalized(said),) for said in history.changes(record)))

    def render_at(self, value: Any) -> str:
        return exact_time(value)
