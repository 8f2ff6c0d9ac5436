"""The rows of an Excel workbook's first visible sheet, as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import BinaryIO

from portal.tabular.formats import Limits, Refused
from portal.tabular.records import Record
from portal.tabular.scan import cell_problem
from portal.tabular.strings import SharedStrings, unescaped
from portal.tabular.workbook import Package, parse, refusing_damage

_MOST_ROWS = 1_048_576
_MOST_COLUMNS = 16_384
_LAST_DAY = 2_957_000  # in the year 9995, or 9999 when days are counted from 1904
_DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(50, 59)})  # those built in, by number
# What in a number format is text or colour, not the letters that draw a date.
_FORMAT_NOISE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTERS = re.compile("[dmyhs]", re.IGNORECASE)
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)


class Sheet:
    """The first visible sheet; `records` may be called again and again."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._limits = limits
        with refusing_damage():
            self._package = Package(file, limits)
            roots = self._package.relations("").values()
            main = next((part for kind, part in roots if kind == "officeDocument"), "xl/workbook.xml")
            relations = self._package.relations(main)
            self._part, self._epoch = self._first_visible(main, relations)
            parts = {kind: part for kind, part in relations.values() if part in self._package}
            self._strings = SharedStrings(self._package, parts.get("sharedStrings"), limits.max_cell)
            self._date_styles = self._read_date_styles(parts.get("styles"))

    def records(self) -> Iterator[list[Record]]:
        """Yield the rows that hold anything, in batches, each with its number in the sheet."""
        reader = _RowReader(self._limits, self._strings, self._date_styles, self._epoch)
        with refusing_damage():
            for _ in parse(self._package.read(self._part), start=reader.start, end=reader.end, text=reader.text):
                if reader.rows:
                    yield reader.rows
                    reader.rows = []

    def _first_visible(self, main: str, relations: dict[str, tuple[str, str]]) -> tuple[str, datetime]:
        parts: list[str] = []
        epoch = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet's dates have no zone

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal epoch
            local = name.rpartition(":")[2]
            if local == "workbookPr" and attributes.get("date1904") in {"1", "true"}:
                epoch = datetime(1904, 1, 1)  # noqa: DTZ001
            if local == "sheet" and attributes.get("state", "visible") == "visible":
                reference = next((value for key, value in attributes.items() if key.endswith(":id")), "")
                kind, part = relations.get(reference, ("", ""))
                if kind == "worksheet" and part in self._package:
                    parts.append(part)

        for _ in parse(self._package.read(main), start=start):
            pass
        if not parts:
            raise Refused("empty", "The workbook has no visible sheet with a table.")
        return parts[0], epoch

    def _read_date_styles(self, part: str | None) -> frozenset[str]:
        custom: dict[str, str] = {}
        styles: list[str] = []
        in_cell_styles = False

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal in_cell_styles
            local = name.rpartition(":")[2]
            if local == "numFmt":
                custom[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            elif local == "xf" and in_cell_styles:
                styles.append(attributes.get("numFmtId", "0"))
            elif local == "cellXfs":
                in_cell_styles = True

        def end(name: str) -> None:
            nonlocal in_cell_styles
            in_cell_styles = in_cell_styles and name.rpartition(":")[2] != "cellXfs"

        if part:
            for _ in parse(self._package.read(part), start=start, end=end):
                pass
        dates = {number for number, code in custom.items() if _draws_date(code)}
        dates |= {str(number) for number in _DATE_FORMATS if str(number) not in custom}
        return frozenset(str(index) for index, number in enumerate(styles) if number in dates)


class _LocalNames(dict[str, str]):
    """Names without their prefix, worked out once each: some programs write `x:row`."""

    def __missing__(self, name: str) -> str:
        self[name] = local = name.rpartition(":")[2]
        return local


class _RowReader:
    """What expat calls for each tag of a sheet; finished rows gather in `rows`."""

    def __init__(self, limits: Limits, strings: SharedStrings, date_styles: frozenset[str], epoch: datetime) -> None:
        self.rows: list[Record] = []
        self._limits = limits
        self._strings = strings
        self._date_styles = date_styles
        self._epoch = epoch
        self._local = _LocalNames()
        self._columns: dict[str, int] = {}
        self._line = 0
        self._cells: list[str] = []
        self._column = -1
        self._kind = self._style = ""
        self._text: list[str] = []
        self._size = 0
        self._reading = self._phonetic = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = self._local[name]
        if local == "c":
            reference = attributes.get("r")
            self._column = self._column_of(reference) if reference else self._column + 1
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s", "")
            self._text = []
            self._size = 0
        elif local in {"v", "t"}:
            self._reading = not self._phonetic
        elif local == "row":
            self._start_row(attributes.get("r"))
        elif local == "rPh":
            self._phonetic = True

    def text(self, text: str) -> None:
        if self._reading and self._size <= self._limits.max_cell:
            self._size += len(text)
            self._text.append(text)

    def end(self, name: str) -> None:
        local = self._local[name]
        if local in {"v", "t"}:
            self._reading = False
        elif local == "c":
            if self._text:
                self._end_cell("".join(self._text))
        elif local == "row":
            self._end_row()
        elif local == "rPh":
            self._phonetic = False

    def _start_row(self, number: str | None) -> None:
        line = int(number) if number else self._line + 1
        if not self._line < line <= _MOST_ROWS:
            raise ValueError("rows out of order")
        self._line = line
        self._cells = []
        self._column = -1

    def _end_cell(self, text: str) -> None:
        kind = self._kind
        if kind == "s":
            text = self._strings[int(text)]
        elif kind == "n":
            text = _date_text(text, self._epoch) if self._style in self._date_styles else _number_text(text)
        elif kind == "b":
            text = "TRUE" if text.strip() == "1" else "FALSE"
        else:
            text = unescaped(text)
        # All that stands beyond the widest table shares one place, so that a far cell costs no more than a near one.
        place = min(self._column, self._limits.max_columns)
        missing = place - len(self._cells)
        if missing >= 0:
            self._cells += [""] * missing
            self._cells.append(text)
        elif text:
            self._cells[place] = text

    def _end_row(self) -> None:
        cells = self._cells
        if not any(cells):
            return
        if max(map(len, cells)) > self._limits.max_cell:
            short = [cell[:100] for cell in cells]
            self.rows.append((self._line, short, cell_problem(self._limits)))
        else:
            self.rows.append((self._line, cells, None))

    def _column_of(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        column = self._columns.get(letters)
        if column is None:
            if not (0 < len(letters) <= 3 and letters.isascii() and letters.isalpha()):
                raise ValueError("no column")
            column = -1
            for letter in letters.upper():
                column = (column + 1) * 26 + ord(letter) - ord("A")
            if column >= _MOST_COLUMNS:
                raise ValueError("no such column")
            self._columns[letters] = column
        return column


def _number_text(text: str) -> str:
    """Return the number as a person would type it: 4.915551234E+11 may be a phone number."""
    text = text.strip()
    number = _finite(text)
    if text.isdigit() or number is None:
        return text
    if number.is_integer() and abs(number) < 1e21:
        return str(int(text) if text.removeprefix("-").isdigit() else int(number))
    return format(number, ".15g")


def _finite(text: str) -> float | None:
    """The number that the text is; None for what is none, and for Python's own ways to write one."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _date_text(text: str, epoch: datetime) -> str:
    serial = _finite(text)
    if serial is None:
        return text
    if not 0 <= serial < _LAST_DAY:
        return _number_text(text)
    is_time = serial < 1
    if serial < 60 and epoch.year == 1899:
        serial += 1  # this calendar has a 29 February 1900
    moment = epoch + timedelta(seconds=round(serial * 86_400))
    if is_time:
        return moment.time().isoformat()
    return moment.date().isoformat() if serial.is_integer() else moment.isoformat()


def _draws_date(code: str) -> bool:
    plain = _FORMAT_NOISE.sub("", code.partition(";")[0])
    return bool(_DATE_LETTERS.search(plain)) and not _ELAPSED.search(plain)
