"""The list of a segment's syncs."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html

from portal.models import Job
from portal.paging import KeysetPage
from portal.tables_base import StoreTable
from portal.templatetags.ui import exact_time, grouped
from segments.external import standing
from segments.external.standing import Standing
from segments.models import Segment, Sync

MAIN = {"td": {"class": "cell-main"}}
SHORT = {"td": {"class": "text-nowrap"}}
NUMBER = {"td": {"class": "text-end"}, "th": {"class": "text-end"}}


class SyncTable(StoreTable):
    caption = "Syncs"

    begun = tables.Column(accessor="created_at", verbose_name="When", attrs=MAIN)
    result = tables.Column(empty_values=())
    cause = tables.Column(verbose_name="Why", attrs=SHORT)
    asked_by = tables.Column(verbose_name="By", default="Coterie", attrs=SHORT)
    added = tables.Column(empty_values=(), attrs=NUMBER)
    left = tables.Column(empty_values=(), attrs=NUMBER)
    unmatched = tables.Column(empty_values=(), verbose_name="No customer", attrs=NUMBER)

    class Meta(StoreTable.Meta):
        sequence = ("begun", "result", "cause", "asked_by", "added", "left", "unmatched")

    def __init__(self, page: KeysetPage, *, segment: Segment, jobs: dict[int, Job]) -> None:
        self.segment, self.jobs = segment, jobs
        for sync in page.rows:
            sync.store = segment.store
        super().__init__(page)

    def render_begun(self, record: Sync) -> str:
        name = format_html('<div class="person-note">{}</div>', record.group_name)
        at = exact_time(record.created_at)
        return format_html('<a class="table-main" href="{}">{}</a>{}', record.get_absolute_url(), at, name)

    def render_result(self, record: Sync) -> str:
        job = self.jobs.get(record.pk)
        at = standing.standing(record, job)
        said = "" if at == Standing.APPLIED else standing.came_to(record, job)
        note = format_html('<div class="person-note">{}</div>', said) if said else ""
        return format_html("<div>{}{}</div>", standing.mark(at), note)

    def render_added(self, record: Sync) -> str:
        return _count(record, "entered")

    def render_left(self, record: Sync) -> str:
        return _count(record, "left")

    def render_unmatched(self, record: Sync) -> str:
        return _count(record, "unmatched")


def _count(record: Sync, name: str) -> Any:
    return grouped(record.counts.get(name, 0)) if record.finished_at else "–"
