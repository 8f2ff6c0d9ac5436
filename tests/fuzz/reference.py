"""A second reader of tables as text, slow and plain, that shares no line with the one it is held against."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_FORMULA = "=+-@\t\r\n＝＋－＠"


@dataclass
class Record:
    """What stands between two line ends that are not in quotes."""

    line: int
    cells: list[str] = field(default_factory=list)
    size: int = 0
    most_lines: int = 0
    has_text_behind_lines: bool = False
    """Behind a cell that spans lines something else stands than a separator: its quotes are wrong."""

    @property
    def is_over(self) -> bool:
        return self.size > 1024 * 1024 or self.most_lines > 100 or max(map(len, self.cells), default=0) > 64 * 1024


class OpenQuote(Exception):
    """The file ends within quotes."""


def records(text: str, delimiter: str) -> Iterator[Record]:
    """The records of the text, blank lines too, as RFC 4180 has them and as spreadsheets bend it."""
    text = text.removeprefix("\ufeff")
    first = re.match(r'"?sep=([^\w\s"\0]|\t)"?[ \t]*(?=\r|\n|$)', text, re.IGNORECASE)
    if first:
        text = text[first.end() :]
    yield from _Machine(text, delimiter).run()


class _Machine:
    def __init__(self, text: str, delimiter: str) -> None:
        self.text, self.delimiter = text, delimiter
        self.place, self.line = 0, 1
        self.end = len(text)

    def run(self) -> Iterator[Record]:
        while self.place < self.end:
            yield self._record()

    def _line_end(self) -> int:
        """How long the line end here is; 0 where there is none."""
        if self.text.startswith("\r\n", self.place):
            return 2
        return int(self.text[self.place : self.place + 1] in ("\r", "\n"))

    def _record(self) -> Record:
        record, start = Record(self.line), self.place
        while True:
            record.cells.append(self._cell(record))
            if self.place >= self.end:
                break
            if step := self._line_end():
                self.place += step
                self.line += 1
                break
            self.place += 1  # the separator
        record.size = self.place - start
        return record

    def _cell(self, record: Record) -> str:
        if self.text[self.place : self.place + 1] != '"':
            return self._plain()
        self.place += 1
        opened, found = self.line, []
        while True:
            if self.place >= self.end:
                raise OpenQuote
            sign = self.text[self.place]
            if sign == '"':
                if self.text[self.place + 1 : self.place + 2] != '"':
                    break
                self.place += 1
            step = self._line_end()
            if step:
                self.line += 1
                found.append(self.text[self.place : self.place + step])
                self.place += step
            else:
                found.append(sign)
                self.place += 1
        self.place += 1
        record.most_lines = max(record.most_lines, self.line - opened + 1)
        behind = self._plain()
        if behind.strip(" ") and self.line > opened:
            record.has_text_behind_lines = True
        return "".join(found) + behind

    def _plain(self) -> str:
        start = self.place
        while self.place < self.end and self.text[self.place] != self.delimiter and not self._line_end():
            self.place += 1
        return self.text[start : self.place]


def plain(cell: str) -> str:
    """The cell without outer space and without the apostrophe of an export."""
    cell = cell.strip()
    if cell.startswith("'"):
        rest = cell.lstrip("'")
        if rest and (rest[0] in _FORMULA or rest[0] in "0123456789"):
            return cell[1:]
    return cell
