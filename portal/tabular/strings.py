"""A workbook's shared strings, in a temporary file: a sheet refers to them in any order, and they may be millions."""

from __future__ import annotations

import mmap
import re
import tempfile
from array import array

from portal.tabular.workbook import Package, parse

_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")


class SharedStrings:
    """The strings by number, each at most one character longer than `longest`; IndexError beyond the last."""

    def __init__(self, package: Package, part: str | None, longest: int) -> None:
        self._longest = longest
        self._ends = array("Q", [1])
        self._texts: list[str] = []
        self._size = 0
        self._reading = self._phonetic = False
        with tempfile.TemporaryFile() as self._file:
            self._file.write(b"\n")  # an empty file cannot be mapped
            if part:
                for _ in parse(package.read(part), start=self._start, end=self._end, text=self._text):
                    pass
            self._file.flush()
            self._bytes = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def __getitem__(self, index: int) -> str:
        if index < 0:
            raise IndexError(index)
        return self._bytes[self._ends[index] : self._ends[index + 1]].decode()

    def _start(self, name: str, _: dict[str, str]) -> None:
        if name.endswith("rPh"):
            self._phonetic = True
        elif name == "t" or name.endswith(":t"):
            self._reading = not self._phonetic

    def _text(self, text: str) -> None:
        if self._reading and self._size <= self._longest:
            self._size += len(text)
            self._texts.append(text)

    def _end(self, name: str) -> None:
        if name == "si" or name.endswith(":si"):
            encoded = unescaped("".join(self._texts))[: self._longest + 1].encode()
            self._file.write(encoded)
            self._ends.append(self._ends[-1] + len(encoded))
            self._texts = []
            self._size = 0
        elif name == "t" or name.endswith(":t"):
            self._reading = False
        elif name.endswith("rPh"):
            self._phonetic = False


def unescaped(text: str) -> str:
    """Return the text with the characters that XML cannot hold, which Excel writes as `_x000D_`."""
    return _ESCAPE.sub(_character, text) if "_x" in text else text


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    # A NUL and half a surrogate pair are what no database takes: they stay as they stand.
    return match[0] if code == 0 or 0xD800 <= code <= 0xDFFF else chr(code)
