"""What segments hand out as files: the template of a bulk import, and for the admin the rows of their tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from import_export import fields, resources

from portal.exporting import neutralise
from portal.paging import walk
from segments import queries
from segments.models import Membership, Segment, Source

MEMBER_HEADERS = ("email", "name", "phone", "added_at", "by")


class TemplateResource(resources.Resource):
    """The columns that a bulk import reads."""

    email = fields.Field(column_name="email")
    name = fields.Field(column_name="name")
    phone = fields.Field(column_name="phone")


class NeutralResource(resources.ModelResource):
    """Exports rows of a model, no cell of which is a formula to a spreadsheet."""

    def export_field(self, field: Any, instance: Any, **kwargs: Any) -> Any:
        return neutralise(super().export_field(field, instance, **kwargs))


class SegmentResource(NeutralResource):
    class Meta:
        model = Segment
        fields = ("id", "store", "name", "description", "member_count", "created_at", "updated_at", "deleted_at")


class MembershipResource(NeutralResource):
    class Meta:
        model = Membership
        fields = ("store", "segment", "customer", "customer__email", "sources", "added_at", "name", "phone")


def member_rows(segment: Segment, zone: ZoneInfo) -> Iterator[tuple[str, ...]]:
    """The rows under MEMBER_HEADERS, oldest member first, times in `zone`. A file of them can be imported again."""
    person = ("customer__email", "customer__first_name", "customer__last_name", "customer__phone")
    rows = walk(queries.members(segment), (*person, "name", "phone", "added_at", "sources"), by="added_at")
    told_at, told, by = None, "", {}
    for email, first, last, own_phone, name, phone, added_at, sources in rows:
        # Who came together came at one moment.
        if added_at != told_at:
            told_at, told = added_at, added_at.astimezone(zone).isoformat(sep=" ", timespec="seconds")
        if sources not in by:
            by[sources] = ", ".join(Source.labels_of(sources))
        yield email, name or f"{first} {last}".strip(), phone or own_phone, told, by[sources]
