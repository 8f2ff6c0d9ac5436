"""Drawing the rows of tables: what a row or a column needs is found out once a table, and not once a cell.

django-tables2 looks at a method's signature, a model's fields and an accessor's parts for every cell; for a page of
fifty rows that takes longer than all else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_tables2 import A, Column, Table
from django_tables2.columns.base import BoundColumn
from django_tables2.rows import BoundRow

from portal.markup import fill, safe

Draw = Callable[[BoundRow], Any]


def draw_rows(table: Table) -> SafeString:
    """All rows of the table: its cells, and the attributes that its Meta gives each row by `row_attrs`, name → what
    makes the value from a record."""
    cells = [(_opening(column), _drawer(table, column)) for column in table.columns]
    said = (table.row_attrs or {}).items()
    drawn = []
    for row in table.rows:
        attributes = [fill(' {}="{}"', name, value_of(row.record)) for name, value_of in said]
        content = [f"{opening}{safe(draw(row))}</td>" for opening, draw in cells]
        drawn.append(f"<tr{''.join(attributes)}>{''.join(content)}</tr>\n")
    return SafeString("".join(drawn))


def _opening(column: BoundColumn) -> SafeString:
    return format_html('<td data-label="{}" {}>', column.verbose_name, column.attrs["td"].as_html())


def _drawer(table: Table, column: BoundColumn) -> Draw:
    """What draws a column's cells: `render_NAME` of the table if it wants nothing but the value and the record, or the
    value itself in a plain column. Any other column is left to django-tables2."""
    render: Callable[..., Any] | None = getattr(table, f"render_{column.name}", None)
    wanted = set(inspect.signature(render).parameters) if render else set()
    if column.link or not wanted <= {"value", "record"} or (render is None and type(column.column) is not Column):
        return lambda row: row.get_cell(column.name)
    empty = column.column.empty_values
    if render and wanted == {"record"} and not empty:
        return lambda row: render(record=row.record)
    return _reading_drawer(column, render, wanted)


def _reading_drawer(column: BoundColumn, render: Callable[..., Any] | None, wanted: set[str]) -> Draw:
    value_of, empty, default = _reader(column), column.column.empty_values, column.default

    def draw(row: BoundRow) -> Any:
        given = {"value": value_of(row.record), "record": row.record}
        if given["value"] in empty:
            return default
        return render(**{name: given[name] for name in wanted}) if render else given["value"]

    return draw


def _reader(column: BoundColumn) -> Callable[[Any], Any]:
    """What reads a column's value from a record, as django-tables2 does: in words where it is one of some choices."""
    accessor = A(column.accessor)
    shown_as = f"get_{column.accessor}_display"
    is_simple = str(column.accessor).isidentifier() and "__" not in column.accessor

    def read(record: Any) -> Any:
        if is_simple and not callable(value := getattr(record, column.accessor, dict)):
            in_words = getattr(record, shown_as, None)
            return in_words() if in_words else value
        try:
            return accessor.resolve(record)
        except Exception:  # noqa: BLE001  (a column without a value of its own, as in the library)
            return None

    return read
