"""The file itself: taken in, kept, and read again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from portal import crash
from portal.faults import Fault, fault_of
from portal.models import SheetUpload
from portal.tabular import Format, Limits, Refused, Row, open_table, sniff


def limits() -> Limits:
    """The bounds of this installation."""
    return Limits(max_bytes=settings.UPLOAD_MAX_BYTES)


def receive(upload: SheetUpload, file: UploadedFile[Any]) -> None:
    """Take in an uploaded file: look at its head, keep it under a random name, and note how it is to be read.

    Saves neither the upload nor any row. Raises Refused, in words for the person, when it cannot be read at all.
    """
    name = (file.name or "file").replace("\x00", "")
    if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
        most = settings.UPLOAD_MAX_BYTES // 1024 // 1024
        raise Refused("too-large", f"The file is larger than {most:,} MB. Split it, and import the parts.")
    source: Any = file
    form = sniff(source, name)
    table = open_table(source, name, format=form, limits=limits())
    upload.headers, upload.format = table.headers, asdict(table.format)
    upload.filename, upload.size, upload.sha256 = name[-255:], file.size or 0, digest(file)
    file.seek(0)
    upload.file.save(name, file, save=False)
    crash.point("sheet.stored")


def take_back(upload: SheetUpload, error: BaseException) -> None:
    """Delete the file of an upload that could not be written down because of `error`.

    When the database went away it may have been: the commit was done, and the answer lost. The file stays then; if
    nothing names it, it is deleted with other strays.
    """
    if fault_of(error) is not Fault.AWAY:
        upload.file.delete(save=False)


def digest(file: Any) -> str:
    """The SHA-256 of the whole file, in hexadecimal."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def read_format(upload: SheetUpload) -> Format:
    return Format(**upload.format)


def not_kept() -> str:
    """What to say of a file that was deleted, as `retention` does, to who wants to have it read once more."""
    kept = f"files are kept for {settings.UPLOAD_KEEP_DAYS} days, or until somebody whom they name is erased"
    return f"The file itself was deleted: {kept}. Upload it again."


@contextmanager
def opened(upload: SheetUpload) -> Iterator[Any]:
    """The upload's file, at its beginning. Raises Refused when it is there no more."""
    if not upload.file:
        raise Refused("gone", not_kept())
    try:
        file = upload.file.open("rb")
    except FileNotFoundError as error:
        raise Refused("gone", "The file is not where it was kept any more. Upload it again.") from error
    with file:
        yield file


def first_rows(upload: SheetUpload, count: int = 5) -> list[Row]:
    """The first rows as they will be read. Raises Refused."""
    with opened(upload) as file:
        return list(islice(open_rows(file, upload, after=0), count))


def open_rows(file: Any, upload: SheetUpload, *, after: int) -> Iterator[Row]:
    """The rows of the upload's open file beyond line `after`. Raises Refused, at any row."""
    table = open_table(file, upload.filename, format=read_format(upload), limits=limits())
    return iter(table.rows(start_after_line=after))


def storable(text: str, most: int) -> str:
    """The text as a column of `most` characters takes it: no NUL, no half of a surrogate pair."""
    if not text.isprintable():
        text = text.replace("\x00", "").encode("utf-8", "replace").decode()
    return text[:most]
