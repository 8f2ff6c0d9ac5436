"""Addresses that differ in a row's key alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import reverse

_KEY = 9_090_909_090_909_090


def row_addresses(view: str, *places: Any) -> Callable[[int], str]:
    """What gives the address of `view` for the key of a row, the last of its places: Django is asked once a table, as
    asking it takes as long as drawing the cell."""
    before, _, after = reverse(view, args=(*places, _KEY)).rpartition(str(_KEY))
    return lambda key: f"{before}{key}{after}"
