"""From lines to records: quoted line breaks, cells and rows over the limits, a quote that never closes.

The standard csv reader does the work; what it cannot tell (an open quote swallows the rest of the file in silence) is
seen from how many lines it took for a record, and only such records are looked at again, character by character.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from portal.tabular.formats import Limits, Refused
from portal.tabular.scan import NUL_PROBLEM, Scan, cell_problem, row_problem

# The line where it starts, its cells, and what is wrong with it.
Record = tuple[int, list[str], str | None]

_SENTINEL = "x\n"  # taken as a record of its own unless a quote is open before it
_SHOWN = 100  # characters kept of a cell in a record that is over a limit


def read_records(batches: Iterable[list[str]], delimiter: str, limits: Limits) -> Iterator[list[Record]]:
    """Yield the records of the lines, in batches, without blank lines; Refused when a quote never closes."""
    reader = _RecordReader(delimiter, limits)
    for lines in batches:
        yield from reader.feed(lines)
    yield from reader.finish()


class _RecordReader:
    def __init__(self, delimiter: str, limits: Limits) -> None:
        self._delimiter = delimiter
        self._limits = limits
        self._line = 1  # the line at which the pending lines, or else the next ones, start
        self._pending: list[str] = []
        self._held: list[str] = []
        self._begun = False
        self._scan: Scan | None = None
        stop = re.escape(delimiter)
        cell = rf'(?:"(?:[^"]++|"")*+" *+|[^"{stop}\r\n][^{stop}\r\n]*+)?+'
        self._well_formed = re.compile(rf"{cell}(?:{stop}{cell})*+[\r\n]*+")
        # This limit is the whole process's and breaks a reading off; ours are checked row by row, so it is only raised.
        csv.field_size_limit(max(csv.field_size_limit(), 8 * limits.max_row))

    def feed(self, lines: list[str]) -> Iterator[list[Record]]:
        self._held += lines
        # An open record is parsed again from its start: waiting until as much again has come keeps that from adding up.
        if self._pending and _size(self._held) < _size(self._pending):
            return
        lines, self._pending, self._held = self._pending + self._held, [], []
        yield from self._read(lines)

    def _read(self, lines: list[str]) -> Iterator[list[Record]]:
        while lines:
            if self._scan:
                lines = lines[self._scan.feed(lines) :]
                if self._scan.ended:
                    yield [self._scanned(self._scan)]
                continue
            cut = self._first_over_long(lines)
            records = self._parse(lines[:cut])
            self._begun = self._begun or bool(records)
            yield records
            lines = lines[cut:]
            if lines or _size(self._pending) > self._limits.max_row:
                lines = self._pending + lines
                self._pending = []
                self._scan = self._scan_long_record()

    def finish(self) -> Iterator[list[Record]]:
        yield from self._read(self._pending + self._held)
        if self._pending and not self._scan:
            self._scan = Scan(self._line, self._delimiter, self._limits)
            self._scan.feed(self._pending)
        if self._scan:
            self._scan.finish()
            yield [self._scanned(self._scan)]

    def _scan_long_record(self) -> Scan:
        if not self._begun:
            # Nothing can come of a file without headers, and a person waits for the answer.
            raise Refused("header", f"The first row cannot be read: it {row_problem(self._limits)}.")
        return Scan(self._line, self._delimiter, self._limits)

    def _first_over_long(self, lines: list[str]) -> int:
        longest = self._limits.max_row
        if max(map(len, lines)) <= longest:
            return len(lines)
        return next(index for index, line in enumerate(lines) if len(line) > longest)

    def _parse(self, lines: list[str]) -> list[Record]:
        records: list[Record] = []
        start, done = self._line, 0
        reader = csv.reader(chain(lines, (_SENTINEL,)), delimiter=self._delimiter)
        for cells in islice(reader, len(lines)):
            end = reader.line_num
            if end > len(lines):
                break
            if end - done > 1:
                records.append(self._parse_again(start + done, lines[done:end], cells))
            elif cells:
                records.append((start + done, cells, None))
            done = end
        if max(map(len, lines), default=0) > self._limits.max_cell:
            records = [self._capped(record) for record in records]
        if "\0" in "".join(lines):
            records = [_without_nul(record) for record in records]
        self._pending = lines[done:]
        self._line = start + done
        return records

    def _parse_again(self, line: int, lines: list[str], cells: list[str]) -> Record:
        text = "".join(lines)
        small = len(text) <= self._limits.max_cell and len(lines) <= self._limits.max_cell_lines
        if small and self._well_formed.fullmatch(text):
            return line, cells, None
        scan = Scan(line, self._delimiter, self._limits)
        scan.feed(lines)
        return (line, _shortened(cells), scan.problem) if scan.problem else (line, cells, None)

    def _capped(self, record: Record) -> Record:
        line, cells, problem = record
        if problem is None and max(map(len, cells)) > self._limits.max_cell:
            return line, _shortened(cells), cell_problem(self._limits)
        return record

    def _scanned(self, scan: Scan) -> Record:
        self._scan = None
        self._line = scan.line
        cells = next(csv.reader([scan.beginning], delimiter=self._delimiter), [""])
        return scan.start, _shortened(cells), scan.problem


def _without_nul(record: Record) -> Record:
    line, cells, problem = record
    return (line, cells, NUL_PROBLEM) if problem is None and "\0" in "".join(cells) else record


def _size(lines: list[str]) -> int:
    return sum(map(len, lines))


def _shortened(cells: list[str]) -> list[str]:
    return [cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}…" for cell in cells]
