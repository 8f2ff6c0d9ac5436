"""Readers of one value, and round trips: made from nothing by chance, held to what must come out."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

from customers.imports.dates import read_date
from customers.imports.values import (
    BadValue,
    read_attributes,
    read_consent,
    read_id,
    read_moment,
    read_tags,
    split_name,
)
from portal.emails import InvalidEmail, email_key
from portal.exporting import neutralise, stream_csv, write_xlsx
from portal.tabular import Refused, open_table
from tests.corpus.addresses import BAD, GOOD
from tests.corpus.books import text_cells, workbook
from tests.corpus.values import ATTRIBUTES, DATES, NO_ATTRIBUTES, NO_DATES
from tests.fuzz import deeds, ingest, reference, webhooks
from tests.fuzz.oracles import NOW, ZONE, is_storable, must
from tests.fuzz.spelling import bent, text

ADDRESSES = [text for typed in (*GOOD.values(), *BAD.values()) for text, _ in typed]
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'", "''", "'=", " =", "\0=", "0", "'1")
DELIMITERS = (",", ";", "\t", "|")


def addresses(rng: Random) -> None:
    given = bent(rng, rng.choice(ADDRESSES)) if rng.random() < 0.7 else f"{text(rng)}@{text(rng)}.example"
    try:
        key = email_key(given)
    except InvalidEmail as error:
        must(error.reason, f"{given!r} is refused without a reason")
        return
    must(email_key(key) == key, f"the key of {given!r} is {key!r}, and the key of that is {email_key(key)!r}")
    must(email_key(f" {given}\u200b") == key, f"{given!r} is another with space around it")
    must(key.count("@") == 1 and len(key) <= 254, f"{given!r} has the key {key!r}")
    must(email_key(unicodedata.normalize("NFD", given)) == key, f"{given!r} decomposed is another")


def dates(rng: Random) -> None:
    given = bent(rng, rng.choice([*DATES, *NO_DATES]))
    try:
        at = read_moment(ZONE, NOW, rng.choice((None, True, False)))(given)
    except BadValue as error:
        must(str(error).startswith("Signed up: ") and str(error).endswith("."), f"{given!r}: {error}")
        return
    if at is not None:
        must(at.tzinfo is not None and 1970 <= at.year < 9999, f"{given!r} is {at}")
        again = read_date(at.isoformat(), ZONE)
        must(again.astimezone(UTC) == at.astimezone(UTC), f"{given!r} is {at}, and that is {again}")
        must(at.astimezone(UTC).replace(tzinfo=None) < datetime(9999, 1, 1), f"{given!r} is {at}")  # noqa: DTZ001


def values(rng: Random) -> None:
    given = bent(rng, rng.choice([*ATTRIBUTES, *NO_ATTRIBUTES, "a,b", "yes", '{"ecommerce": "1"}', "Lee, Ann"]))
    for read in (read_attributes, read_tags, read_consent, read_id("Shopify id")):
        try:
            value = read(given)
        except BadValue as error:
            must(str(error), "refused without a reason")
            str(error).encode()
            continue
        must(is_storable(value), f"{given!r:.100} is read as what no database holds")
    must(all(isinstance(part, str) for part in split_name(given)), "a name is text")


def guards(rng: Random) -> None:
    given = rng.choice(STARTS) * rng.randint(0, 2) + text(rng)
    cell = neutralise(given)
    must(cell.strip()[:1] not in set("=+-@＝＋－＠") or not cell.strip(), f"{given!r} goes out as {cell!r}")
    must(cell[:1] not in ("\t", "\r", "\n") or not cell.strip(), f"{given!r} goes out as {cell!r}")
    back = reference.plain(cell)
    must(back == _kept(given, guarded=True), f"{given!r} goes out as {cell!r} and comes back as {back!r}")


def exports(rng: Random) -> None:
    """A table written by us is read by us as it was."""
    width = rng.randint(1, 4)
    rows = [
        [rng.choice(STARTS) * rng.randint(0, 1) + text(rng) for _ in range(width)] for _ in range(rng.randint(0, 5))
    ]
    headers = [f"h{place}" for place in range(width)]
    if rng.random() < 0.5:
        content, filename = b"".join(stream_csv(headers, rows)), "export.csv"
    else:
        buffer = io.BytesIO()
        write_xlsx(buffer, headers, rows)
        content, filename = buffer.getvalue(), "export.xlsx"
    _comes_back(rows, content, filename, guarded=True)


def tables(rng: Random) -> None:
    """A table written by another program, in one of its dialects, is read as it was."""
    width = rng.randint(2, 5)
    rows = [[text(rng, 20) for _ in range(width)] for _ in range(rng.randint(1, 6))]
    headers = ["email", *(f"h{place}" for place in range(1, width))]
    if rng.random() < 0.3:
        safe = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\x07": "", "\r": "&#13;", "\x85": "&#x85;"})
        rows = [[cell.replace("\x07", "") for cell in row] for row in rows]
        lines = [text_cells(*(cell.translate(safe) for cell in row)) for row in [headers, *rows]]
        content, filename = workbook("".join(lines)), "people.xlsx"
    else:
        buffer = io.StringIO(newline="")
        end, quoting = rng.choice(("\n", "\r\n", "\r")), rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
        writer = csv.writer(buffer, delimiter=rng.choice(DELIMITERS), lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
        writer.writerows([headers, *rows])
        content = buffer.getvalue().encode(rng.choice(("utf-8", "utf-8-sig", "utf-16")))
        filename = "people.csv"
    _comes_back(rows, content, filename)


def _comes_back(rows: list[list[str]], content: bytes, filename: str, *, guarded: bool = False) -> None:
    try:
        found = [row.cells for row in open_table(io.BytesIO(content), filename)]
    except Refused as refused:
        must(not guarded, f"our own export is refused: {refused}")
        must(False, f"a table that a program wrote is refused: {refused}")
        return
    wanted = [[_kept(cell, guarded=guarded) for cell in row] for row in rows]
    must(found == [row for row in wanted if any(row)], f"{wanted!r:.300} comes back as {found!r:.300}")


def _kept(cell: str, *, guarded: bool) -> str:
    if not guarded:
        return reference.plain(cell)
    whole = cell.replace("\0", "")
    # What begins with a tab or a line break is guarded as it stands, and so keeps its beginning.
    return whole.rstrip() if whole.startswith(("\t", "\r", "\n")) else whole.strip()


WAYS_IN: dict[str, Callable[[Random], None]] = {**ingest.TARGETS, **webhooks.TARGETS, **deeds.TARGETS}
"""What reads that which programs send and files tell of customers' doings."""
TARGETS: dict[str, Callable[[Random], None]] = {
    "addresses": addresses,
    "dates": dates,
    "values": values,
    "guards": guards,
    "exports": exports,
    "tables": tables,
    **WAYS_IN,
}
