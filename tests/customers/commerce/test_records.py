"""What a record refuses, and what it makes of what it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.commerce.records import Unkeepable, amount, text
from tests.customers.commerce.saying import line, order

FAR = datetime(2300, 1, 1, tzinfo=UTC)


@given(st.decimals(min_value=-(10**11), max_value=10**11, places=3))
def test_amounts_are_exact(value: Decimal) -> None:
    assert amount(f"{value:f}") == value == amount(value)


@pytest.mark.parametrize(
    "given",
    ["", "abc", "1e5", "NaN", "Infinity", "1,5", "1_000", "٣", "0x10", "1" * 50, 1.5, True, "--1", "1000000000000"],
)  # fmt: skip
def test_what_is_no_amount(given: Any) -> None:
    with pytest.raises(Unkeepable):
        amount(given)


def test_a_fourth_place_is_rounded_half_to_even() -> None:
    assert [str(amount(said)) for said in ("1.0005", "1.0015", "3.33333", " 7. ", ".5")] == [
        "1.000", "1.002", "3.333", "7.000", "0.500",
    ]  # fmt: skip


@given(st.text())
def test_text_is_one_line_that_can_be_kept(given: str) -> None:
    clean = text(given, 20)
    assert len(clean) <= 20
    assert "\x00" not in clean
    assert "\n" not in clean
    assert clean == text(clean, 20)
    clean.encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"external_id": ""},
        {"external_id": "x" * 101},
        {"placed_at": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"told_at": FAR},
        {"currency": "EURO"},
        {"currency": ""},
        {"total": Decimal(-1)},
        {"total": 1.5},
        {"total": Decimal("NaN")},
    ],
)
def test_what_an_order_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(Unkeepable):
        order(1, **fields)


@pytest.mark.parametrize("fields", [{"quantity": -1}, {"quantity": 2**31}, {"quantity": True}, {"product": " "}])
def test_what_a_line_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(Unkeepable):
        line(**fields)


def test_another_currency_is_kept_as_told() -> None:
    assert order(1, currency="jpy").currency == "JPY"
