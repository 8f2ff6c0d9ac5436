"""The table in a file: its headers, and its rows one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from portal.tabular.formats import DEFAULT_LIMITS, Format, Limits, Refused, Row, quotable
from portal.tabular.records import Record, read_records
from portal.tabular.sheet import Sheet
from portal.tabular.sniffing import sniff
from portal.tabular.text import lines_of, settle

FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
# What our own exports, and Shopify's, put before a cell that a spreadsheet could take for a formula or a number.
_GUARD = re.compile(rf"'(?='*[{re.escape(FORMULA_STARTS)}0-9])")


class Table:
    """The headers and rows of an open file, which stays the caller's to close. Reading may raise Refused at any row."""

    def __init__(self, form: Format, limits: Limits, records: Callable[[], Iterator[list[Record]]]) -> None:
        self.format = form
        self._records = records
        self._header_line, self.headers = _read_headers(records(), limits)

    def __iter__(self) -> Iterator[Row]:
        return self.rows()

    def rows(self, start_after_line: int = 0) -> Iterator[Row]:
        """Yield the rows that start after that line of the file, in order, without those that hold nothing at all.

        A row has one cell a header: cells are stripped, missing ones empty, values beyond the headers are a problem.
        """
        start_after_line = max(start_after_line, self._header_line)
        width = len(self.headers)
        for records in self._records():
            if not records or records[-1][0] <= start_after_line:
                continue
            for line, raw, unreadable in records:
                if line <= start_after_line:
                    continue
                problem = unreadable
                cells = list(map(str.strip, raw))
                if "'" in "".join(cells):
                    cells = list(map(unguarded, cells))
                if len(cells) != width:
                    cells, ragged = _fitted(cells, width)
                    problem = problem or ragged
                if problem or any(cells):
                    yield Row(line, cells, problem)


def open_table(
    file: BinaryIO,
    filename: str,
    *,
    format: Format | None = None,  # noqa: A002 - the plain word at the public door
    limits: Limits = DEFAULT_LIMITS,
) -> Table:
    """Open a CSV-like text or an Excel workbook; raise Refused, in plain words, when it cannot be read.

    Without a settled `format` the whole text is read once to tell its encoding; `Table.format` is the settled one.
    """
    form = format if format and format.settled else sniff(file, filename, limits=limits)
    if form.kind == "xlsx":
        return Table(form, limits, Sheet(file, limits).records)
    form = settle(file, form)
    return Table(form, limits, lambda: read_records(lines_of(file, form, limits.max_row), form.delimiter, limits))


def _read_headers(batches: Iterator[list[Record]], limits: Limits) -> tuple[int, list[str]]:
    for records in batches:
        for line, raw, problem in records:
            headers = [unguarded(cell.strip().removeprefix("\ufeff").strip()) for cell in raw]
            while headers and not headers[-1]:
                headers.pop()
            if problem:
                raise Refused("header", f"The first row cannot be read: it {problem}.")
            if headers:
                _check_headers(headers, limits)
                return line, headers
    raise Refused("empty", "The file is empty.")


def _check_headers(headers: list[str], limits: Limits) -> None:
    if len(headers) > limits.max_columns:
        raise Refused("columns", f"The file has {len(headers):,} columns; at most {limits.max_columns} can be read.")
    places: dict[str, int] = {}
    for place, header in enumerate(headers, 1):
        first = places.setdefault("".join(header.casefold().split()), place)
        if header and first != place:
            name = quotable(header, 60)
            message = f"The column “{name}” is there twice (columns {first} and {place}). Rename or remove one of them."
            raise Refused("duplicate-headers", message)


def unguarded(cell: str) -> str:
    """The cell without the apostrophe that an export put before it."""
    return cell[1:] if _GUARD.match(cell) else cell


def _fitted(cells: list[str], width: int) -> tuple[list[str], str | None]:
    if len(cells) < width:
        return cells + [""] * (width - len(cells)), None
    count = len(cells)
    while count > width and not cells[count - 1]:
        count -= 1
    columns = f"{width} column" if width == 1 else f"{width} columns"
    return cells[:width], f"has {count} values for {columns}" if count > width else None
