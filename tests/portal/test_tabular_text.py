"""CSV-like text of every dialect: the same people come out, each with the line of the file where the row starts."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.tabular import EMAIL_NAMES, FULL_NAMES, Format, Refused, Row, Table, find_column, open_table, sniff
from tests import corpus

DIALECTS = corpus.dialects()


def opened(content: bytes | str) -> Table:
    return open_table(io.BytesIO(content.encode() if isinstance(content, str) else content), "people.csv")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_people_in_every_dialect(dialect: str) -> None:
    table = opened(DIALECTS[dialect])
    assert table.headers == corpus.HEADERS
    assert [row.cells for row in table] == corpus.PEOPLE
    assert {row.problem for row in table.rows()} == {None}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_kept_format_reads_the_same(dialect: str) -> None:
    form = Format(**asdict(opened(DIALECTS[dialect]).format))
    assert form.settled
    assert [row.cells for row in open_table(io.BytesIO(DIALECTS[dialect]), "x.csv", format=form)] == corpus.PEOPLE


@pytest.mark.parametrize(
    ("dialect", "description", "guessed"),
    [
        ("utf-8", "UTF-8, commas", False),
        ("utf-8 with mark", "UTF-8, commas", False),
        ("semicolons", "UTF-8, semicolons", False),
        ("windows-1252, semicolons", "Windows-1252, semicolons", True),
        ("utf-16 little-endian, tabs", "UTF-16, tabs", False),
        ("utf-16 big-endian, no mark", "UTF-16 (big-endian), commas", True),
        ("vertical bars", "UTF-8, vertical bars", False),
    ],
)
def test_the_format_in_words(dialect: str, description: str, guessed: bool) -> None:
    form = sniff(io.BytesIO(DIALECTS[dialect]), "People.CSV")
    assert (form.description, form.guessed) == (description, guessed)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("email\na@x.example\nb@x.example\n", [2, 3]),
        ("email\r\n\r\n\r\na@x.example\r\n\r\nb@x.example", [4, 6]),
        ("email\ra@x.example\r\rb@x.example\r", [2, 4]),
        ('email,name\na@x.example,"Ann\nLee"\nb@x.example,Bo\n', [2, 4]),
        ('email,name\na@x.example,"Ann\r\n\r\nLee"\r\nb@x.example,"B\ro"\r\nc@x.example,C\r\n', [2, 5, 7]),
        ('"e\nmail",name\na@x.example,Ann\n', [3]),
        ("sep=;\nemail;name\na@x.example;Ann\n", [3]),
        ("email\n" + "\n" * 50_000 + "a@x.example\n", [50_002]),
        ("email\u2028,name\x0b\na@x.example\x85,Ann\x1c\u2029\nb@x.example,Bo\n", [2, 3]),
    ],
)
def test_a_row_knows_its_line(content: str, lines: list[int]) -> None:
    assert [row.line for row in opened(content)] == lines


@pytest.mark.parametrize(
    ("content", "cells", "problem"),
    [
        ("a,b\n 1 ,\t2\u00a0\n", ["1", "2"], None),
        ("a,b\n1\n", ["1", ""], None),
        ("a,b\n1,2,,\n", ["1", "2"], None),
        ("a,b\n1,2,,3\n", ["1", "2"], "has 4 values for 2 columns"),
        ("a\n1,2\n", ["1"], "has 2 values for 1 column"),
        ("a,b\n1,2,3" + ",4" * 5_000 + "\n", ["1", "2"], "has 5003 values for 2 columns"),
        ("a,b\n'=1+1,'+49 30\n", ["=1+1", "+49 30"], None),
        ("a,b\n'@x,'-1\n", ["@x", "-1"], None),
        ("a,b\n'123,'０\n", ["123", "'０"], None),
        ("a,b\n'＝x,'\tx\n", ["＝x", "\tx"], None),
        ("a,b\n''=x,'''1\n", ["'=x", "''1"], None),
        ("a,b\n'Ann',o'=x\n", ["'Ann'", "o'=x"], None),
        ('a,b\n"He said ""hi""",2\n', ['He said "hi"', "2"], None),
        ('a,b\n"Foo" Inc,5" pipe\n', ["Foo Inc", '5" pipe'], None),
        ('a,b\n"x" ,"y"\n', ["x", "y"], None),
        ('a,b\n"x\ny" ,"z"\n', ["x\ny", "z"], None),
        ("a,b\n<script>alert(1)</script>,{{7*7}}\n", ["<script>alert(1)</script>", "{{7*7}}"], None),
        ("a,b\n\u202egnp,😀\n", ["\u202egnp", "😀"], None),
        ("a;b\n1,5;2,5\n", ["1,5", "2,5"], None),
        ("a,b\n" + "x" * 65_536 + ",2\n", ["x" * 65_536, "2"], None),
        ("a,b\n" + "x" * 65_537 + ",2\n", ["x" * 100 + "…", "2"], "has a cell longer than 64 kB"),
        ('a,b\n"' + "x" * 200_000 + '",2\n', ["x" * 100 + "…", "2"], "has a cell longer than 64 kB"),
        ('a,b\n"' + "x\n" * 99 + 'y",2\n', ["x\n" * 99 + "y", "2"], None),
        (
            'a,b\n"' + "x\n" * 100 + 'y",2\n',
            ["x\n" * 50 + "…", "2"],
            "has a cell of more than 100 lines (until line 102)",
        ),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_cells(content: str, cells: list[str], problem: str | None) -> None:
    assert list(opened(content)) == [Row(2, cells, problem)]


