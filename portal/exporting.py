"""Writing tables that people open in a spreadsheet: the one writer of CSV, and of Excel workbooks, in the code.

Cells that a spreadsheet could take for a formula get a leading apostrophe, which our own reading takes off again, so
that an export read back is what was exported.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import PurePosixPath
from typing import BinaryIO, TypeGuard, cast

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from portal import crash
from portal.tabular.table import FORMULA_STARTS

MOST_XLSX_ROWS = 1_048_575  # a sheet's 1,048,576 less the header
LONGEST_XLSX_CELL = 32_767

_WHITESPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_SUSPECT_STARTS = frozenset(f"\0'{FORMULA_STARTS}{_WHITESPACE}")
# A value that looks guarded already is guarded once more, so that reading takes off our apostrophe and not its own.
_NEEDS_GUARD = re.compile(rf"'*[{re.escape(FORMULA_STARTS)}]|'+[0-9]")
_BATCH = 500
_CHUNK = 64 * 1024
_LONGEST_NAME = 120

_XML_SPECIAL = re.compile(r"[&<>\x00-\x08\x0b-\x1f\ufffe\uffff]|_x(?=[0-9A-Fa-f]{4}_)")
_XML_REPLACEMENTS = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "_x": "_x005F_x", "\ufffe": "\ufffd", "\uffff": "\ufffd"}
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XLSX_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        '<sheets><sheet name="Export" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}
_XML_START = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


class TooManyRows(Exception):
    """An Excel sheet cannot hold the rows; str() says so to the person who asked for it."""

    def __init__(self) -> None:
        super().__init__(f"An Excel sheet holds at most {MOST_XLSX_ROWS:,} rows. Export as CSV instead.")


def neutralise(value: object) -> str:
    """Return the value as the text of a cell that no spreadsheet takes for a formula; None is empty, dates are ISO."""
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, date) else str(value)
    if "\0" in text:
        text = text.replace("\0", "")
    core = text.strip()
    if core and text[0] in "\t\r\n":
        return f"'{text}"
    # Spreadsheets look past outer space, and so does our own reading.
    return f"'{core}" if _NEEDS_GUARD.match(core) else text


def stream_csv(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield the table as CSV, about 64 kB at a time: UTF-8 with the mark that Excel needs, CRLF, cells neutralised."""
    buffer = io.StringIO(newline="")
    buffer.write("\ufeff")
    writer = csv.writer(buffer)
    writer.writerow(map(neutralise, headers))
    source = iter(rows)
    while batch := list(islice(source, _BATCH)):
        writer.writerows(_texts(batch))
        crash.point("export.written")
        if buffer.tell() >= _CHUNK:
            yield buffer.getvalue().encode(errors="replace")
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode(errors="replace")


def write_xlsx(file: BinaryIO, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write the table to the file as a workbook of one sheet, every cell text and none a formula; raise TooManyRows."""
    # Written directly: openpyxl, row by row, takes ten times as long, and a person waits for it.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as package:
        for name, xml in _XLSX_PARTS.items():
            package.writestr(name, _XML_START + xml)
        with package.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for part in _sheet_xml(headers, rows):
                sheet.write(part.encode(errors="replace"))


def csv_response(filename: str, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """Return a download of the table as CSV, written while it is sent."""
    response = StreamingHttpResponse(stream_csv(headers, rows), content_type="text/csv; charset=utf-8")
    download_headers(response, filename, ".csv")
    return response


def xlsx_response(filename: str, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> FileResponse:
    """Return a download of the table as an Excel workbook, written to a temporary file first; raise TooManyRows."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        write_xlsx(file, headers, rows)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    response = FileResponse(file, content_type=f"{_TYPE}.sheet")
    download_headers(response, filename, ".xlsx")
    return response


def _texts(rows: Sequence[Sequence[object]]) -> Iterable[Sequence[str]]:
    """Return the rows with their cells neutralised, column by column: most hold nothing but plain text."""
    columns = zip(*rows, strict=True)
    told = [column if _is_plain(column) else [neutralise(value) for value in column] for column in columns]
    return zip(*told, strict=True)


def _is_plain(column: Sequence[object]) -> TypeGuard[Sequence[str]]:
    """Whether the cells are text that needs no guard, as their first characters tell."""
    if set(map(type, column)) != {str}:
        return False
    texts = cast("Sequence[str]", column)
    return _SUSPECT_STARTS.isdisjoint([text[:1] for text in texts]) and "\0" not in "".join(texts)


def _sheet_xml(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f'{_XML_START}<worksheet xmlns="{_MAIN}"><sheetData>'
    columns: list[str] = []
    source = iter(rows)
    batch: list[Sequence[object]] = [headers]
    line = 0
    while batch:
        if line + len(batch) > MOST_XLSX_ROWS + 1:
            raise TooManyRows
        columns += [_column_name(index) for index in range(len(columns), max(map(len, batch)))]
        yield "".join([_row_xml(number, columns, row) for number, row in enumerate(batch, line + 1)])
        line += len(batch)
        batch = list(islice(source, _BATCH))
    yield "</sheetData></worksheet>"


def _row_xml(line: int, columns: list[str], row: Sequence[object]) -> str:
    cells = [
        f'<c r="{column}{line}" t="str"><v>{_xml_text(text)}</v></c>'
        for column, value in zip(columns, row, strict=False)
        if (text := neutralise(value))
    ]
    return f'<row r="{line}">{"".join(cells)}</row>'


def _xml_text(text: str) -> str:
    if len(text) > LONGEST_XLSX_CELL:
        text = text[: LONGEST_XLSX_CELL - 1] + "…"
    return _XML_SPECIAL.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    # Characters that XML cannot hold are written as Excel writes them.
    return _XML_REPLACEMENTS.get(match[0]) or f"_x{ord(match[0]):04X}_"


def _column_name(index: int) -> str:
    name = ""
    while index >= 0:
        name = chr(ord("A") + index % 26) + name
        index = index // 26 - 1
    return name


def download_headers(response: HttpResponseBase, filename: str, extension: str) -> None:
    """Have the response kept as a file of this name, and nowhere on its way."""
    response["Content-Disposition"] = content_disposition_header(True, _safe_name(filename, extension)) or ""
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"


def _safe_name(filename: str, extension: str) -> str:
    """Return a name that no header, file system or shell stumbles over, with the right ending."""
    name = PurePosixPath(filename.replace("\\", "/")).name.removesuffix(extension)
    kept = "".join(character if character.isalnum() or character in "-_. ()" else "-" for character in name)
    return (kept.strip(" .-")[:_LONGEST_NAME].rstrip() or "export") + extension
