"""What the rows of a stored file say, as the portal reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal import sheets
from portal.emails import InvalidEmail, display_email, email_key
from portal.models import SheetUpload


@dataclass(frozen=True, slots=True)
class Said:
    """A row: who it is about, and what is wrong with that."""

    line: int
    email: str
    key: str
    """'' where there is no e-mail address."""
    problem: str
    comes_again: bool
    """Whether a later row is about the same person."""
    cells: Sequence[str]


def read(upload: SheetUpload) -> list[Said]:
    """All rows of the upload's file, by its mapping."""
    rows = sheets.first_rows(upload, upload.size)
    people = [_person(row.cells[upload.mapping["email"]]) for row in rows]
    last = {key: place for place, (_, key, _) in enumerate(people)}
    return [
        Said(row.line, email, key, problem, bool(key) and last[key] != place, row.cells)
        for place, (row, (email, key, problem)) in enumerate(zip(rows, people, strict=True))
    ]


def _person(email: str) -> tuple[str, str, str]:
    try:
        key = email_key(email)
    except InvalidEmail as error:
        return email, "", f"Not an e-mail address: {error.reason}." if email else "No e-mail address."
    return (email if key == email.lower() else display_email(email)), key, ""