@pytest.mark.parametrize("content", ["email,name\n", "email,name", "\n\nemail,name\r\n\r\n", "email,name\n,,\n,\n"])
def test_headers_alone_are_a_table_of_no_rows(content: str) -> None:
    table = opened(content)
    assert (table.headers, list(table)) == (["email", "name"], [])


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4, 5, 700, 701, 702, 10**9])
def test_reading_goes_on_after_a_line(after: int) -> None:
    notes = [f'p{i}@x.example,"two\nlines, ""{i}"""' if i % 3 else f"p{i}@x.example,one" for i in range(3_000)]
    table = opened("\n".join(["email,note", *notes]))
    everything = list(table)
    assert list(table.rows(start_after_line=after)) == [row for row in everything if row.line > after]


def test_two_readings_of_one_file_take_turns() -> None:
    table = opened(corpus.rows_csv(5_000))
    assert all(one == other for one, other in zip(table, table.rows(), strict=True))


@pytest.mark.parametrize(
    ("quoted", "size", "lines"),
    [(True, 3_000_000, 1), (False, 3_000_000, 1), (True, 3_000_000, 90), (True, 500_000, 20)],
)
def test_a_huge_cell_is_a_problem_of_its_row_alone(quoted: bool, size: int, lines: int) -> None:
    rows = list(opened(corpus.huge_cell(size, quoted=quoted, lines=lines)))
    assert [(row.line, row.cells[0]) for row in rows] == [
        (2, "a@shop.example"),
        (3, "b@shop.example"),
        (3 + lines, "c@shop.example"),
    ]
    assert [row.problem for row in rows] == [None, "has a cell longer than 64 kB", None]
    assert len(rows[1].cells[1]) <= 1_000


def test_a_row_may_be_too_long_though_no_cell_is() -> None:
    rows = list(opened("a,b\n" + ",".join(["x" * 60_000] * 30) + "\n1,2\n"))
    assert [row.problem for row in rows] == ["is longer than 1024 kB", None]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"email\na@x.example\nb\0@x.example\n", 3),
        (corpus.rows_csv(5_000) + b"x\0y\n", 5_002),
        ("\ufeffemail\r\na\0b\r\n".encode("utf-16-le"), 2),
        (b"\xef\xbb\xbfemail\ra\r\0\r", 3),
        (b'email,name\n"a\nb","' + b"x" * 70_000 + b'\0"\n', 2),
    ],
)
def test_rows_with_nul_bytes(content: bytes, line: int) -> None:
    problems = {row.line: row.problem for row in opened(content) if row.problem}
    assert set(problems) == {line}


