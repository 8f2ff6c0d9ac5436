"""Exports: no formula gets out, every value comes back, and the download's headers are safe."""

from __future__ import annotations

import datetime as dt
import decimal
import io

import openpyxl
import pytest
from django.http import FileResponse
from hypothesis import given
from hypothesis import strategies as st

from portal import exporting
from portal.exporting import TooManyRows, csv_response, neutralise, stream_csv, write_xlsx, xlsx_response
from portal.tabular import open_table

FORMULAS = [
    '=HYPERLINK("http://x.example";"y")',
    "+49 30",
    "-12.5",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
]


@pytest.mark.parametrize("value", FORMULAS)
def test_formulas_get_an_apostrophe(value: str) -> None:
    assert neutralise(value) == f"'{value}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("", ""),
        ("Ann", "Ann"),
        ("Ann=1", "Ann=1"),
        (12, "12"),
        (-12, "'-12"),
        (decimal.Decimal("-1.50"), "'-1.50"),
        (decimal.Decimal("1.50"), "1.50"),
        (True, "True"),
        (dt.date(2024, 2, 29), "2024-02-29"),
        (dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=dt.UTC), "2024-02-29T01:02:03+00:00"),
        ("o'brien@x.example", "o'brien@x.example"),
        ("'Ann'", "'Ann'"),
        ("'=x", "''=x"),
        ("''=x", "'''=x"),
        ("'0170", "''0170"),
        ("0170", "0170"),
        ("\0=1", "'=1"),
        (" =1 ", "'=1"),
        (" '=1", "''=1"),
        ("\n", "\n"),
        (" Ann ", " Ann "),
        ("a\0b", "ab"),
        ("<script>", "<script>"),
    ],
)
def test_neutralised_values(value: object, text: str) -> None:
    assert neutralise(value) == text


def test_the_bytes_of_a_csv() -> None:
    made = b"".join(stream_csv(["E-mail", "=Name"], [("a@x.example", 'Zoé, \n"x"'), ("\ud800", "+1\0")]))
    assert made == '\ufeffE-mail,\'=Name\r\na@x.example,"Zoé, \n""x"""\r\n?,\'+1\r\n'.encode()


def test_chunks_are_of_a_size_and_come_as_rows_do() -> None:
    given_out = 0

    def rows() -> object:
        nonlocal given_out
        for given_out in range(1, 20_001):
            yield (f"person{given_out}@shop.example", "x" * 60)

    chunks = stream_csv(["a", "b"], rows())  # type: ignore[arg-type]
    first = next(chunks)
    assert given_out < 2_000
    assert 60_000 < len(first) < 150_000
    assert sum(len(chunk) for chunk in chunks) + len(first) > 1_000_000
    assert list(stream_csv(["a"], [])) == ["\ufeffa\r\n".encode()]


VALUES = st.text(max_size=10) | st.sampled_from(
    [*FORMULAS, "'", "''", "'=", "'1", " '=", "'\n", "\t ", '"', ",", ";", "_x0041_", "_x005F_", "a\r\nb"]
)
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), max_size=6))


def comes_back(rows: list[list[str]], content: bytes, filename: str) -> None:
    expected = [[_stored(value) for value in row] for row in rows]
    table = open_table(io.BytesIO(content), filename)
    assert [row.cells for row in table] == [row for row in expected if any(row)]
    assert {row.problem for row in table} <= {None}


def _stored(value: str) -> str:
    """The value as it comes back: reading strips outer space, and keeps what the guard stands before."""
    text = value.replace("\0", "").encode(errors="replace").decode()
    return text.rstrip() if text.startswith(("\t", "\r", "\n")) else text.strip()


@given(TABLES)
def test_a_csv_export_reads_back_as_it_was(rows: list[list[str]]) -> None:
    headers = ["email", "name", "phone", "city"][: len(rows[0]) if rows else 1]
    comes_back(rows, b"".join(stream_csv(headers, rows)), "export.csv")


