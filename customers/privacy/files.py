"""Looking for a person in stored files: texts in any encoding, and what is packed inside workbooks."""

from __future__ import annotations

import html
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from customers.privacy.person import LONGER, Person

_PORTION = 4 * 1024 * 1024
_UNPACKED_AT_MOST = 8 * 1024 * 1024 * 1024
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp1252", "latin-1")


class TooMuch(Exception):
    """The file holds more than anybody can look through."""


def names(file: Any, person: Person) -> bool:
    """Whether the open file names the person. One that cannot be looked through is taken to."""
    needles = _needles(person)
    try:
        return any(_occurs(needles, read) for read in _parts(file))
    except (TooMuch, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        return True


def _needles(person: Person) -> list[bytes]:
    """The person's marks as they stand in lower-cased bytes."""
    texts = {
        unicodedata.normalize(form, spelling)
        for mark in person.marks
        for spelling in (mark.lower(), mark.upper(), html.escape(mark.lower()))
        for form in ("NFC", "NFD")
    }
    found = set()
    for text in texts:
        for encoding in _ENCODINGS:
            try:
                found.add(text.encode(encoding).lower())
            except UnicodeEncodeError:
                continue
    return sorted(found, key=len)


def _parts(file: Any) -> Iterator[Callable[[int], bytes]]:
    """What reads each part of the file: the file as it is, or unpacked."""
    is_packed = zipfile.is_zipfile(file)
    file.seek(0)
    if not is_packed:
        yield file.read
        return
    left = _UNPACKED_AT_MOST
    with zipfile.ZipFile(file) as package:
        for name in package.namelist():
            with package.open(name) as part:

                def read(size: int, part: Any = part) -> bytes:
                    nonlocal left
                    portion: bytes = part.read(size)
                    left -= len(portion)
                    if left < 0:
                        raise TooMuch
                    return portion

                yield read


def _occurs(needles: list[bytes], read: Callable[[int], bytes]) -> bool:
    overlap, before = max(map(len, needles), default=1) + 2, b""
    while portion := read(_PORTION):
        window = before + portion.lower()
        if any(needle in window and _stands_alone(needle, window) for needle in needles):
            return True
        before = window[-overlap:]
    return False


def _stands_alone(needle: bytes, window: bytes) -> bool:
    """Whether it is not merely a part of a longer address."""
    return bool(re.search(rb"(?<![\w.+%-])" + re.escape(needle) + b"(?!" + LONGER.encode() + b")", window))
