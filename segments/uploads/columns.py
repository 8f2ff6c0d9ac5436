"""Which columns of a file are read, and what their cells give a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from portal.sheets import storable
from portal.tabular import EMAIL_NAMES, FIRST_NAMES, FULL_NAMES, LAST_NAMES, PHONE_NAMES, Refused, find_column, quotable
from segments.models import UploadRow

LABELS = {"email": "E-mail", "name": "Name", "first_name": "First name", "last_name": "Last name", "phone": "Phone"}
NAME_LENGTH = UploadRow._meta.get_field("name").max_length or 255
PHONE_LENGTH = UploadRow._meta.get_field("phone").max_length or 50
HEADERS_TOLD = 20
HEADER_LENGTH_TOLD = 40


def find_columns(headers: Sequence[str]) -> dict[str, int]:
    """Field → index of the column that is read for it. A full name is preferred to its parts.

    Raises Refused, with the columns that there are, when none holds e-mail addresses.
    """
    email = find_column(headers, EMAIL_NAMES)
    if email is None:
        raise Refused("no-email", _no_email(headers))
    found = {
        "email": email,
        "name": find_column(headers, FULL_NAMES),
        "first_name": find_column(headers, FIRST_NAMES),
        "last_name": find_column(headers, LAST_NAMES),
        "phone": find_column(headers, PHONE_NAMES),
    }
    if found["name"] is not None:
        found["first_name"] = found["last_name"] = None
    return {field: index for field, index in found.items() if index is not None}


def _no_email(headers: Sequence[str]) -> str:
    told = [f"“{quotable(header, HEADER_LENGTH_TOLD)}”" for header in headers if header][:HEADERS_TOLD]
    more = sum(bool(header) for header in headers) - len(told)
    rest = f" and {more:,} more" if more else ""
    return (
        f"There is no e-mail column. The columns found are: {', '.join(told)}{rest}. "
        "Name the one that holds the addresses “email”, or start from the template."
    )


def readings(headers: Sequence[str], mapping: dict[str, int]) -> list[tuple[str, str]]:
    """Each header with what it is read as, in words; '' for a column that is not read."""
    said = {index: LABELS[field] for field, index in mapping.items() if field in LABELS}
    return [(header or f"Column {index + 1}", said.get(index, "")) for index, header in enumerate(headers)]


def cell_reader(mapping: dict[str, int]) -> Callable[[Sequence[str]], tuple[tuple[str, str], str]]:
    """What reads a row's cells: into name and phone, and what is wrong with them ('' for nothing)."""
    phone_at = mapping.get("phone")
    names_at = [mapping[field] for field in ("name", "first_name", "last_name") if field in mapping]

    def names(cells: Sequence[str]) -> str:
        return cells[names_at[0]] if len(names_at) == 1 else " ".join([cells[place] for place in names_at])

    def read(cells: Sequence[str]) -> tuple[tuple[str, str], str]:
        name = " ".join(names(cells).split())
        phone = cells[phone_at] if phone_at is not None else ""
        if len(name) > NAME_LENGTH:
            return ("", ""), f"The name is longer than {NAME_LENGTH} characters."
        if len(phone) > PHONE_LENGTH:
            return ("", ""), f"The phone number is longer than {PHONE_LENGTH} characters."
        return (storable(name, NAME_LENGTH), storable(phone, PHONE_LENGTH)), ""

    return read
