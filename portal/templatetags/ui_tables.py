"""Drawing the rows of tables."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString
from django_tables2 import Table

from portal import table_cells

register = template.Library()


@register.filter
def drawn_rows(table: Table) -> SafeString:
    """The rows of a table."""
    return table_cells.draw_rows(table)