@given(TABLES)
def test_an_excel_export_reads_back_as_it_was(rows: list[list[str]]) -> None:
    headers = ["email", "name", "phone", "city"][: len(rows[0]) if rows else 1]
    buffer = io.BytesIO()
    write_xlsx(buffer, headers, rows)
    replaced = [[value.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd") for value in row] for row in rows]
    comes_back(replaced, buffer.getvalue(), "export.xlsx")


def test_headers_come_back_too() -> None:
    content = b"".join(stream_csv(["=E-mail", "+x", "'1"], [["a", "b", "c"]]))
    assert open_table(io.BytesIO(content), "x.csv").headers == ["=E-mail", "+x", "'1"]


def test_other_programs_read_the_workbook() -> None:
    buffer = io.BytesIO()
    write_xlsx(buffer, ["E-mail", *[f"c{i}" for i in range(30)]], [["=1+1", *range(30)], [None, "a<b>&\x01", "Zoé 😀"]])
    sheet = openpyxl.load_workbook(buffer)["Export"]
    first, second, third = sheet.iter_rows(values_only=True)
    assert first[:2] == ("E-mail", "c0")
    assert (second[0], second[30], sheet["A2"].data_type) == ("'=1+1", "29", "s")
    assert third[1:3] == ("a<b>&_x0001_", "Zoé 😀")
    assert sheet["AE1"].value == "c29"


def test_a_cell_that_excel_cannot_hold_is_cut() -> None:
    buffer = io.BytesIO()
    write_xlsx(buffer, ["a"], [["x" * 40_000]])
    assert next(iter(open_table(buffer, "x.xlsx"))).cells == ["x" * 32_766 + "…"]


@pytest.mark.django_db  # the end of a response looks after the connection
def test_more_rows_than_a_sheet_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "MOST_XLSX_ROWS", 3)
    xlsx_response("x", ["a"], [["1"]] * 3).close()
    with pytest.raises(TooManyRows, match=r"holds at most 3 rows\. Export as CSV instead\."):
        xlsx_response("x", ["a"], [["1"]] * 4)


NAMES = [
    ("members", 'attachment; filename="members.csv"'),
    ("members.csv", 'attachment; filename="members.csv"'),
    ("Big Spenders (2024)", 'attachment; filename="Big Spenders (2024).csv"'),
    ("Größe", "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.csv"),
    ('a"b\r\nSet-Cookie: x=1', 'attachment; filename="a-b--Set-Cookie- x-1.csv"'),
    ("../../etc/passwd", 'attachment; filename="passwd.csv"'),
    ("C:\\temp\\x", 'attachment; filename="x.csv"'),
    ("\u202egnp.exe", 'attachment; filename="gnp.exe.csv"'),
    ("😀\ud800", 'attachment; filename="export.csv"'),
    ("...", 'attachment; filename="export.csv"'),
    ("", 'attachment; filename="export.csv"'),
    ("x" * 300, f'attachment; filename="{"x" * 120}.csv"'),
]


@pytest.mark.parametrize(("name", "disposition"), NAMES)
def test_names_of_downloads(name: str, disposition: str) -> None:
    assert csv_response(name, ["a"], [])["Content-Disposition"] == disposition


@pytest.mark.django_db  # the end of a response looks after the connection
def test_download_headers() -> None:
    for response in (csv_response("x", ["a"], [["1"]]), xlsx_response("x", ["a"], [["1"]])):
        assert response["Cache-Control"] == "no-store"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response.getvalue()
        response.close()
    assert csv_response("x", ["a"], [])["Content-Type"] == "text/csv; charset=utf-8"


@pytest.mark.django_db  # the end of a response looks after the connection
def test_a_workbook_is_a_file_that_closes() -> None:
    response = xlsx_response("x", ["email"], [["a@x.example"]])
    assert isinstance(response, FileResponse)
    assert int(response["Content-Length"]) == len(response.getvalue())
    response.close()
