"""The parts of an .xlsx file, unpacked within limits: a workbook is a zip of XML, and both can be weapons.

Neither openpyxl nor python-calamine reads it here: openpyxl keeps every string in memory and sets no bounds, calamine
allocates the whole rectangle that a sheet claims to span. Expat over the unpacking stream is flat, bounded, and four
times as fast as the former.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from xml.parsers import expat

from portal.tabular.formats import MEGABYTE, Limits, Refused

_CHUNK = 32 * 1024
_LONGEST_DIRECTORY = MEGABYTE  # the zip directory is read in one go; a thousand entries need a tenth of it
_LONGEST_TOKEN = MEGABYTE  # expat keeps a tag whole however long it is
_DEEPEST = 100
_SMALL_PART = MEGABYTE  # below this a high compression ratio does no harm
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    expat.ExpatError,
    EOFError,
    OSError,
    LookupError,
    OverflowError,
    RuntimeError,
    ValueError,
)

_OTHER_KINDS = {
    "xl/workbook.bin": "a binary Excel workbook (.xlsb)",
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a PowerPoint presentation",
    "content.xml": "an OpenDocument file",
    "index/document.iwa": "a Numbers or Pages document",
}


def check_workbook(file: BinaryIO, limits: Limits) -> None:
    """Raise Refused unless the zip is an Excel workbook within the limits; nothing is unpacked."""
    with refusing_damage():
        Package(file, limits)


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Turn what a broken zip, broken XML or a part that is not there raises into Refused."""
    try:
        yield
    except _DAMAGE as error:
        raise Refused("damaged", "The workbook is damaged. Open it in Excel and save it again.") from error


class Package:
    """The zip: its parts by name, each read as a stream that is counted while it unpacks."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._limits = limits
        self._sizes: dict[str, int] = {}
        self._zip = zipfile.ZipFile(_ShortReads(file))
        entries = self._zip.infolist()
        if len(entries) > limits.max_entries:
            raise _bomb(f"it has {len(entries):,} parts inside, at most {limits.max_entries:,} are read")
        for entry in entries:
            _check_entry(entry)
            self._check_ratio(entry, entry.file_size)
        if sum(entry.file_size for entry in entries) > limits.max_unpacked:
            raise self._too_large()
        self._parts = {entry.filename.lower(): entry for entry in entries}
        if "[content_types].xml" not in self._parts or not any(name.startswith("xl/") for name in self._parts):
            self._refuse_other_kind()
        if "xl/workbook.bin" in self._parts:
            self._refuse_other_kind()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the part's bytes; Refused once more comes out than the limits allow, whatever the zip declares."""
        entry = self._parts[name.lower()]
        others = sum(size for other, size in self._sizes.items() if other != entry.filename)
        size = 0
        with self._zip.open(entry) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if others + size > self._limits.max_unpacked:
                    raise self._too_large()
                self._check_ratio(entry, size)
                yield chunk
        self._sizes[entry.filename] = size

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """Return what the part refers to: id to (kind, such as "worksheet"; name of the part)."""
        folder, base = posixpath.split(name)
        found: dict[str, tuple[str, str]] = {}

        def start(_: str, attributes: dict[str, str]) -> None:
            if attributes.get("Id") and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
                found[attributes["Id"]] = attributes.get("Type", "").rpartition("/")[2], target.lstrip("/")

        listing = posixpath.join(folder, "_rels", f"{base}.rels")
        if listing in self:
            for _ in parse(self.read(listing), start=start):
                pass
        return found

    def _refuse_other_kind(self) -> None:
        for name, kind in _OTHER_KINDS.items():
            if name in self._parts:
                raise Refused("binary", f"This is {kind}; save the table as .xlsx or CSV.")
        raise Refused("binary", "This is a zip archive, not a table; unpack it and upload the file inside.")

    def _check_ratio(self, entry: zipfile.ZipInfo, size: int) -> None:
        if size > max(_SMALL_PART, self._limits.max_ratio * entry.compress_size):
            raise _bomb("it unpacks to far more than a table would")

    def _too_large(self) -> Refused:
        most = self._limits.max_unpacked / MEGABYTE
        return _bomb(f"unpacked it has more than {most:,.0f} MB")


def parse(
    chunks: Iterator[bytes],
    *,
    start: Callable[[str, dict[str, str]], Any],
    end: Callable[[str], Any] | None = None,
    text: Callable[[str], Any] | None = None,
) -> Iterator[None]:
    """Feed XML to the handlers, yielding after each chunk.

    Refused for a DOCTYPE, and for what expat would have to keep in memory: a tag, or tags within tags, without end.
    """
    depth = 0

    def start_tag(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise _bomb("its tags are nested too deeply")
        start(name, attributes)

    def end_tag(name: str) -> None:
        nonlocal depth
        depth -= 1
        if end:
            end(name)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.buffer_size = _CHUNK
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = start_tag
    parser.EndElementHandler = end_tag
    parser.CharacterDataHandler = text
    fed = 0
    for chunk in chunks:
        parser.Parse(chunk, False)
        fed += len(chunk)
        if fed - parser.CurrentByteIndex > _LONGEST_TOKEN:
            raise _bomb("there is a tag of more than a megabyte in it")
        yield
    parser.Parse(b"", True)
    yield


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    if name.startswith("/") or "\\" in name or ".." in name.split("/") or ":" in name:
        raise _bomb("a part of it has an unsafe name")
    if entry.flag_bits & 0x1:
        raise Refused("encrypted", "This workbook is protected with a password; save it without one.")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _bomb("it is packed in a way that Excel does not use")


def _refuse_doctype(*_: object) -> None:
    raise _bomb("its XML declares a document type, which Excel never does")


def _bomb(why: str) -> Refused:
    return Refused("unsafe-workbook", f"This workbook is not read: {why}. Save the table as CSV.")


class _ShortReads(io.RawIOBase):
    """The file as the zip reader sees it; the one long read it makes is of a directory whose length the file claims."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        if size > _LONGEST_DIRECTORY:
            raise _bomb("its directory is longer than a thousand parts need")
        return self._file.read(size)
