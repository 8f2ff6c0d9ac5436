"""Drawing the rows of tables."""

from __future__ import annotations

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django_tables2.rows import BoundRow

register = template.Library()


@register.filter
def cells(row: BoundRow) -> SafeString:
    """The cells of a row of a StoreTable."""
    return format_html_join("", "{}{}</td>", [(opening, draw(row)) for opening, draw in row.table.cells])
