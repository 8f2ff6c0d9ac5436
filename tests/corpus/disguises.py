"""Files that are no tables, with the names of tables; and tables with the names of something else."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.corpus.books import ole_file, text_cells, workbook, zip_of
from tests.corpus.cases import ADA, BEN, NOT_TEXT, SEGMENT, WRONG_NAME, Case, refused, rows, taken
from tests.corpus.dialects import no_email

TABLE = rows(f"{ADA},Ada,1", f"{BEN},Ben,2")
WEB_PAGE = "This is a web page or an XML document; save the table as .xlsx or CSV."
ZIP = "This is a zip archive, not a table; unpack it and upload the file inside."
NO_WORKBOOK = "This is no Excel workbook though its name ends in .xlsx. Save it as .xlsx or CSV."
OLD = "This is an old Excel file; save it as .xlsx or CSV."
LOCKED = "This workbook is protected with a password; save it without one."
TYPES = "[Content_Types].xml"


def is_but(kind: str) -> str:
    return f"This is not a text file but {kind}."


def cases() -> Iterator[Case]:
    yield from _packed()
    yield from _pictures_and_programs()
    yield from _pages()
    yield from _office()
    yield from _text_of_other_kinds()
    yield from _names()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("people.csv")
        member.size = len(TABLE)
        archive.addfile(member, io.BytesIO(TABLE))
    return buffer.getvalue()


def _packed() -> Iterator[Case]:
    first = "a compressed file ({}); unpack it first"
    packers: dict[str, tuple[Callable[[bytes], bytes], str]] = {
        "gzip": (lambda data: gzip.compress(data, mtime=0), is_but(first.format("gzip"))),
        "bzip2": (bz2.compress, is_but(first.format("bzip2"))),
        "xz": (lzma.compress, is_but(first.format("xz"))),
        "zip": (lambda data: zip_of({"people.csv": data}), ZIP),
        "7z": (lambda data: b"7z\xbc\xaf\x27\x1c" + data, is_but("a 7-Zip archive; unpack it first")),
        "rar": (lambda data: b"Rar!\x1a\x07\x01\x00" + data, is_but("a RAR archive; unpack it first")),
        "zstd": (lambda data: b"\x28\xb5\x2f\xfd" + data, is_but(first.format("zstd"))),
        "lz4": (lambda data: b"\x04\x22\x4d\x18" + data, is_but(first.format("lz4"))),
        "compress": (lambda data: b"\x1f\x9d\x90" + data, is_but(first.format("compress"))),
    }
    for name, (pack, message) in packers.items():
        yield refused(f"packed-by-{name}", pack(TABLE), message)
    yield refused("packed-by-tar", _tar(), "This is a tar archive, not a table; unpack it and upload the file inside.")
    yield refused("packed-by-zlib", zlib.compress(random.Random(3).randbytes(5_000)), NOT_TEXT)
    yield refused("packed-twice", gzip.compress(_tar(), mtime=0), is_but(first.format("gzip")))
    yield refused("zip-named-xlsx", zip_of({"people.csv": TABLE}), ZIP, filename="people.xlsx")
    yield refused("zip-with-nothing-in-it", zip_of({}), ZIP, filename="people.xlsx")
    yield refused("gzip-named-xlsx", gzip.compress(workbook("")), is_but(first.format("gzip")), filename="people.xlsx")


def _pictures_and_programs() -> Iterator[Case]:
    noise = random.Random(1).randbytes(2_000)
    kinds = {
        "png": (b"\x89PNG\r\n\x1a\n", "a picture"),
        "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "a picture"),
        "gif": (b"GIF89a", "a picture"),
        "webp": (b"RIFF\x24\x00\x00\x00WEBPVP8 ", ""),
        "tiff": (b"II*\x00", "a picture"),
        "bmp": (b"BM\x36\x84\x03\x00\x00\x00\x00\x00", ""),
        "pdf": (b"%PDF-1.7\n", "a PDF document"),
        "exe": (b"MZ\x90\x00\x03", "a program"),
        "elf": (b"\x7fELF\x02\x01\x01", "a program"),
        "mach-o": (b"\xcf\xfa\xed\xfe\x07\x00\x00\x01", ""),
        "java": (b"\xca\xfe\xba\xbe\x00\x00\x00\x34", ""),
        "wasm": (b"\x00asm\x01\x00\x00\x00", ""),
        "mp3": (b"ID3\x04\x00\x00\x00\x00\x00\x00", ""),
        "mp4": (b"\x00\x00\x00\x18ftypmp42", ""),
        "parquet": (b"PAR1\x15\x04\x15", "a Parquet file"),
        "pickle": (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00", ""),
    }
    for name, (start, kind) in kinds.items():
        yield refused(f"{name}-named-csv", start + noise, is_but(kind) if kind else NOT_TEXT)
    yield refused("a-database", _database, is_but("a database"))
    yield refused("noise", noise, NOT_TEXT)
    yield refused("a-picture-named-xlsx", kinds["png"][0] + noise, is_but("a picture"), filename="people.xlsx")
    yield refused("all-ones", b"\xff" * 100, no_email("ÿ" * 40), doors=(SEGMENT,))


def _database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.sqlite3"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE people (email)")
        connection.close()
        return path.read_bytes()


def _pages() -> Iterator[Case]:
    table = f"<table><tr><td>email</td></tr><tr><td>{ADA}</td></tr></table>"
    pages = {
        "html": f"<!DOCTYPE html><html><body>{table}",
        "html-in-capitals": f"\n\n  <HTML>{table}",
        "table-alone": table,
        "xml-spreadsheet": '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>',
        "svg": "<svg onload='alert(1)'/>",
        "script": "<script>alert(1)</script>",
        "billion-laughs": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        "comment-first": "<!-- saved from url=(0014)about:internet -->\n<html>",
    }
    for name, text in pages.items():
        yield refused(f"page-{name}", text.encode(), WEB_PAGE)
    yield refused("page-with-a-mark", b"\xef\xbb\xbf" + pages["html"].encode(), WEB_PAGE)
    yield refused("page-named-xlsx", pages["html"].encode(), WEB_PAGE, filename="people.xlsx")
    yield refused("page-in-utf-16", b"\xff\xfe" + pages["html"].encode("utf-16-le"), WEB_PAGE)


def _office() -> Iterator[Case]:
    yield refused("old-excel-named-csv", ole_file(encrypted=False), OLD)
    yield refused("old-excel-named-xlsx", ole_file(encrypted=False), OLD, filename="people.xlsx")
    yield refused("old-excel-under-its-name", ole_file(encrypted=False), WRONG_NAME, filename="people.xls")
    yield refused("workbook-with-a-password", ole_file(encrypted=True), LOCKED, filename="people.xlsx")
    yield refused("half-an-ole-file", ole_file(encrypted=False)[:20], OLD, filename="people.xlsx")
    biff = b"\x09\x08\x10\x00\x00\x06\x05\x00" + b"\xbb\x0d\xcc\x07" * 50
    yield refused("very-old-excel", biff, OLD)
    others = {
        "ods": (
            {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"},
            "an OpenDocument file",
        ),
        "docx": ({TYPES: "", "word/document.xml": "<x/>"}, "a Word document"),
        "pptx": ({TYPES: "", "ppt/presentation.xml": "<x/>"}, "a PowerPoint presentation"),
        "xlsb": ({TYPES: "", "xl/workbook.bin": ""}, "a binary Excel workbook (.xlsb)"),
        "numbers": ({"Index/Document.iwa": ""}, "a Numbers or Pages document"),
    }
    for name, (parts, kind) in others.items():
        content = zip_of(dict(parts))
        yield refused(
            f"{name}-named-xlsx", content, f"This is {kind}; save the table as .xlsx or CSV.", filename="people.xlsx"
        )
        yield refused(f"{name}-under-its-name", content, WRONG_NAME, filename=f"people.{name}")
    yield refused("csv-named-xlsx", TABLE, NO_WORKBOOK, filename="people.xlsx")
    yield refused("jar-named-csv", zip_of({"META-INF/MANIFEST.MF": "x"}), ZIP)


def _text_of_other_kinds() -> Iterator[Case]:
    texts = {
        "json": (f'[{{"email": "{ADA}"}}]', [f'[{{"email": "{ADA}"}}]']),
        "json-lines": (f'{{"email": "{ADA}"}}\n{{"email": "{BEN}"}}\n', [f'{{"email": "{ADA}"}}']),
        "yaml": (f"people:\n  - email: {ADA}\n", ["people:"]),
        "vcard": (f"BEGIN:VCARD\nEMAIL:{ADA}\nEND:VCARD\n", ["BEGIN:VCARD"]),
        "sql": (f"INSERT INTO people VALUES ('{ADA}');\n", [f"INSERT INTO people VALUES ('{ADA}')"]),
        "rtf": ("{\\rtf1\\ansi " + ADA + "}", ["{\\rtf1\\ansi " + ADA + "}"]),
        "shell-script": (f"#!/bin/sh\nrm -rf /\n{ADA}\n", ["#!/bin/sh"]),
        "private-key": ("-----BEGIN PRIVATE KEY-----\nAAAA\n", ["-----BEGIN PRIVATE KEY-----"]),
        "prose": ("Dear all,\nplease find the customers attached.\n", ["Dear all"]),
    }
    for name, (text, headers) in texts.items():
        told = [header if len(header) <= 40 else header[:40] for header in headers]
        yield refused(f"text-{name}", text.encode(), no_email(*told), doors=(SEGMENT,))
    yield taken("mail-headers", f"email: {ADA}\n".encode().replace(b"email: ", b"email\n"), {2: ADA})


def _names() -> Iterator[Case]:
    for name in (
        "people.csv.exe",
        "people.html",
        "people",
        "csv",
        ".csv",
        "people.csv.",
        "people.csv.gz",
        "people.php",
        "people.xlsm",
    ):
        yield refused(f"named-{name}", TABLE, WRONG_NAME, filename=name)
    for name in (
        "PEOPLE.CSV",
        "people.html.csv",
        "a b c.csv",
        "people..csv",
        "-rf.csv",
        "%00.csv",
        "CON.csv",
        "people.Txt",
    ):
        yield taken(f"named-{name}", TABLE, filename=name)
    yield taken("xlsx-named-csv", workbook(text_cells("email") + text_cells(ADA) + text_cells(BEN)))
