"""One row of a customer file, read into the columns of its staging row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from customers.imports.layouts import DAY_FIRST, FIELDS, MONTH_FIRST, Layout, field_of
from customers.imports.values import (
    ATTRIBUTE_LENGTH,
    BadValue,
    clean_lines,
    read_attributes,
    read_consent,
    read_id,
    read_moment,
    read_tags,
    read_text,
    split_name,
)

COLUMNS = (
    "marketing_consent",
    "shopify_id",
    "recharge_id",
    "first_name",
    "last_name",
    "phone",
    "signed_up_at",
    "acquisition_channel",
    "tags",
    "attributes",
)
_NOTHING: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {"signed_up_at": None, "tags": None, "attributes": None}


class RowReader:
    """Reads the rows of a file with `layout`; times without a zone are in `zone`, and none may lie beyond `now`."""

    def __init__(self, layout: Layout, zone: ZoneInfo, now: datetime) -> None:
        readers: dict[str, Callable[[str], Any]] = {
            "first_name": read_text(FIELDS["first_name"], 150),
            "last_name": read_text(FIELDS["last_name"], 150),
            "full_name": read_text(FIELDS["full_name"], 300),
            "phone": read_text(FIELDS["phone"], 50),
            "signed_up_at": read_moment(zone, now),
            DAY_FIRST: read_moment(zone, now, day_first=True),
            MONTH_FIRST: read_moment(zone, now, day_first=False),
            "acquisition_channel": read_text(FIELDS["acquisition_channel"], 50),
            "tags": read_tags,
            "marketing_consent": read_consent,
            "shopify_id": read_id(FIELDS["shopify_id"]),
            "recharge_id": read_id(FIELDS["recharge_id"]),
            "all_attributes": read_attributes,
        }
        self._fields = [
            (field_of(name), index, readers[name]) for name, index in layout.fields.items() if name != "email"
        ]
        self._attributes = [
            (name, index, read_text(f"“{name}”", ATTRIBUTE_LENGTH, clean_lines))
            for name, index in layout.attributes.items()
        ]

    def read(self, cells: Sequence[str]) -> tuple[list[Any], str]:
        """The values for COLUMNS, empty where the cell is ('' or None), and the first thing that is wrong, or ''."""
        values, wrong = dict(_NOTHING), ""
        for name, index, reader in self._fields:
            if cells[index]:
                try:
                    values[name] = reader(cells[index])
                except BadValue as error:
                    wrong = wrong or str(error)
        attributes = dict(values.pop("all_attributes", None) or {})
        for name, index, reader in self._attributes:
            if cells[index]:
                try:
                    attributes[name] = reader(cells[index])
                except BadValue as error:
                    wrong = wrong or str(error)
        values["attributes"] = {name: value for name, value in attributes.items() if value != ""} or None
        self._take_apart(values)
        return [values[name] for name in COLUMNS], wrong

    def _take_apart(self, values: dict[str, Any]) -> None:
        full = values.pop("full_name", "")
        if full:
            first, last = split_name(full)
            values["first_name"] = values["first_name"] or first[:150]
            values["last_name"] = values["last_name"] or last[:150]
