"""Excel workbooks: as openpyxl writes them, as other programs do, and as attackers do."""

from __future__ import annotations

import datetime as dt
import io
import time
from collections.abc import Sequence

import openpyxl
import pytest

from portal.tabular import Limits, Refused, Row, open_table, sniff
from tests import corpus
from tests.corpus import text_cells, workbook

HEADER = text_cells("email")
PERSON = text_cells("a@shop.example")


def saved(*rows: Sequence[object], title: str = "People") -> openpyxl.Workbook:
    book = openpyxl.Workbook(write_only=False)
    book.remove(book.worksheets[0])
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append(list(row))
    return book


def content(book: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def rows(made: bytes) -> list[Row]:
    return list(open_table(io.BytesIO(made), "people.xlsx"))


def test_a_workbook_as_excel_saves_it() -> None:
    table = open_table(io.BytesIO(content(saved(corpus.HEADERS, *corpus.PEOPLE))), "x.xlsx")
    assert table.headers == corpus.HEADERS
    assert [row.cells for row in table] == corpus.PEOPLE
    assert table.format.description == "Excel workbook"
    assert [row.line for row in table.rows(start_after_line=2)] == [3, 4]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (49155512, "49155512"),
        (491555123400.0, "491555123400"),
        (49155512.0, "49155512"),
        (-12, "-12"),
        (-12.5, "-12.5"),
        (0.1 + 0.2, "0.3"),
        (1e300, "1e+300"),
        (True, "TRUE"),
        (False, "FALSE"),
        (dt.date(2024, 2, 29), "2024-02-29"),
        (dt.datetime.fromisoformat("2024-02-29T13:05:07"), "2024-02-29T13:05:07"),
        (dt.time(13, 5), "13:05:00"),
        (dt.date(1900, 1, 1), "1900-01-01"),
        (dt.date(1900, 3, 1), "1900-03-01"),
        (" Ann ", "Ann"),
        ("line\nbreak", "line\nbreak"),
        ("'+49 30", "+49 30"),
        ("=1+1", ""),
        ("Zoé 😀", "Zoé 😀"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert rows(content(saved(["value", "after"], [value, "x"])))[0].cells == [text, "x"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<c><v>4.915551234E+11</v></c>", "491555123400"),
        ("<c><v>49155512.0</v></c>", "49155512"),
        ('<c t="n"><v>007</v></c>', "007"),
        ("<c><v>12345678901234567890</v></c>", "12345678901234567890"),
        ("<c><v>-0.10000000000000001</v></c>", "-0.1"),
        ("<c><v>nonsense</v></c>", "nonsense"),
        ("<c><v>1e999</v></c>", "1e999"),
        ('<c t="b"><v>1</v></c>', "TRUE"),
        ('<c t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c t="str"><f>A1</f><v>a_x0041_b_x000D_</v></c>', "aAb"),
        ('<c t="str"><v>a_x005F_x0041_b</v></c>', "a_x0041_b"),
        ('<c t="str"><v>_x0000__xD800_</v></c>', "_x0000__xD800_"),
        ('<c t="d"><v>2024-02-29</v></c>', "2024-02-29"),
        ('<c t="s"><v>1</v></c>', "rich text"),
        ('<c t="s"><v>2</v></c>', "東京"),
        ('<c t="s"><v>0</v></c>', ""),
        ('<c s="1"><v>45351</v></c>', "2024-02-29"),
        ('<c s="2"><v>45351.5</v></c>', "2024-02-29T12:00:00"),
        ('<c s="3"><v>45351</v></c>', "45351"),
        ('<c s="4"><v>1.5</v></c>', "1.5"),
        ('<c s="1"><v>-1</v></c>', "-1"),
        ('<c s="1"><v>99999999</v></c>', "99999999"),
        ('<c s="99"><v>1</v></c>', "1"),
        ('<c s="1"/>', ""),
        ("<c><f>1+1</f></c>", ""),
    ],
)
def test_cells_of_other_programs(cell: str, text: str) -> None:
    strings = "<si/><si><r><t>rich </t></r><r><t>text</t></r></si><si><t>東京</t><rPh><t>とうきょう</t></rPh></si>"
    codes = ['yyyy\\-mm\\-dd"T"hh:mm', '0.00" days";[Red]-0', "[h]:mm"]
    formats = "".join(f"<numFmt numFmtId='{164 + i}' formatCode='{code}'/>" for i, code in enumerate(codes))
    uses = "".join(f'<xf numFmtId="{number}"><alignment/></xf>' for number in (0, 14, 164, 165, 166))
    styles = f'<numFmts>{formats}</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>{uses}</cellXfs>'
    made = workbook(
        text_cells("value", "after") + f'<row>{cell}<c t="str"><v>x</v></c></row>', strings=strings, styles=styles
    )
    assert rows(made) == [Row(2, [text, "x"], None)]


def test_days_counted_from_1904() -> None:
    styles = '<cellXfs><xf numFmtId="14"/></cellXfs>'
    data = text_cells("day") + '<row><c s="0"><v>43889</v></c></row>'
    assert rows(workbook(data, styles=styles, properties='<workbookPr date1904="1"/>'))[0].cells == ["2024-02-29"]


def test_lines_are_the_sheets_own() -> None:
    data = '<row r="3"><c r="B3" t="str"><v>email</v></c></row><row r="9"><c r="B9" t="str"><v>a</v></c></row>'
    made = workbook(data + '<row r="10"/><row r="700"><c r="A700"><v>1</v></c><c r="C700"><v>2</v></c></row>')
    table = open_table(io.BytesIO(made), "x.xlsx")
    assert table.headers == ["", "email"]
    assert list(table) == [Row(9, ["", "a"], None), Row(700, ["1", ""], "has 3 values for 2 columns")]


def test_prefixed_names_and_another_place_for_the_workbook() -> None:
    parts = corpus.workbook_parts("")
    parts["xl/worksheets/sheet1.xml"] = (
        '<x:worksheet xmlns:x="m"><x:sheetData><x:row><x:c t="str"><x:v>email</x:v></x:c></x:row>'
        "<x:row><x:c t='inlineStr'><x:is><x:t>a</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>"
    )
    parts["xl/Book2.xml"] = parts.pop("xl/workbook.xml")
    parts["xl/_rels/book2.xml.rels"] = parts.pop("xl/_rels/workbook.xml.rels")
    parts["_rels/.rels"] = str(parts["_rels/.rels"]).replace("xl/workbook.xml", "/xl/book2.xml")
    assert [row.cells for row in rows(corpus.zip_of(parts))] == [["a"]]


def test_the_first_visible_sheet_is_read() -> None:
    book = saved(["hidden"])
    book.worksheets[0].sheet_state = "hidden"
    book.create_chartsheet("Chart")
    book.create_sheet("Shown").append(["email"])
    book.create_sheet("Later").append(["other"])
    assert open_table(io.BytesIO(content(book)), "x.xlsx").headers == ["email"]


def test_what_a_workbook_is_told_from_its_bytes() -> None:
    assert sniff(io.BytesIO(content(saved(["email"]))), "misnamed.csv").kind == "xlsx"


def test_a_huge_cell_is_a_problem_of_its_row_alone() -> None:
    for cell in ('<row><c t="str"><v>{}</v></c></row>', '<row><c t="s"><v>0</v></c></row>'):
        made = workbook(HEADER + cell.format("x" * 100_000) + PERSON, strings=f"<si><t>{'x' * 100_000}</t></si>")
        assert [(row.line, row.problem) for row in rows(made)] == [(2, "has a cell longer than 64 kB"), (3, None)]


DOCTYPE = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet><sheetData>&b;</sheetData></worksheet>'
XXE = '<!DOCTYPE x SYSTEM "file:///etc/passwd"><worksheet/>'
SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (workbook(""), "empty"),
        (workbook("<row/><row><c/></row>"), "empty"),
        (corpus.with_part("xl/workbook.xml", "<workbook><sheets/></workbook>"), "empty"),
        (workbook(text_cells("a", "b", " A ")), "duplicate-headers"),
        (workbook(text_cells(*[f"c{i}" for i in range(201)])), "columns"),
        (workbook('<row><c t="str"><v>a</v></c><c r="XFD1" t="str"><v>b</v></c></row>'), "columns"),
        (workbook(text_cells("x" * 70_000)), "header"),
        (workbook(HEADER + '<row r="1"/>'), "damaged"),
        (workbook(HEADER + '<row r="1048577"/>'), "damaged"),
        (workbook(HEADER + '<row r="x"/>'), "damaged"),
        (workbook(HEADER + '<row><c r="XFE2"><v>1</v></c></row>'), "damaged"),
        (workbook(HEADER + '<row><c r="2"><v>1</v></c></row>'), "damaged"),
        (workbook(HEADER + '<row><c t="s"><v>7</v></c></row>'), "damaged"),
        (workbook(HEADER + '<row><c t="s"><v>-1</v></c></row>'), "damaged"),
        (workbook(HEADER + "<row>"), "damaged"),
        (corpus.with_part(SHEET, '<?xml version="1.0" encoding="klingon"?><a/>'), "damaged"),
        (corpus.with_part(SHEET, b""), "damaged"),
        (content(saved(["email"]))[:2_000], "damaged"),
        (workbook(HEADER + '<row><c t="s"><v>0</v></c></row>').replace(b"xl/shared", b"xl/sharad"), "damaged"),
        (corpus.with_part(SHEET, DOCTYPE), "unsafe-workbook"),
        (corpus.with_part(SHEET, XXE), "unsafe-workbook"),
        (corpus.with_part("xl/sharedStrings.xml", DOCTYPE), "unsafe-workbook"),
        (corpus.with_part("xl/workbook.xml", DOCTYPE), "unsafe-workbook"),
        (corpus.with_part("xl/styles.xml", DOCTYPE), "unsafe-workbook"),
        (corpus.with_part("xl/_rels/workbook.xml.rels", DOCTYPE), "unsafe-workbook"),
        (corpus.with_part("../../etc/passwd", "x"), "unsafe-workbook"),
        (corpus.with_part("/etc/passwd", "x"), "unsafe-workbook"),
        (corpus.with_part("..\\evil", "x"), "unsafe-workbook"),
        (corpus.zip_bomb(30), "unsafe-workbook"),
        (corpus.lying_bomb(30), "damaged"),
        (corpus.nested_tags(100_000), "unsafe-workbook"),
        (corpus.long_tag(4), "unsafe-workbook"),
        (corpus.long_directory(), "unsafe-workbook"),
        (corpus.zip_of({f"xl/{i}": "" for i in range(1_001)}), "unsafe-workbook"),
        (corpus.zip_of(corpus.workbook_parts(HEADER), compression=14), "unsafe-workbook"),
        (corpus.encrypted(workbook(HEADER)), "encrypted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_workbooks(made: bytes, code: str) -> None:
    started = time.monotonic()
    with pytest.raises(Refused) as caught:
        rows(made)
    assert time.monotonic() - started < 5
    assert (caught.value.code, caught.value.message[-1]) == (code, ".")


def test_the_unpacked_size_has_a_limit_over_all_parts() -> None:
    made = corpus.zip_of(corpus.workbook_parts(HEADER + PERSON * 2_000, strings="<si><t>x</t></si>" * 2_000))
    assert len(list(open_table(io.BytesIO(made), "x.xlsx", limits=Limits(max_unpacked=200_000)))) == 2_000
    with pytest.raises(Refused, match="unpacked") as caught:
        open_table(io.BytesIO(made), "x.xlsx", limits=Limits(max_unpacked=100_000))
    assert caught.value.code == "unsafe-workbook"


def test_a_sheet_that_claims_the_widest_rectangle_costs_nothing() -> None:
    data = HEADER + '<row r="1048576"><c r="A1048576" t="str"><v>a</v></c><c r="XFD1048576"><v>1</v></c></row>'
    assert rows(workbook(data)) == [Row(1_048_576, ["a"], "has 201 values for 1 column")]
