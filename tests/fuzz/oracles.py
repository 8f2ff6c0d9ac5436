"""What must hold of every file, whatever is in it."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from customers.imports.layouts import recognise
from customers.imports.rows import COLUMNS, RowReader
from customers.models import CustomerImportRow
from portal.emails import InvalidEmail, display_email, email_key
from portal.sheets import storable
from portal.tabular import Limits, Refused, Row, Table, open_table
from segments.uploads.columns import cell_reader, find_columns
from tests.fuzz import reference

SECONDS_A_MEGABYTE = 2
SECONDS_BESIDES = 1
LONGEST_COMPARED = 400_000
ZONE, NOW = ZoneInfo("America/New_York"), datetime(2026, 11, 22, 12, tzinfo=UTC)
LENGTHS = {name: getattr(CustomerImportRow._meta.get_field(name), "max_length", None) for name in COLUMNS}
SIZE = ("has a cell longer", "has a cell of more", "is longer")


class Broken(AssertionError):
    """An oracle was wrong, or the code is."""


@dataclass
class Outcome:
    """What became of a file: why it was refused, or its rows."""

    refused: str = ""
    rows: int = 0
    bad: int = 0
    seconds: float = 0.0


def must(holds: object, why: str) -> None:
    if not holds:
        raise Broken(why)


def examine(content: bytes, filename: str) -> Outcome:
    """Read the file and do with its rows what a check does; raises Broken, and whatever else goes wrong."""
    started = time.process_time()
    outcome, table, rows = read(content, filename)
    outcome.seconds = time.process_time() - started
    most = SECONDS_A_MEGABYTE * len(content) / 1024**2 + SECONDS_BESIDES
    must(outcome.seconds <= most, f"took {outcome.seconds:.1f} s of the processor for {len(content):,} bytes")
    if table is not None:
        _rows_hold(table, rows)
        _resumes(table, rows)
        _row_work(table, rows)
    if table is not None and table.format.kind == "csv":
        _as_the_reference(content, table, rows, outcome.refused)
    return outcome


def read(content: bytes, filename: str) -> tuple[Outcome, Table | None, list[Row]]:
    rows: list[Row] = []
    table = None
    try:
        table = open_table(io.BytesIO(content), filename)
        rows.extend(table)
    except Refused as refused:
        must(refused.message.endswith(".") and refused.code, f"refused without a sentence: {refused.message!r}")
        must(refused.message.isprintable(), f"refused with {refused.message!r}")
        must(len(refused.message) < 1_000, "refused at great length")
        return Outcome(refused=refused.message), table, rows
    return Outcome(rows=len(rows), bad=sum(row.problem is not None for row in rows)), table, rows


def _rows_hold(table: Table, rows: Sequence[Row]) -> None:
    limits, line = Limits(), 0
    must(0 < len(table.headers) <= limits.max_columns, "a table without headers")
    must(table.headers[-1], "the last header is blank")
    for row in rows:
        must(row.line > line, f"line {row.line} after line {line}")
        line = row.line
        must(len(row.cells) == len(table.headers), f"line {line} has {len(row.cells)} cells")
        must(row.problem or any(row.cells), f"line {line} is blank")
        for cell in row.cells:
            must(len(cell) <= limits.max_cell, f"line {line} has a cell of {len(cell):,} characters")
            must(
                cell == cell.strip() or cell.startswith(("\t", "\r", "\n", " ")),
                f"line {line} has outer space: {cell!r}",
            )
            must("\0" not in cell or row.problem, f"line {line} has a NUL and no problem")
            cell.encode()


def _resumes(table: Table, rows: Sequence[Row]) -> None:
    if not rows:
        return
    middle = rows[len(rows) // 2].line
    rest = table.rows(start_after_line=middle)
    wanted = [row for row in rows if row.line > middle][:50]
    found = [row for _, row in zip(wanted, rest, strict=False)]
    must(found == wanted, f"begun again after line {middle}, it reads other rows")


def _row_work(table: Table, rows: Sequence[Row]) -> None:
    try:
        mapping = find_columns(table.headers)
    except Refused as refused:
        must(refused.message.endswith("."), "refused without a sentence")
        mapping = {}
    read_cells = cell_reader(mapping)
    layout = recognise(table.headers)
    reader = RowReader(layout, ZONE, NOW)
    json.dumps([table.headers, layout.mapping], allow_nan=False).encode()
    for row in rows[:2_000]:
        if mapping:
            (name, phone), wrong = read_cells(row.cells)
            must(len(name) <= 255 and len(phone) <= 50 and len(wrong) <= 255, "a name that does not fit")
            _storable(name, phone, wrong)
            _address(row.cells[mapping["email"]])
        values, wrong = reader.read(row.cells)
        _values_hold(dict(zip(COLUMNS, values, strict=True)), wrong)


def _storable(*texts: str) -> None:
    for text in texts:
        kept = storable(text, 10**9)
        must("\0" not in kept, "a NUL on its way into the database")
        kept.encode()


def is_storable(value: Any) -> bool:
    """Whether a column of JSON takes the value: no NUL in it, no half of a pair, no number without an end."""
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return not (isinstance(value, str) and "\0" in value) and all(map(is_storable, inner))


def _address(cell: str) -> None:
    try:
        key = email_key(cell)
    except InvalidEmail as error:
        must(error.reason, "no address, and no reason")
        return
    must(email_key(key) == key, f"the key of {key!r} is another")
    shown = display_email(cell)
    must(email_key(shown) == key, f"{shown!r} is shown for {key!r}")
    must(len(key) <= 254 and len(shown) <= 255, "an address that does not fit")
    must(not any(sign.isspace() or ord(sign) < 32 for sign in key + shown), f"{key!r} has what no address has")


def _values_hold(values: dict[str, Any], wrong: str) -> None:
    _storable(wrong)
    must(wrong == wrong.strip(), f"said {wrong!r}")
    for name, value in values.items():
        most = LENGTHS[name]
        if isinstance(value, str):
            must(most is None or len(value) <= most, f"{name} has {len(value):,} characters")
            must("\0" not in value, f"{name} has a NUL")
            value.encode()
        elif isinstance(value, datetime):
            must(value.tzinfo is not None, f"{name} has no zone")
            must(1970 <= value.year < 9999, f"{name} is {value}")
            value.astimezone(UTC)
        else:
            must(is_storable(value), f"{name} is what no database holds")


def _as_the_reference(content: bytes, table: Table, rows: Sequence[Row], refused: str) -> None:
    if len(content) > LONGEST_COMPARED:
        return
    try:
        text = content.decode({"utf-8": "utf-8", "cp1252": "cp1252"}.get(table.format.encoding, table.format.encoding))
    except UnicodeDecodeError:
        must(refused, "read, though not all of it can be decoded")
        return
    found: list[reference.Record] = []
    is_open = False
    try:
        found.extend(reference.records(text, table.format.delimiter))
    except reference.OpenQuote:
        is_open = True
    is_open = is_open or any(record.has_text_behind_lines for record in found)
    must(is_open == ("never closes" in refused), f"a quote is open: {is_open}, but refused: {refused!r}")
    if not refused:
        _same_rows(table, rows, found)


def _same_rows(table: Table, rows: Sequence[Row], found: list[reference.Record]) -> None:
    at = next(place for place, record in enumerate(found) if any(map(_header_cell, record.cells)))
    header, below = found[at], found[at + 1 :]
    names = list(map(_header_cell, header.cells))
    while not names[-1]:
        names.pop()
    must(names == table.headers, f"headers {names[:5]} are read as {table.headers[:5]}")
    wanted = [record for record in below if any(map(str.strip, record.cells)) or record.is_over]
    must([record.line for record in wanted] == [row.line for row in rows], "rows of other lines than there are")
    for record, row in zip(wanted, rows, strict=True):
        _same_row(record, row, len(table.headers))


def _header_cell(cell: str) -> str:
    return reference.plain(cell.strip().removeprefix("\ufeff"))


def _same_row(record: reference.Record, row: Row, width: int) -> None:
    is_over = bool(row.problem and row.problem.startswith(SIZE))
    must(is_over == record.is_over, f"line {row.line}: over a limit {record.is_over}, said {row.problem!r}")
    if is_over:
        return
    cells = [reference.plain(cell) for cell in record.cells]
    extra = len(cells) - width
    while extra > 0 and not cells[-1]:
        cells.pop()
        extra -= 1
    wanted = (cells + [""] * width)[:width]
    must(wanted == row.cells, f"line {row.line}: {wanted!r:.200} is read as {row.cells!r:.200}")
    problem = f"has {len(cells)} values for" if extra > 0 else ""
    if "\0" in "".join(record.cells):
        problem = "contains a NUL"
    must(
        (row.problem or "").startswith(problem) and bool(row.problem) == bool(problem),
        f"line {row.line}: {row.problem}",
    )
