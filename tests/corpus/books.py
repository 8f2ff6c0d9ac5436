"""Workbooks and other zips, whole and broken, made part by part."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Mapping


def zip_of(parts: Mapping[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of the parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as package:
        for name, content in parts.items():
            # An entry without a date: the same parts are the same bytes, whenever they are made.
            package.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


_TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook_parts(
    sheet_data: str, *, strings: str = "", styles: str = "", properties: str = ""
) -> dict[str, bytes | str]:
    """The parts of a workbook of one sheet, from the XML inside its sheetData, sst and styleSheet elements."""
    relation = '<Relationship Id="{0}" Type="' + _TYPE + '/{1}" Target="{2}"/>'
    relations = [
        relation.format("rId1", "worksheet", "worksheets/sheet1.xml"),
        relation.format("rId2", "sharedStrings", "sharedStrings.xml"),
        relation.format("rId3", "styles", "/xl/styles.xml"),
    ]
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f"<Relationships>{relation.format('a', 'officeDocument', 'xl/workbook.xml')}</Relationships>",
        "xl/workbook.xml": (
            f'<workbook xmlns:r="{_TYPE}">{properties}<sheets><sheet name="S" r:id="rId1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": f"<Relationships>{''.join(relations)}</Relationships>",
        "xl/sharedStrings.xml": f"<sst>{strings}</sst>",
        "xl/styles.xml": f"<styleSheet>{styles}</styleSheet>",
        "xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{sheet_data}</sheetData></worksheet>",
    }


def workbook(sheet_data: str, **parts: str) -> bytes:
    """A workbook of one sheet; see `workbook_parts`."""
    return zip_of(workbook_parts(sheet_data, **parts))


def text_cells(*values: str) -> str:
    """A row of cells with their text inside them, without row and column numbers."""
    return "<row>" + "".join(f'<c t="inlineStr"><is><t>{value}</t></is></c>' for value in values) + "</row>"


def with_part(part: str, content: bytes | str) -> bytes:
    """A small workbook in which one part is another."""
    return zip_of({**workbook_parts(text_cells("email") + text_cells("a@shop.example")), part: content})


def zip_bomb(megabytes: int) -> bytes:
    """A workbook whose sheet is a long run of spaces: some kilobytes that unpack to megabytes."""
    return with_part("xl/worksheets/sheet1.xml", b"<worksheet>" + b" " * (megabytes << 20) + b"</worksheet>")


def lying_bomb(megabytes: int) -> bytes:
    """A workbook whose sheet claims, in the zip's directory, to be a hundred bytes long."""
    made = bytearray(zip_bomb(megabytes))
    place = made.rindex(b"xl/worksheets/sheet1.xml") - 46
    struct.pack_into("<I", made, place + 24, 100)
    return bytes(made)


def nested_tags(depth: int) -> bytes:
    """A workbook whose sheet opens tags and closes none, with noise between them so that it hardly compresses."""
    noise = random.Random(7)
    tags = "".join(f"<a{noise.randrange(1 << 60):x}>" for _ in range(depth))
    return with_part("xl/worksheets/sheet1.xml", f"<worksheet>{tags}")


def long_tag(megabytes: int) -> bytes:
    """A workbook whose sheet has one attribute of megabytes."""
    noise = random.Random(7).randbytes(megabytes << 19).hex()
    return with_part("xl/worksheets/sheet1.xml", f'<worksheet a="{noise}"/>')


def long_directory() -> bytes:
    """A zip whose last record claims a directory of many megabytes."""
    made = bytearray(workbook(text_cells("email")) + b"\0" * (4 << 20))
    end = bytes(made).rindex(b"PK\x05\x06")
    record = bytearray(made[end : end + 22])
    struct.pack_into("<I", record, 12, 3 << 20)
    return bytes(made) + bytes(record)


def ole_file(*, encrypted: bool) -> bytes:
    """The head of an OLE file as old Excel writes it, or as Excel wraps a workbook that has a password."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<H", header, 30, 9)
    name = "EncryptedPackage" if encrypted else "Workbook"
    return (
        bytes(header) + "Root Entry".encode("utf-16-le").ljust(128, b"\0") + name.encode("utf-16-le").ljust(384, b"\0")
    )


def encrypted(package: bytes) -> bytes:
    """The zip with the mark that its first part is encrypted."""
    made = bytearray(package)
    made[made.index(b"PK\x01\x02") + 8] |= 1
    return bytes(made)
