"""Tables as text, in every form that a spreadsheet, a shop or an old program writes, and in some that nobody should."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Sequence

HEADERS = ["Email", "Name", "Phone"]
PEOPLE = [
    ["jürgen@example.com", "Jürgen Müller", "+49 30 1234"],
    ["zoe@shop.example", "Zoé “Zo” D'Arc", "0170 5551"],
    ["lee@shop.example", "Lee, Ann", ""],
]


def csv_text(rows: Iterable[Sequence[str]], *, delimiter: str = ",", newline: str = "\r\n", quoting: int = 0) -> str:
    """Return the rows as the standard writer writes them; `quoting` is one of the csv module's constants."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return buffer.getvalue()


def dialects() -> dict[str, bytes]:
    """The same three people in every form that a spreadsheet, a shop or an old program writes."""
    table = [HEADERS, *PEOPLE]
    plain = csv_text(table)
    semicolons = csv_text(table, delimiter=";", newline="\n")
    return {
        "utf-8": plain.encode(),
        "utf-8 with mark": codecs.BOM_UTF8 + plain.encode(),
        "utf-8, LF": csv_text(table, newline="\n").encode(),
        "utf-8, CR": csv_text(table, newline="\r").encode(),
        "utf-8, no last line end": plain.encode().rstrip(b"\r\n"),
        "semicolons": semicolons.encode(),
        "tabs": csv_text(table, delimiter="\t").encode(),
        "vertical bars": csv_text(table, delimiter="|").encode(),
        "all quoted": csv_text(table, quoting=csv.QUOTE_ALL).encode(),
        "windows-1252": plain.encode("cp1252"),
        "windows-1252, semicolons": semicolons.encode("cp1252"),
        "utf-16 little-endian": codecs.BOM_UTF16_LE + plain.encode("utf-16-le"),
        "utf-16 big-endian": codecs.BOM_UTF16_BE + plain.encode("utf-16-be"),
        "utf-16 little-endian, tabs": codecs.BOM_UTF16_LE + csv_text(table, delimiter="\t").encode("utf-16-le"),
        "utf-16 little-endian, no mark": plain.encode("utf-16-le"),
        "utf-16 big-endian, no mark": plain.encode("utf-16-be"),
        "sep line": b"sep=;\r\n" + semicolons.encode(),
        "sep line, quoted, mark": codecs.BOM_UTF8 + b'"sep=;"\r\n' + semicolons.encode(),
        "blank lines before, between, after": ("\r\n\r\n" + plain.replace("\r\n", "\r\n\r\n") + "\r\n").encode(),
        "lines of delimiters": (plain + ",,\r\n,,\r\n").encode(),
        "mixed line ends": plain.replace("\r\n", "\n", 1).encode(),
        "columns without a name at the end": plain.replace("\r\n", ",,\r\n").encode(),
    }


def rows_csv(count: int, header: str = "email,first,last,phone") -> bytes:
    """A plain table of `count` people."""
    lines = [f"person{i}@shop{i % 97}.example,First{i},Last{i},0170 {i}" for i in range(count)]
    return "\n".join([header, *lines, ""]).encode()


def unclosed_quote(lines: int, at: int, tail: str = "") -> bytes:
    """A table of so many lines in which the quote of line `at` is never closed; `tail` is put into every later line."""
    made = ["email,name", *(f"p{i}@shop.example,Name{i}{tail}" for i in range(2, lines + 1))]
    made[at - 1] = f'p{at}@shop.example,"Name{at}'
    return "\n".join(made).encode() + b"\n"


def huge_cell(size: int, *, quoted: bool, lines: int = 1) -> bytes:
    """Three people, of whom the second has a name of so many letters over so many lines."""
    name = "\n".join(["x" * (size // lines)] * lines)
    name = f'"{name}"' if quoted else name
    return f"email,name\na@shop.example,Ann\nb@shop.example,{name}\nc@shop.example,Cy\n".encode()
