"""Each bound taken away, to see that what is refused with it would get through without."""

from __future__ import annotations

import io
from typing import Any

import pytest

from portal.tabular import Limits, Refused, Row, open_table
from portal.tabular import records as text_records
from portal.tabular import table as tables
from portal.tabular import workbook as workbooks
from portal.tabular.scan import Scan
from tests.corpus import CASES
from tests.fuzz.oracles import Broken, examine

Patch = pytest.MonkeyPatch
BOUNDLESS = Limits(max_cell=1 << 40, max_row=1 << 40, max_cell_lines=1 << 40, max_columns=1 << 20)


def read(name: str, limits: Limits | None = None) -> list[Row]:
    case = CASES[name]
    return list(open_table(io.BytesIO(case.make()), case.filename, limits=limits or Limits()))


def is_refused(name: str, limits: Limits | None = None) -> None:
    with pytest.raises(Refused) as caught:
        read(name, limits)
    assert caught.value.message == CASES[name].refused


def has_bad_rows(name: str, limits: Limits | None = None) -> None:
    found = {row.line: f"The row {row.problem}." for row in read(name, limits) if row.problem}
    assert found == dict(CASES[name].bad)


BOMBS = ["bomb-of-a-sheet", "bomb-in-a-part-nobody-reads"]
DOCTYPES = ["sheet-with-xxe-file", "sheet-with-plain-doctype", "doctype-in-sharedStrings.xml"]
OPEN_QUOTES = ["open-quote-in-the-last-line", "open-quote-far-below"]
WIDE = ["201-columns", "5000-columns"]
LARGE = ["cell-of-2-mb-over-20-lines", "row-of-2-mb", "cell-of-101-lines"]
NULS = ["nul-in-a-name", "nul-alone-in-a-line"]
removed = pytest.mark.xfail(strict=True, reason="the bound is taken away")


@pytest.mark.parametrize("name", [*BOMBS, *DOCTYPES, *OPEN_QUOTES, *WIDE])
def test_refused_with_the_bound(name: str) -> None:
    is_refused(name)


@pytest.mark.parametrize("name", [*LARGE, *NULS])
def test_bad_rows_with_the_bound(name: str) -> None:
    has_bad_rows(name)


@pytest.mark.teeth
@removed
@pytest.mark.parametrize("name", BOMBS)
def test_without_the_ratio_a_bomb_is_unpacked(name: str, monkeypatch: Patch) -> None:
    monkeypatch.setattr(workbooks.Package, "_check_ratio", lambda *_: None)
    is_refused(name)


@pytest.mark.teeth
@removed
@pytest.mark.parametrize("name", DOCTYPES)
def test_without_the_guard_a_doctype_is_read(name: str, monkeypatch: Patch) -> None:
    monkeypatch.setattr(workbooks, "_refuse_doctype", lambda *_: None)
    is_refused(name)


@pytest.mark.teeth
@removed
@pytest.mark.parametrize("name", OPEN_QUOTES)
def test_without_the_look_an_open_quote_swallows_the_rest(name: str, monkeypatch: Patch) -> None:
    monkeypatch.setattr(Scan, "finish", lambda self: None)
    is_refused(name)


@pytest.mark.teeth
@removed
@pytest.mark.parametrize("name", WIDE)
def test_without_the_bound_any_number_of_columns_is_read(name: str) -> None:
    is_refused(name, BOUNDLESS)


@pytest.mark.teeth
@removed
@pytest.mark.parametrize("name", LARGE)
def test_without_the_bounds_a_giant_cell_is_taken(name: str) -> None:
    has_bad_rows(name, BOUNDLESS)


@pytest.mark.teeth
@removed
@pytest.mark.parametrize("name", NULS)
def test_without_the_look_a_nul_goes_on_to_the_database(name: str, monkeypatch: Patch) -> None:
    monkeypatch.setattr(text_records, "_without_nul", lambda record: record)
    has_bad_rows(name)


def _loses_a_row(records: Any) -> Any:
    return lambda self, lines: records(self, lines)[:-1] or records(self, lines)


@pytest.mark.parametrize(
    ("place", "name", "wrong"),
    [
        (tables, "unguarded", lambda cell: cell),
        (tables, "_fitted", lambda cells, width: ((cells + [""] * width)[:width], None)),
        (text_records, "_without_nul", lambda record: record),
        (text_records._RecordReader, "_parse", _loses_a_row(text_records._RecordReader._parse)),
        (Scan, "finish", lambda self: None),
    ],
)
def test_the_oracles_see_a_reader_that_errs(place: Any, name: str, wrong: Any, monkeypatch: Patch) -> None:
    monkeypatch.setattr(place, name, wrong)
    seen = 0
    for case in ("formulas-in-names", "more-cells-than-headers", "nul-in-a-name", "open-quote-in-the-last-line"):
        try:
            examine(CASES[case].make(), CASES[case].filename)
        except Broken:
            seen += 1
    assert seen
