"""One record that is over a limit, or spans lines: where it ends, and what is wrong with it."""

from __future__ import annotations

import re

from portal.tabular.formats import Limits, Refused

NUL_PROBLEM = "contains a NUL byte"

_KEPT = 1_000  # characters kept of a record that is not
_INSIDE_QUOTES = re.compile(r'(?:[^"]++|"")*+')
_START, _PLAIN, _QUOTED, _QUOTE_SEEN, _CLOSED, _ENDED = range(6)


class Scan:
    """One record, read character by character and not kept: where it ends, and what of it is over a limit."""

    def __init__(self, line: int, delimiter: str, limits: Limits) -> None:
        self.start = self.line = line
        self.beginning = ""
        self._delimiter = delimiter
        self._limits = limits
        self._stop = re.compile(rf'[\r\n]|{re.escape(delimiter)}(?=")')
        self._state = _START
        self._opened = line  # the line of the last opening quote
        self._size = self._cell = self._longest = self._most_lines = 0
        self._has_nul = False

    @property
    def ended(self) -> bool:
        return self._state == _ENDED

    @property
    def problem(self) -> str | None:
        if self._longest > self._limits.max_cell:
            return cell_problem(self._limits)
        if self._most_lines > self._limits.max_cell_lines:
            return f"has a cell of more than {self._limits.max_cell_lines} lines (until line {self.line - 1})"
        if self._size > self._limits.max_row:
            return row_problem(self._limits)
        return NUL_PROBLEM if self._has_nul else None

    def feed(self, lines: list[str]) -> int:
        """Read on until the record ends; return how many lines (or pieces of one) were taken."""
        inside = "".join(lines)
        if self._state == _QUOTED and '"' not in inside:
            self._note(inside)
            self._cell += len(inside)
            self.line += len(lines) - (not inside.endswith(("\n", "\r")))
            return len(lines)
        for taken, text in enumerate(lines, 1):
            self._note(text)
            self._read(text)
            self.line += text.endswith(("\n", "\r"))
            if self.ended:
                return taken
        return len(lines)

    def finish(self) -> None:
        """The file ends here; Refused when a quote is open."""
        if self._state == _QUOTED:
            raise self._never_closes()
        self._end_cell(_ENDED)

    def _note(self, text: str) -> None:
        self._size += len(text)
        self._has_nul = self._has_nul or "\0" in text
        self.beginning += text[: max(0, _KEPT - len(self.beginning))]

    def _read(self, text: str) -> None:
        place = 0
        while place < len(text):
            if self._state == _QUOTED:
                place = self._read_quoted(text, place)
            elif self._state in {_QUOTE_SEEN, _CLOSED}:
                place = self._read_after_quote(text, place)
            elif self._state == _START and text[place] == '"':
                self._state, self._opened = _QUOTED, self.line
                place += 1
            else:
                place = self._read_plain(text, place)

    def _read_quoted(self, text: str, place: int) -> int:
        match = _INSIDE_QUOTES.match(text, place)
        end = match.end() if match else place
        self._cell += end - place
        if end < len(text):
            self._state = _QUOTE_SEEN
            self._most_lines = max(self._most_lines, self.line - self._opened + 1)
            end += 1
        return end

    def _read_after_quote(self, text: str, place: int) -> int:
        character = text[place]
        if character == self._delimiter:
            self._end_cell(_START)
        elif character in "\r\n":
            self._end_cell(_ENDED)
            return len(text)
        elif character == '"' and self._state == _QUOTE_SEEN:
            self._state = _QUOTED
            self._cell += 1
        elif character == " ":
            self._state = _CLOSED
        else:
            # Text after a closing quote is a slip within one line; over lines, that quote was the next cell's own.
            if self.line > self._opened:
                raise self._never_closes()
            self._state = _PLAIN
            return place
        return place + 1

    def _read_plain(self, text: str, place: int) -> int:
        """Read cells without quotes, as many as there are until a quoted one or the end of the line."""
        stop = self._stop.search(text, place)
        end = stop.start() if stop else len(text)
        self._measure(text, place, end)
        if not stop:
            self._state = _START if text[end - 1] == self._delimiter else _PLAIN
            return end
        if text[end] == self._delimiter:
            self._end_cell(_START)
            return end + 1
        self._end_cell(_ENDED)
        return len(text)

    def _measure(self, text: str, place: int, end: int) -> None:
        """Note the longest of the cells in this stretch, without a look at each: there may be millions."""
        first = text.find(self._delimiter, place, end)
        if first < 0:
            self._cell += end - place
            return
        self._cell += first - place
        self._end_cell(self._state)
        last = text.rfind(self._delimiter, first, end)
        place, most = first + 1, self._limits.max_cell
        while last - place > most:
            place = text.rfind(self._delimiter, place, place + most + 1) + 1
            if not place:
                self._longest = most + 1
                break
        self._cell = end - last - 1

    def _end_cell(self, state: int) -> None:
        self._longest = max(self._longest, self._cell)
        self._state = state
        self._cell = 0

    def _never_closes(self) -> Refused:
        return Refused("unclosed-quote", f"The quote opened in line {self._opened} never closes.")


def cell_problem(limits: Limits) -> str:
    """Return what is wrong with a row that has a cell over the limit; "the row …" is left to who tells it."""
    return f"has a cell longer than {limits.max_cell // 1024} kB"


def row_problem(limits: Limits) -> str:
    """Return what is wrong with a row over the limit."""
    return f"is longer than {limits.max_row // 1024} kB"
