"""Odd and hostile files, made when they are asked for: nothing binary is kept, and every byte has its reason here.

`CASES` holds them by name, each with the verdict that is right; `texts` and `books` make tables and workbooks of any
kind for other tests too.
"""

from __future__ import annotations

from tests.corpus import addresses, disguises, encodings, packages, shapes, sheets, values
from tests.corpus import dialects as dialect_cases
from tests.corpus.books import (
    encrypted,
    long_directory,
    long_tag,
    lying_bomb,
    nested_tags,
    ole_file,
    text_cells,
    with_part,
    workbook,
    workbook_parts,
    zip_bomb,
    zip_of,
)
from tests.corpus.cases import Case, by_name
from tests.corpus.texts import HEADERS, PEOPLE, csv_text, dialects, huge_cell, rows_csv, unclosed_quote

CASES = by_name(
    encodings.cases(),
    dialect_cases.cases(),
    shapes.cases(),
    addresses.cases(),
    disguises.cases(),
    packages.cases(),
    sheets.cases(),
    values.cases(),
)

__all__ = [
    "CASES",
    "HEADERS",
    "PEOPLE",
    "Case",
    "csv_text",
    "dialects",
    "encrypted",
    "huge_cell",
    "long_directory",
    "long_tag",
    "lying_bomb",
    "nested_tags",
    "ole_file",
    "rows_csv",
    "text_cells",
    "unclosed_quote",
    "with_part",
    "workbook",
    "workbook_parts",
    "zip_bomb",
    "zip_of",
]
