"""What a file of the corpus is: its bytes, the doors it is sent through, and the verdict that is right."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SEGMENT, CUSTOMERS = "segment", "customers"
BOTH = (SEGMENT, CUSTOMERS)
ADA, BEN, CY = "ada@shop.example", "ben@shop.example", "cy@shop.example"
KNOWN = (ADA, BEN)
"""Who is a customer of the store already when a file comes; all others are strangers to it."""

HEAD = b"email,first name,phone\r\n"
TWO = {2: ADA, 3: BEN}

NOT_TEXT = "This is not a text file. Upload a CSV file or an Excel workbook."
DAMAGED = "The workbook is damaged. Open it in Excel and save it again."
EMPTY = "The file is empty."
WRONG_NAME = "Upload a .csv, .tsv, .txt or .xlsx file."


@dataclass(frozen=True)
class Case:
    """A file, and what must become of it.

    `people`: line → key of the person that the row names. `bad`: line → why the row cannot be used. `again`: lines of
    people who come in a later line too. `holds`: key → what the customer has after an import. Every row that is not
    blank stands in `people` or in `bad`.
    """

    name: str
    content: bytes | Callable[[], bytes]
    filename: str = "people.csv"
    doors: tuple[str, ...] = BOTH
    refused: str = ""
    late: bool = False
    guessed: bool = False
    people: Mapping[int, str] = field(default_factory=dict)
    bad: Mapping[int, str] = field(default_factory=dict)
    again: Collection[int] = ()
    holds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def make(self) -> bytes:
        return self.content() if callable(self.content) else self.content


def refused(name: str, content: bytes | Callable[[], bytes], message: str, **more: Any) -> Case:
    """A file that is refused whole with this sentence; `late`, when that shows only while its rows are read."""
    return Case(name, content, refused=message, **more)


def taken(name: str, content: bytes | Callable[[], bytes], people: Mapping[int, str] = TWO, **more: Any) -> Case:
    """A file that is read; see Case for what is said of its rows."""
    return Case(name, content, people=people, **more)


def rows(*cells: str, head: bytes = HEAD, end: str = "\r\n") -> bytes:
    """The head and these lines below it, in UTF-8."""
    return head + "".join(f"{line}{end}" for line in cells).encode()


def by_name(*families: Iterable[Case]) -> dict[str, Case]:
    """The cases of all families by their names, of which none may come twice."""
    found: dict[str, Case] = {}
    for family in families:
        for case in family:
            if case.name in found:
                raise ValueError(f"two cases are called {case.name}")
            found[case.name] = case
    return found
