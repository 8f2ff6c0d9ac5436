"""Memory stays flat however large the file, and however odd: measured, not believed."""

from __future__ import annotations

import io
import itertools
import tracemalloc
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.exporting import stream_csv, write_xlsx
from portal.tabular import Refused, open_table
from tests import corpus

MEGABYTE = 1024 * 1024


@contextmanager
def at_most(megabytes: float) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < megabytes * MEGABYTE, f"{peak / MEGABYTE:.1f} MB"


def written(path: Path, parts: Iterable[bytes]) -> Path:
    with path.open("wb") as file:
        file.writelines(parts)
    return path


def count_rows(path: Path) -> tuple[int, str]:
    """The number of rows that are read, and why reading stopped."""
    count = 0
    with path.open("rb") as file:
        try:
            for _ in open_table(file, path.name):
                count += 1
        except Refused as refused:
            return count, refused.code
    return count, ""


HEAD = b"email,name\na@shop.example,Ann\n"
ROW = b"person@shop.example,Ann Lee\n"
WIDE = b"person@shop.example," + b"x" * 1_000 + b"\n"
QUOTED = b'person@shop.example,"' + b"x" * 500 + b'\nLee, ""x"""\n'
X = b"x" * MEGABYTE
LINES = (b"x" * 63 + b"\n") * (MEGABYTE // 64)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([HEAD, *[WIDE * 1_000] * 25], (25_001, "")),
        ([HEAD, *[QUOTED * 1_000] * 25], (25_001, "")),
        ([HEAD, b"b@shop.example,", *[X] * 16, b"\n", ROW], (3, "")),
        ([HEAD, b'b@shop.example,"', *[X] * 16, b'"\n', ROW], (3, "")),
        ([HEAD, b'b@shop.example,"', *[LINES] * 16, b'"\n', ROW], (3, "")),
        ([HEAD, b'b@shop.example,"', *[LINES] * 16], (1, "unclosed-quote")),
        ([HEAD, b'b@shop.example,"', *[b'""' * (MEGABYTE // 2)] * 4], (1, "unclosed-quote")),
        ([HEAD, b'b@shop.example,"', *[ROW * 30_000] * 16], (1, "unclosed-quote")),
        ([HEAD, *[b"b,c," * (MEGABYTE // 4)] * 4], (2, "")),
        ([*[X] * 50], (0, "header")),
        ([HEAD, b"b@shop.example,", *[X] * 25], (2, "")),
        ([HEAD, *[b"\n" * 100_000] * 3, ROW], (2, "")),
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else "",
)
def test_reading_text(tmp_path: Path, parts: list[bytes], found: tuple[int, str]) -> None:
    path = written(tmp_path / "people.csv", parts)
    with at_most(20):
        assert count_rows(path) == found


def test_reading_a_workbook_with_many_strings(tmp_path: Path) -> None:
    count = 15_000
    data = "".join(f'<row><c t="s"><v>{i}</v></c><c t="s"><v>{count - i}</v></c></row>' for i in range(count))
    strings = "<si><t>email</t></si>" + "".join(
        f"<si><t>person{i}@shop.example{'x' * 300}</t></si>" for i in range(count)
    )
    path = written(tmp_path / "people.xlsx", [corpus.workbook(data, strings=strings)])
    del data, strings
    with at_most(4):
        assert count_rows(path) == (count - 1, "")


@pytest.mark.parametrize("made", [corpus.zip_bomb(150), corpus.nested_tags(1_000_000), corpus.long_tag(30)])
def test_refusing_a_hostile_workbook(tmp_path: Path, made: bytes) -> None:
    path = written(tmp_path / "bomb.xlsx", [made])
    with at_most(8):
        assert count_rows(path) == (0, "unsafe-workbook")


def test_a_very_long_list_of_parts_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "parts.xlsx"
    with zipfile.ZipFile(path, "w") as package:
        for number in range(30_000):
            package.writestr(f"xl/{number}", b"")
    with at_most(8):
        assert count_rows(path) == (0, "unsafe-workbook")


def test_writing() -> None:
    class Sink(io.RawIOBase):
        place = 0

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.place += len(data)
            return len(data)

    rows = ((f"person{i}@shop.example", "Ann" * 200, "+49 30", None) for i in itertools.count())
    with at_most(4):
        assert sum(map(len, stream_csv(["a", "b", "c", "d"], itertools.islice(rows, 10_000)))) > 6_000_000
        sink = Sink()
        write_xlsx(sink, ["a", "b", "c", "d"], itertools.islice(rows, 10_000))  # type: ignore[arg-type]
        assert sink.place > 50_000
