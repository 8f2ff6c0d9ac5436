"""What is no table is refused in plain words, early, and without a crash."""

from __future__ import annotations

import io
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.tabular import Limits, Refused, Table, open_table, sniff
from tests import corpus

UTF8_WITH_A_STRANGER = "name\nZoé\nJürgen\n".encode() + b"Ren\xe9\n"

REFUSED = [
    ("empty", "x.csv", b"", "The file is empty."),
    ("empty", "x.csv", b"\n\r\n\n", "The file is empty."),
    ("empty", "x.csv", b"\xef\xbb\xbf", "The file is empty."),
    ("empty", "x.csv", b",,\n,,\n", "The file is empty."),
    ("empty", "x.csv", b"sep=;\n", "The file is empty."),
    ("extension", "x.pdf", b"email\n", "Upload a .csv, .tsv, .txt or .xlsx file."),
    ("extension", "x.csv.exe", b"email\n", "Upload a .csv, .tsv, .txt or .xlsx file."),
    ("extension", "evil.html", b"email\n", "Upload a .csv, .tsv, .txt or .xlsx file."),
    ("extension", "csv", b"email\n", "Upload a .csv, .tsv, .txt or .xlsx file."),
    ("extension", "x.xls", corpus.ole_file(encrypted=False), "Upload a .csv, .tsv, .txt or .xlsx file."),
    ("old-excel", "x.csv", corpus.ole_file(encrypted=False), "This is an old Excel file; save it as .xlsx or CSV."),
    (
        "encrypted",
        "x.xlsx",
        corpus.ole_file(encrypted=True),
        "This workbook is protected with a password; save it without one.",
    ),
    ("not-xlsx", "x.xlsx", b"email\na@x.example\n", None),
    ("binary", "x.csv", b"\x1f\x8b\x08\x00" + b"x" * 100, None),
    ("binary", "x.csv", b"BZh91AY", None),
    ("binary", "x.csv", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "This is not a text file but a picture."),
    ("binary", "x.txt", b"%PDF-1.7\n", "This is not a text file but a PDF document."),
    ("binary", "x.csv", b"PAR1\x15\x04", None),
    ("binary", "x.csv", random.Random(1).randbytes(5_000), None),
    ("binary", "x.csv", b"\0" * 5_000, None),
    ("binary", "x.csv", corpus.zip_of({"people.csv": "email\n"}), None),
    ("binary", "x.csv", corpus.zip_of({}), None),
    ("binary", "x.xlsx", corpus.zip_of({"mimetype": "", "content.xml": ""}), None),
    ("binary", "x.xlsx", corpus.zip_of({"[Content_Types].xml": "", "word/document.xml": ""}), None),
    ("binary", "x.xlsx", corpus.zip_of({"[Content_Types].xml": "", "xl/workbook.bin": ""}), None),
    ("html", "x.csv", b"<!DOCTYPE html><table><tr><td>email", None),
    ("html", "x.csv", b"\n  <html>", None),
    ("html", "x.csv", b"\xef\xbb\xbf<?xml version='1.0'?>", None),
    ("duplicate-headers", "x.csv", b"Email,Name, e MAIL \n", "The column “e MAIL” is there twice (columns 1 and 3)."),
    ("duplicate-headers", "x.csv", b"a;b;b\n", None),
    ("columns", "x.csv", ",".join(f"c{i}" for i in range(201)).encode(), None),
    ("columns", "x.csv", ",".join(f"c{i}" for i in range(5_000)).encode(), "The file has 5,000 columns; at most 200"),
    ("header", "x.csv", b"x" * 100_000 + b",b\n", "The first row cannot be read: it has a cell longer than 64 kB."),
    ("encoding", "x.csv", b"name\nZo\x81\n", "Line 2 is neither UTF-8 nor Windows-1252 text."),
    ("encoding", "x.csv", b"\xef\xbb\xbfname\nZo\xe9\n", "Line 2 is not UTF-8 text like the rest of the file."),
    ("encoding", "x.csv", UTF8_WITH_A_STRANGER, "Line 4 is not UTF-8 text like the rest of the file."),
    ("encoding", "x.csv", "\ufeffemail\n".encode("utf-16-le") + b"\x00\xd8a\x00", None),
    ("encoding", "x.csv", "\ufeffemail\na\n".encode("utf-32-le"), None),
    ("unclosed-quote", "x.csv", b'a,b\n1,"2\n', "The quote opened in line 2 never closes."),
    ("unclosed-quote", "x.csv", b'a,"b\n1,2\n', "The quote opened in line 1 never closes."),
    ("unclosed-quote", "x.csv", b'a,b\n"1\n",2\n1,"2\n\n\n', "The quote opened in line 4 never closes."),
    ("unclosed-quote", "x.csv", b'a,b\n"1\n2", "3\n"', None),
    ("unclosed-quote", "x.csv", b'a,b\n"x","y\n"z","w"\n', "The quote opened in line 2 never closes."),
    ("unclosed-quote", "x.csv", corpus.unclosed_quote(10_000, 3), "The quote opened in line 3 never closes."),
    ("unclosed-quote", "x.csv", corpus.unclosed_quote(200_000, 3), "The quote opened in line 3 never closes."),
    ("unclosed-quote", "x.csv", corpus.unclosed_quote(900, 3, ',""'), "The quote opened in line 3 never closes."),
    ("unclosed-quote", "x.csv", corpus.unclosed_quote(90_000, 80_001, ',"Y"'), "The quote opened in line 80001"),
    ("unclosed-quote", "x.csv", b'a,b\n1,"' + b"x" * 3_000_000, "The quote opened in line 2 never closes."),
    ("unclosed-quote", "x.csv", b"a,b\n" + b"x" * 3_000_000 + b'\n1,"', "The quote opened in line 3 never closes."),
]


