"""From bytes to lines: decoding in blocks, the encoding of a whole file, physical line numbers."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO

from portal.tabular.formats import Format, Refused

_BLOCK = 32 * 1024  # the rows of a block stay in the processor's cache: measured twice as fast as 256 kB
_SEPARATOR_LINE = re.compile(r'"?sep=([^\w\s"\0]|\t)"?[ \t]*\r?\n?', re.IGNORECASE)


def separator_line(line: str) -> str | None:
    """Return the delimiter that Excel's own first line names (`sep=;`), or None for any other line."""
    match = _SEPARATOR_LINE.fullmatch(line)
    return match[1] if match else None


def settle(file: BinaryIO, form: Format) -> Format:
    """Decide the encoding over the whole file, in one pass; Refused for text in no known encoding."""
    if form.settled:
        return form
    try:
        for _ in _decode(file, form):
            pass
    except UnicodeDecodeError as error:
        if form.encoding != "utf-8" or form.has_bom or mostly_utf8(_blocks(file)):
            raise _undecodable(file, form) from error
        return settle(file, replace(form, encoding="cp1252", guessed=True))
    return replace(form, settled=True)


def lines_of(file: BinaryIO, form: Format, longest: int) -> Iterator[list[str]]:
    """Yield the lines of the file in batches, with their line ends as they stand (LF, CRLF or CR).

    A line of more than `longest` characters comes in pieces, each but the last longer than `longest`.
    """
    carry, first = "", True
    try:
        for text in _decode(file, form):
            lines = io.StringIO(carry + text, newline="").readlines()
            # A CR at the end of a block may be half of a CRLF.
            carry = lines.pop() if lines and not lines[-1].endswith("\n") else ""
            if len(carry) > longest and not carry.endswith("\r"):
                lines.append(carry)
                carry = ""
            if first and lines:
                first = False
                _blank_separator_line(lines)
            yield lines
    except UnicodeDecodeError as error:
        raise _undecodable(file, form) from error
    if carry:
        last = [carry]
        if first:
            _blank_separator_line(last)
        yield last


def _blank_separator_line(lines: list[str]) -> None:
    if separator_line(lines[0]):
        lines[0] = "\n"


def _decode(file: BinaryIO, form: Format) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(form.encoding)()
    at_start = True
    for block in _blocks(file):
        text = decoder.decode(block)
        if at_start and text:
            text = text.removeprefix("\ufeff")
            at_start = False
        yield text
    yield decoder.decode(b"", final=True)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    position = 0
    while True:
        file.seek(position)  # two readings of one file may take turns
        block = file.read(_BLOCK)
        if not block:
            return
        position += len(block)
        yield block


def mostly_utf8(blocks: Iterable[bytes]) -> bool:
    """Tell UTF-8 with a few foreign bytes, which Windows-1252 would garble, from text that never was UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    broken = whole = 0
    for block in blocks:
        text = decoder.decode(block)
        broken += len(block) - len(text.encode())
        whole += len(text) - len(text.encode("ascii", "ignore"))
    return whole > broken


def _line_of_damage(file: BinaryIO, form: Format) -> int:
    """The line of the first bytes that cannot be decoded."""
    line = 1
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    try:
        for text in _decode(file, form):
            line += newlines.decode(text).count("\n")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(form.encoding)
        line += newlines.decode(before, final=True).count("\n")
    return line


def _undecodable(file: BinaryIO, form: Format) -> Refused:
    line = _line_of_damage(file, form)
    if form.encoding == "cp1252":
        why = f"Line {line} is neither UTF-8 nor Windows-1252 text."
    else:
        why = f"Line {line} is not {form.description.partition(',')[0]} text like the rest of the file."
    return Refused("encoding", f"{why} Save the file again as CSV UTF-8.")