def test_one_late_byte_decides_over_the_whole_file() -> None:
    content = corpus.rows_csv(20_000) + "zoé@x.example,Zoé".encode("cp1252")
    assert sniff(io.BytesIO(content), "x.csv").encoding == "utf-8"
    table = open_table(io.BytesIO(content), "x.csv", format=sniff(io.BytesIO(content), "x.csv"))
    assert (table.format.encoding, table.format.guessed) == ("cp1252", True)
    assert list(table)[-1].cells[1] == "Zoé"


def test_a_person_chooses_what_was_guessed_wrong() -> None:
    content = corpus.csv_text([["name", "city"], ["Zoé", "Orléans;Paris"]], delimiter=";").encode()
    chosen = sniff(io.BytesIO(content), "x.csv").choose(encoding="cp1252", delimiter=",")
    assert chosen.description == "Windows-1252, commas"
    assert open_table(io.BytesIO(content), "x.csv", format=chosen).headers == ["name;city"]
    with pytest.raises(ValueError, match="not a choice"):
        chosen.choose(encoding="utf-7", delimiter=",")


def test_a_wrong_choice_is_refused_with_its_line() -> None:
    content = b"name\nAnn\nZo\xe9\n"
    chosen = sniff(io.BytesIO(content), "x.csv").choose(encoding="utf-8", delimiter=",")
    with pytest.raises(Refused, match="Line 3 is not UTF-8 text") as caught:
        list(open_table(io.BytesIO(content), "x.csv", format=chosen))
    assert caught.value.code == "encoding"


@pytest.mark.parametrize(
    ("headers", "index"),
    [
        (["Name", "E-Mail"], 1),
        (["name", "CUSTOMER_EMAIL"], 1),
        (["e mail  address", "x"], 0),
        (["Customer email", "Email"], 1),
        (["Courriel"], 0),
        (["E‑mail"], 0),
        (["emails sent", "mailing"], None),
        ([], None),
    ],
)
def test_the_email_column(headers: list[str], index: int | None) -> None:
    assert find_column(headers, EMAIL_NAMES) == index


def test_columns_of_a_shopify_export() -> None:
    header = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Phone,Phone,Tags"
    table = opened(f"{header}\n'7012,Ann,Lee,ann@x.example,yes,,'+31612345678,\"vip, tea\"\n")
    assert next(iter(table)).cells == ["7012", "Ann", "Lee", "ann@x.example", "yes", "", "+31612345678", "vip, tea"]
    assert find_column(table.headers, FULL_NAMES) is None


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8))


@given(
    rows=TABLES,
    delimiter=st.sampled_from(",;\t|"),
    # With LF alone the writer leaves a lone CR without quotes, which is another table.
    ends=st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_is_read(rows: list[list[str]], delimiter: str, ends: tuple[str, int], encoding: str) -> None:
    width = len(rows[0]) if rows else 1
    headers = ["email", "name", "phone", "city"][:width]
    guarded = [[f"'{cell}" if cell.startswith("'") else cell for cell in row] for row in rows]
    text = corpus.csv_text([headers, *guarded], delimiter=delimiter, newline=ends[0], quoting=ends[1])
    form = Format("csv", sniff(io.BytesIO(text.encode(encoding)), "x.csv").encoding, delimiter, settled=True)
    table = open_table(io.BytesIO(text.encode(encoding)), "x.csv", format=form)
    expected = [[_read(cell) for cell in row] for row in guarded]
    assert [row.cells for row in table] == [row for row in expected if any(row)]


def _read(cell: str) -> str:
    cell = cell.strip()
    rest = cell[1:].lstrip("'")
    return cell[1:] if cell.startswith("'") and rest[:1] in set("=+-@\t\r\n＝＋－＠0123456789") - {""} else cell
