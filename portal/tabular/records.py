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
        self._scan: _Scan | None = None
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
            yield self._parse(lines[:cut])
            lines = lines[cut:]
            if lines or _size(self._pending) > self._limits.max_row:
                lines = self._pending + lines
                self._pending = []
                self._scan = _Scan(self._line, self._delimiter, self._limits)

    def finish(self) -> Iterator[list[Record]]:
        yield from self._read(self._pending + self._held)
        if self._pending and not self._scan:
            self._scan = _Scan(self._line, self._delimiter, self._limits)
            self._scan.feed(self._pending)
        if self._scan:
            self._scan.finish()
            yield [self._scanned(self._scan)]

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
        self._pending = lines[done:]
        self._line = start + done
        return records

    def _parse_again(self, line: int, lines: list[str], cells: list[str]) -> Record:
        text = "".join(lines)
        small = len(text) <= self._limits.max_cell and len(lines) <= self._limits.max_cell_lines
        if small and self._well_formed.fullmatch(text):
            return line, cells, None
        scan = _Scan(line, self._delimiter, self._limits)
        scan.feed(lines)
        return (line, _shortened(cells), scan.problem) if scan.problem else (line, cells, None)

    def _capped(self, record: Record) -> Record:
        line, cells, problem = record
        if problem is None and max(map(len, cells)) > self._limits.max_cell:
            return line, _shortened(cells), cell_problem(self._limits)
        return record

    def _scanned(self, scan: _Scan) -> Record:
        self._scan = None
        self._line = scan.line
        cells = next(csv.reader([scan.beginning], delimiter=self._delimiter), [""])
        return scan.start, _shortened(cells), scan.problem


_START, _PLAIN, _QUOTED, _QUOTE_SEEN, _CLOSED, _ENDED = range(6)


class _Scan:
    """One record, read character by character and not kept: where it ends, and what of it is over a limit."""

    def __init__(self, line: int, delimiter: str, limits: Limits) -> None:
        self.start = self.line = line
        self.beginning = ""
        self._delimiter = delimiter
        self._limits = limits
        self._stop = re.compile(f"[{re.escape(delimiter)}\r\n]")
        self._state = _START
        self._opened = line  # the line of the last opening quote
        self._size = self._cell = self._longest = self._most_lines = 0

    @property
    def ended(self) -> bool:
        return self._state == _ENDED

    @property
    def problem(self) -> str | None:
        if self._longest > self._limits.max_cell:
            return cell_problem(self._limits)
        if self._most_lines > self._limits.max_cell_lines:
            return f"cell of more than {self._limits.max_cell_lines} lines (until line {self.line - 1})"
        if self._size > self._limits.max_row:
            return f"row longer than {self._limits.max_row // 1024} kB"
        return None

    def feed(self, lines: list[str]) -> int:
        """Read on until the record ends; return how many lines (or pieces of one) were taken."""
        for taken, text in enumerate(lines, 1):
            self.beginning += text[: max(0, 1000 - len(self.beginning))]
            self._size += len(text)
            self._read(text)
            if text.endswith(("\n", "\r")):
                self.line += 1
            if self.ended:
                return taken
        return len(lines)

    def finish(self) -> None:
        """The file ends here; Refused when a quote is open."""
        if self._state == _QUOTED:
            raise self._never_closes()
        self._end_cell(_ENDED)

    def _read(self, text: str) -> None:
        place = 0
        while place < len(text):
            if self._state == _QUOTED:
                place = self._read_quoted(text, place)
            elif self._state == _PLAIN:
                place = self._read_plain(text, place)
            else:
                place = self._read_edge(text, place)

    def _read_quoted(self, text: str, place: int) -> int:
        quote = text.find('"', place)
        end = len(text) if quote < 0 else quote
        self._cell += end - place
        if quote < 0:
            return end
        self._state = _QUOTE_SEEN
        self._most_lines = max(self._most_lines, self.line - self._opened + 1)
        return quote + 1

    def _read_plain(self, text: str, place: int) -> int:
        stop = self._stop.search(text, place)
        end = stop.start() if stop else len(text)
        self._cell += end - place
        self._state = _CLOSED if stop else _PLAIN
        return end

    def _read_edge(self, text: str, place: int) -> int:
        """At the start of a cell, or after the quote that may have closed one."""
        character = text[place]
        if character == self._delimiter:
            self._end_cell(_START)
        elif character in "\r\n":
            self._end_cell(_ENDED)
            return len(text)
        elif character == '"' and self._state == _START:
            self._state, self._opened = _QUOTED, self.line
        elif character == '"' and self._state == _QUOTE_SEEN:
            self._state = _QUOTED
            self._cell += 1
        elif self._state == _START:
            self._state = _PLAIN
            return place
        elif character == " ":
            self._state = _CLOSED
        else:
            # Text after a closing quote is a slip within one line; over lines, that quote was the next cell's own.
            if self.line > self._opened:
                raise self._never_closes()
            self._state = _PLAIN
            return place
        return place + 1

    def _end_cell(self, state: int) -> None:
        self._longest = max(self._longest, self._cell)
        self._state = state
        self._cell = 0

    def _never_closes(self) -> Refused:
        return Refused("unclosed-quote", f"The quote opened in line {self._opened} never closes.")


def cell_problem(limits: Limits) -> str:
    """Return what is wrong with a row that has a cell over the limit."""
    return f"cell longer than {limits.max_cell // 1024} kB"


def _size(lines: list[str]) -> int:
    return sum(map(len, lines))


def _shortened(cells: list[str]) -> list[str]:
    return [cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}…" for cell in cells]
