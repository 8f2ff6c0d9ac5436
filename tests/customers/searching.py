"""Looking for a person in everything that an installation keeps: a dump of the database, and every stored file."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection

from tests.conftest import is_postgresql


def dump() -> bytes:
    """The whole database as text."""
    if not is_postgresql():
        connection.ensure_connection()
        return "\n".join(connection.connection.iterdump()).encode()
    made = settings.DATABASES["default"]
    database = connection.settings_dict["NAME"]
    tool = shutil.which("pg_dump") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_dump")))
    where = ["-h", str(made["HOST"]), "-p", str(made["PORT"]), "-U", str(made["USER"]), "-d", str(database)]
    environment = {**os.environ, "PGPASSWORD": str(made.get("PASSWORD") or "")}
    return subprocess.run([tool, *where], check=True, capture_output=True, env=environment).stdout


def stored() -> Iterator[tuple[str, bytes]]:
    """Every file of the data directory but the database's own, also as it is unpacked."""
    for path in sorted(Path(settings.DATA_DIR).rglob("*")):
        if path.is_file() and "sqlite3" not in path.name:
            yield from unpacked(str(path.relative_to(settings.DATA_DIR)), path.read_bytes())


def forget_files() -> None:
    """Take away what other tests of this process have stored: the database forgets it with each of them."""
    for path in Path(default_storage.path("")).rglob("*"):
        if path.is_file():
            path.unlink()


def unpacked(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, name.encode() + b"\n" + content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            for part in package.namelist():
                yield f"{name}/{part}", package.read(part)


def spellings(word: str) -> set[bytes]:
    """The word as bytes, as whoever copies it may have written it down."""
    found: set[bytes] = set()
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, word.lower())
        plain = text.encode()
        found |= {plain, plain.hex().encode(), text.encode("utf-16-le"), text.encode("utf-16-be")}
        found |= {text.encode("unicode_escape"), json.dumps(text)[1:-1].encode()}
        for pad in range(3):
            coded = base64.b64encode(b"\0" * pad + plain).rstrip(b"=")
            # Its ends depend on what stands beside it.
            found.add(coded[pad + 1 : -1].lower())
    return {spelling for spelling in found if len(spelling) > 4 or spelling == word.encode()}


def hits(words: Iterable[str]) -> list[str]:
    """Where one of the words stands; each with what stands around it."""
    places = [("the database", dump()), *stored()]
    found = []
    for word in words:
        for spelling in spellings(word):
            for name, content in places:
                for hit in re.finditer(re.escape(spelling), content.lower()):
                    around = content[max(hit.start() - 150, 0) : hit.start() + 100]
                    found.append(f"{word} in {name}: {around!r}")
    return found