def read(content: bytes, filename: str, limits: Limits | None = None) -> Table:
    table = open_table(io.BytesIO(content), filename, limits=limits or Limits())
    for row in table:
        assert len(row.cells) == len(table.headers)
    return table


@pytest.mark.parametrize(
    ("code", "filename", "content", "message"),
    REFUSED,
    ids=[f"{code}-{number}" for number, (code, *_) in enumerate(REFUSED)],
)
def test_refusals(code: str, filename: str, content: bytes, message: str | None) -> None:
    started = time.monotonic()
    with pytest.raises(Refused) as caught:
        read(content, filename)
    assert time.monotonic() - started < 5
    assert caught.value.code == code
    assert caught.value.message.startswith(message or "")
    assert caught.value.message.endswith(".")
    assert str(caught.value) == caught.value.message


def test_rows_before_an_open_quote_are_yielded() -> None:
    rows = iter(open_table(io.BytesIO(corpus.unclosed_quote(100_000, 50_000)), "x.csv"))
    found: list[int] = []
    with pytest.raises(Refused, match="line 50000"):
        found.extend(row.line for row in rows)
    assert found[-1] > 40_000


@pytest.mark.parametrize(
    "filename", ["../../etc/passwd.csv", "C:\\x\\people.CSV", "😀" * 300 + ".csv", "a\r\nb.tsv", "x.txt"]
)
def test_only_the_ending_of_the_name_matters(filename: str) -> None:
    assert sniff(io.BytesIO(b"email\n"), filename).kind == "csv"


def test_too_large_a_file_is_not_read() -> None:
    class Unreadable(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError

    with pytest.raises(Refused, match=r"The file has 3 MB; at most 2 MB can be read\.") as caught:
        open_table(Unreadable(b"x" * 3_000_000), "x.csv", limits=Limits(max_bytes=2_000_000))
    assert caught.value.code == "too-large"


def test_limits_are_the_callers() -> None:
    content = b"a,b\n12345,1\n" + b"x" * 50 + b",1\n"
    limits = Limits(max_cell=5, max_row=40, max_columns=2)
    assert [row.problem for row in open_table(io.BytesIO(content), "x.csv", limits=limits)] == [
        None,
        "has a cell longer than 0 kB",
    ]


PIECES = st.sampled_from(
    ['"', '""', ",", "\n", "\r\n", "\r", "x", " ", "'", "=", ";", "\t", "é", "x" * 30, '"\n', '",', "\0"]
)


@given(st.lists(PIECES, max_size=60), st.sampled_from(["utf-8", "cp1252", "utf-16"]))
def test_any_text_is_read_or_refused(pieces: list[str], encoding: str) -> None:
    content = "email,name\n" + "".join(pieces)
    for limits in (Limits(), Limits(max_cell=8, max_row=16, max_cell_lines=2)):
        try:
            table = read(content.encode(encoding), "x.csv", limits)
        except Refused as refused:
            assert refused.message.endswith(".")  # noqa: PT017
            continue
        rows = list(table)
        assert [row.line for row in rows] == sorted({row.line for row in rows})


@given(st.binary(max_size=400), st.sampled_from(["x.csv", "x.xlsx"]))
def test_any_bytes_are_read_or_refused(content: bytes, filename: str) -> None:
    try:
        read(content, filename)
    except Refused as refused:
        found = refused.message
    else:
        found = "read."
    assert found.endswith(".")
