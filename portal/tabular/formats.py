"""What a table file is, what may be in it, and what one row of it looks like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

MEGABYTE = 1024 * 1024

ENCODINGS = {"utf-8": "UTF-8", "cp1252": "Windows-1252", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16 (big-endian)"}
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


class Refused(Exception):
    """The file cannot be read. `code` is for code and tests, `message` is the sentence for the person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def quotable(text: str, most: int) -> str:
    """The beginning of what a file says, as it may stand in a sentence of ours: nothing in it breaks or turns that."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text[:most])


class Row(NamedTuple):
    """One row: the file line where it starts (from 1), one cell a header, and what is wrong with it, if anything,
    as said of "the row"."""

    line: int
    cells: list[str]
    problem: str | None


@dataclass(frozen=True)
class Limits:
    """Bounds that keep a hostile file from taking memory or time. Sizes in bytes, cell and row in characters."""

    max_bytes: int = 200 * MEGABYTE
    max_columns: int = 200
    max_cell: int = 64 * 1024
    max_cell_lines: int = 100
    max_row: int = MEGABYTE
    max_unpacked: int = 200 * MEGABYTE
    max_ratio: int = 100
    max_entries: int = 1_000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Format:
    """How to read a file. Plain values, so that `asdict` and `Format(**data)` keep it in a JSON column.

    `guessed`: the file does not say its encoding and another one would fit too: show it and let a person choose.
    `settled`: decided over the whole file or by a person, so opening the file does not look again.
    """

    kind: Literal["csv", "xlsx"]
    encoding: str = ""
    delimiter: str = ""
    has_bom: bool = False
    guessed: bool = False
    settled: bool = False

    @property
    def description(self) -> str:
        """The format in words, such as "Windows-1252, semicolons"."""
        if self.kind == "xlsx":
            return "Excel workbook"
        return f"{ENCODINGS[self.encoding]}, {DELIMITERS.get(self.delimiter, f'“{self.delimiter}” between columns')}"

    def choose(self, *, encoding: str, delimiter: str) -> Format:
        """Return the format with what a person chose, one of ENCODINGS and of DELIMITERS; ValueError otherwise."""
        if self.kind != "csv" or encoding not in ENCODINGS or delimiter not in DELIMITERS:
            raise ValueError(f"not a choice: {encoding!r}, {delimiter!r}")
        return replace(self, encoding=encoding, delimiter=delimiter, guessed=False, settled=True)
