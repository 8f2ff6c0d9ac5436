"""Files made from others: bytes flipped, pieces spliced, workbooks packed anew around mutated XML."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import cache
from random import Random

from tests.corpus import CASES

SEED_BYTES = 48 * 1024
MOST_BYTES = 256 * 1024
GIANT_BYTES = 3 * 1024 * 1024
GIANT_ONCE_IN = 2_000

TEXT_TOKENS = [
    b'"',
    b'""',
    b",",
    b";",
    b"\t",
    b"|",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b" ",
    b"'",
    b"''",
    b"=",
    b"+",
    b"-",
    b"@",
    b"x",
    b"email",
    b"first name",
    b"phone",
    b"a@x.example",
    b"sep=;\n",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\x1a",
    b"\xc3\xa9",
    b"\xe9",
    b"\x81",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b"\xe2\x80\xae",
    b"\xe2\x80\x8b",
    b"\xc2\xa0",
    b'","',
    b'"\n"',
    b"\n\n\n",
    b",,,,",
    b'{"a": 1}',
    b"NaN",
    b"2024-02-30",
    b"1e999",
    b"\xef\xbc\x9d",
    b"\x0b",
    b"\x85",
    b"\xe2\x80\xa8",
    b"xn--",
    b"<a@x.example>",
    b"mailto:",
    b"9" * 400,
    b"[" * 200,
    b"'=1",
    b"yes",
    b"-0.0",
]
XML_TOKENS = [
    b"<row>",
    b"</row>",
    b'<row r="9">',
    b"<c>",
    b"</c>",
    b'<c t="s">',
    b'<c r="XFD1">',
    b"<v>",
    b"</v>",
    b"<t>",
    b"</t>",
    b"<is>",
    b"</is>",
    b"<rPh>",
    b"&amp;",
    b"&#x41;",
    b"&#0;",
    b"&x;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<!DOCTYPE x>",
    b"<?x?>",
    b"_x0000_",
    b"_x000D_",
    b'r="A1"',
    b't="inlineStr"',
    b't="d"',
    b's="1"',
    b"-1",
    b"99999999999",
    b"1E400",
    b"x:",
    b"\xff",
    b"\0",
    b"<",
    b">",
    b'"',
    b"'",
    b"<sst>",
    b"<si>",
    b"</si>",
    b'state="hidden"',
    b'date1904="1"',
    b"../",
]

Mutator = Callable[[Random, bytes, list[bytes]], bytes]


def made(rng: Random) -> tuple[bytes, str]:
    """One file, and the name it is sent under."""
    name = rng.choice(_names())
    content, filename = _bytes_of(name), CASES[name].filename
    is_book = content.startswith(b"PK\x03\x04")
    is_packed_anew = is_book and rng.random() < 0.8
    content = _repacked(rng, content) if is_packed_anew else _mutated(rng, content, TEXT_TOKENS)
    if rng.randrange(GIANT_ONCE_IN) == 0:
        content = _giant(rng, content)
    return content[:GIANT_BYTES], filename


@cache
def _names() -> list[str]:
    return [name for name, case in CASES.items() if len(case.make()) <= SEED_BYTES and case.doors]


@cache
def _bytes_of(name: str) -> bytes:
    return CASES[name].make()


def _mutated(rng: Random, content: bytes, tokens: list[bytes], times: tuple[int, ...] = (1, 1, 2, 3, 4, 10)) -> bytes:
    for _ in range(rng.choice(times)):
        content = rng.choice(MUTATORS)(rng, content, tokens)[:MOST_BYTES]
    return content


def _place(rng: Random, content: bytes) -> int:
    return rng.randint(0, len(content))


def _piece(rng: Random, content: bytes, most: int = 400) -> tuple[int, int]:
    start = _place(rng, content)
    return start, min(len(content), start + rng.randint(1, most))


def flip(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    if not content:
        return b"\0"
    changed = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def insert(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    place = _place(rng, content)
    return content[:place] + rng.choice(tokens) * rng.choice((1, 1, 1, 2, 40)) + content[place:]


def overwrite(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    place, token = _place(rng, content), rng.choice(tokens)
    return content[:place] + token + content[place + len(token) :]


def delete(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    start, end = _piece(rng, content)
    return content[:start] + content[end:]


def repeat(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    start, end = _piece(rng, content)
    return content[:end] + content[start:end] * rng.choice((1, 2, 3, 50)) + content[end:]


def cut(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    return content[: _place(rng, content)]


def splice(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    other = _bytes_of(rng.choice(_names()))
    start, end = _piece(rng, other, 2_000)
    place = _place(rng, content)
    return content[:place] + other[start:end] + content[place + rng.choice((0, end - start)) :]


def swap(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    lines = content.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def replace(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    return content.replace(rng.choice(tokens), rng.choice(tokens), rng.choice((1, 3, -1)))


def noise(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    place = _place(rng, content)
    return content[:place] + rng.randbytes(rng.randint(1, 30)) + content[place:]


def encode(rng: Random, content: bytes, tokens: list[bytes]) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(
        rng.choice(
            ("utf-16", "utf-16", "utf-16-be", "cp1252", "cp1252", "utf-8-sig", "utf-8-sig", "latin-1", "utf-32")
        ),
        "replace",
    )


MUTATORS: list[Mutator] = [
    flip, flip, insert, insert, insert, overwrite, delete, repeat, cut, splice, swap, replace, noise, encode,
]  # fmt: skip


def _giant(rng: Random, content: bytes) -> bytes:
    """The file with one piece of it so often that it is megabytes."""
    start, end = _piece(rng, content)
    piece = content[start:end] or b"x"
    return content[:end] + piece * (GIANT_BYTES // len(piece)) + content[end:]


@cache
def _parts(content: bytes) -> list[tuple[str, bytes]] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            return [(name, package.read(name)) for name in package.namelist()][:20]
    except Exception:  # noqa: BLE001 - the seed is broken already; it is mutated as bytes then
        return None


def _repacked(rng: Random, content: bytes) -> bytes:
    parts = _parts(content)
    if not parts:
        return _mutated(rng, content, TEXT_TOKENS)
    parts = list(parts)
    for _ in range(rng.choice((1, 1, 1, 2))):
        at = rng.randrange(len(parts))
        name, part = parts[at]
        # Mostly the sheet and its strings, which hold what is read.
        if rng.random() < 0.6:
            at = next((place for place, (name, _) in enumerate(parts) if "sheet1" in name.lower()), at)
            name, part = parts[at]
        parts[at] = (name, _mutated(rng, part, XML_TOKENS + TEXT_TOKENS if rng.random() < 0.3 else XML_TOKENS, (1,)))
    if rng.random() < 0.05:
        parts.append((rng.choice(("xl/worksheets/sheet1.xml", "../x", "xl/sharedStrings.xml")), rng.choice(parts)[1]))
    if rng.random() < 0.05:
        parts.pop(rng.randrange(len(parts)))
    return _packed(parts, rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)))


def _packed(parts: list[tuple[str, bytes]], compression: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression, compresslevel=1) as package:
        for name, part in parts:
            info = zipfile.ZipInfo(name)
            if info.filename not in package.NameToInfo:
                package.writestr(info, part, compression)
    return buffer.getvalue()
