"""Telling from its first bytes what a file is, and refusing in plain words what is no table."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import replace
from itertools import islice
from pathlib import PurePosixPath
from typing import BinaryIO

from portal.tabular.columns import EMAIL_NAMES, FIRST_NAMES, FULL_NAMES, LAST_NAMES, PHONE_NAMES, column_key
from portal.tabular.formats import DEFAULT_LIMITS, DELIMITERS, MEGABYTE, Format, Limits, Refused
from portal.tabular.text import mostly_utf8, separator_line
from portal.tabular.workbook import check_workbook

EXTENSIONS = (".csv", ".tsv", ".txt", ".xlsx")

_HEAD = 64 * 1024
_SAMPLE_ROWS = 30
_KNOWN_COLUMNS = frozenset(
    column_key(name) for names in (EMAIL_NAMES, FIRST_NAMES, LAST_NAMES, FULL_NAMES, PHONE_NAMES) for name in names
)
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BIFF = b"\x09\x08\x10\0"
_TAR, _TAR_AT = b"ustar", 257
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_SIGNATURES = {
    b"\x1f\x8b": "a compressed file (gzip); unpack it first",
    b"\x1f\x9d": "a compressed file (compress); unpack it first",
    b"\x28\xb5\x2f\xfd": "a compressed file (zstd); unpack it first",
    b"\x04\x22\x4d\x18": "a compressed file (lz4); unpack it first",
    b"BZh": "a compressed file (bzip2); unpack it first",
    b"\xfd7zXZ": "a compressed file (xz); unpack it first",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"II*\0": "a picture",
    b"MM\0*": "a picture",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
}
_PAGE_STARTS = ("<!doctype", "<!--", "<html", "<?xml", "<table", "<head", "<body", "<script", "<svg")
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r\x0b\x0c\x1a\x1b")


def sniff(file: BinaryIO, filename: str, *, limits: Limits = DEFAULT_LIMITS) -> Format:
    """Tell how the file is to be read, from its first 64 kB; raise Refused, in plain words, for what is no table."""
    extension = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    if extension not in EXTENSIONS:
        raise Refused("extension", "Upload a .csv, .tsv, .txt or .xlsx file.")
    _check_size(file, limits)
    file.seek(0)
    head = file.read(_HEAD)
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        check_workbook(file, limits)
        return Format("xlsx", settled=True)
    _refuse_other_kinds(file, head)
    form = _encoding_of(head)
    text = codecs.getincrementaldecoder(form.encoding)("replace").decode(head).removeprefix("\ufeff")
    _refuse_pages(text)
    if extension == ".xlsx":
        raise Refused("not-xlsx", "This is no Excel workbook though its name ends in .xlsx. Save it as .xlsx or CSV.")
    return replace(form, delimiter=_delimiter_of(text, whole=len(head) < _HEAD, tabs_first=extension == ".tsv"))


def _check_size(file: BinaryIO, limits: Limits) -> None:
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        raise Refused("empty", "The file is empty.")
    if size > limits.max_bytes:
        most = limits.max_bytes / MEGABYTE
        raise Refused("too-large", f"The file has {size / MEGABYTE:,.0f} MB; at most {most:,.0f} MB can be read.")


def _refuse_other_kinds(file: BinaryIO, head: bytes) -> None:
    if head.startswith(_OLE) and _ENCRYPTED in _ole_directory(file, head):
        raise Refused("encrypted", "This workbook is protected with a password; save it without one.")
    if head.startswith((_OLE, _BIFF)):
        raise Refused("old-excel", "This is an old Excel file; save it as .xlsx or CSV.")
    if head.startswith(_TAR, _TAR_AT):
        raise Refused("binary", "This is a tar archive, not a table; unpack it and upload the file inside.")
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            raise Refused("binary", f"This is not a text file but {name}.")


def _refuse_pages(text: str) -> None:
    if text.lstrip()[:10].lower().startswith(_PAGE_STARTS):
        raise Refused("html", "This is a web page or an XML document; save the table as .xlsx or CSV.")


def _ole_directory(file: BinaryIO, head: bytes) -> bytes:
    """Return the first sector of the directory of an OLE file, where the names of its streams stand."""
    size = 1 << min(int.from_bytes(head[30:32], "little"), 12)
    file.seek((int.from_bytes(head[48:52], "little") + 1) * size)
    return file.read(size)


def _encoding_of(head: bytes) -> Format:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) or _looks_like_utf_32(head):
        raise Refused("encoding", "This is UTF-32 text. Save the file again as CSV UTF-8.")
    for encoding, bom in (
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
    ):
        if head.startswith(bom):
            return Format("csv", encoding, has_bom=True)
    # Text of one byte a letter decodes as UTF-16 without an error, into nonsense: only the NUL bytes tell.
    for encoding, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
        if head[offset::2].count(0) > 0.3 * len(head) > 2 * head[1 - offset :: 2].count(0):
            return Format("csv", encoding, guessed=True)
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > max(64, len(head) // 20):
        raise Refused("binary", "This is not a text file. Upload a CSV file or an Excel workbook.")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        if not mostly_utf8([head]):
            return Format("csv", "cp1252", guessed=True)
    return Format("csv", "utf-8")


def _looks_like_utf_32(head: bytes) -> bool:
    """Whether of every four bytes one stands alone among zeros."""
    zeros = [head[place::4].count(0) for place in range(4)]
    few, *many = sorted(zeros)
    return 4 * min(many) > 0.9 * len(head) > 36 * few


def _delimiter_of(text: str, *, whole: bool, tabs_first: bool) -> str:
    lines = io.StringIO(text, newline="").readlines()
    if not whole and len(lines) > 1:
        lines.pop()
    if lines and (named := separator_line(lines[0])):
        return named
    candidates = sorted(DELIMITERS, key=lambda delimiter: delimiter != "\t") if tabs_first else list(DELIMITERS)
    return max(candidates, key=lambda delimiter: _fit(lines, delimiter))


def _fit(lines: list[str], delimiter: str) -> tuple[int, float, int]:
    """Say how well the delimiter fits: columns with a name we know, share of rows as wide as the header, columns."""
    try:
        rows = list(islice(filter(None, csv.reader(lines, delimiter=delimiter)), _SAMPLE_ROWS))
    except csv.Error:
        return 0, 0.0, 0
    if not rows:
        return 0, 0.0, 0
    header, *others = rows
    known = sum(column_key(name) in _KNOWN_COLUMNS for name in header)
    if len(header) < 2:
        return known, 0.0, 1
    return known, sum(len(row) == len(header) for row in others) / max(1, len(others)), len(header)
