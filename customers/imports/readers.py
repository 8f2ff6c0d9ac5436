"""One row of a file of orders, subscriptions or events: whose it is, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from customers.imports.layouts import Layout, attribute_name, field_of
from customers.imports.values import ATTRIBUTE_LENGTH, BadValue, clean_lines, read_text

COLUMNS = ("shopify_id", "recharge_id", "key", "said")
"""The fields of a row that its reader fills; whoever judges rows looks at all of them."""
SHOPIFY_ID, RECHARGE_ID, KEY, SAID = range(4)
PEOPLE = {"email": "E-mail", "shopify_id": "Shopify customer id", "recharge_id": "Recharge customer id"}
"""What columns may say of whose the row is."""

Reader = Callable[[str], Any]


class CellReader:
    """Reads the cells of a row into values by their fields' names, with the `readers` of a layout's readings."""

    def __init__(self, layout: Layout, readers: Mapping[str, Reader], rest: str = "") -> None:
        self._fields = [
            (field_of(name), index, readers[name]) for name, index in layout.fields.items() if name in readers
        ]
        self._rest = [
            (attribute_name(name), index, read_text(f"“{name}”", ATTRIBUTE_LENGTH, clean_lines))
            for name, index in (layout.attributes.items() if rest else ())
        ]

    def read(self, cells: Sequence[str]) -> tuple[dict[str, Any], dict[str, str], str]:
        """The values that are not empty, by field; the columns kept by their names; and what is wrong first, or ''."""
        values, wrong = self._read(self._fields, cells)
        rest, also_wrong = self._read(self._rest, cells)
        return values, rest, wrong or also_wrong

    def _read(self, columns: Sequence[tuple[str, int, Reader]], cells: Sequence[str]) -> tuple[dict[str, Any], str]:
        values, wrong = {}, ""
        for name, index, reader in columns:
            if cells[index]:
                try:
                    value = reader(cells[index])
                except BadValue as error:
                    wrong = wrong or str(error)
                    continue
                if value not in ("", None):
                    values[name] = value
        return values, wrong


def missing(values: Mapping[str, Any], labels: Mapping[str, str], *names: str) -> str:
    """A sentence on the first of the fields that has no value; '' when all have one."""
    gone = next((name for name in names if values.get(name) in ("", None)), "")
    return f"{labels[gone]}: this is empty." if gone else ""


def row_of(values: Mapping[str, Any], key: str, said: dict[str, Any]) -> list[Any]:
    """The values for COLUMNS."""
    return [values.get("shopify_id", ""), values.get("recharge_id", ""), key[:100], said]
