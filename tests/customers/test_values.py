"""What the cells of a customer file mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from customers.imports.layouts import Layout
from customers.imports.rows import COLUMNS, RowReader
from customers.imports.values import BadValue, clean, read_consent, read_id, read_moment, read_tags, split_name

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-07-09", "2024-07-08T22:00:00"),
        ("2024-07-09 10:30", "2024-07-09T08:30:00"),
        ("2024-07-09T10:30:05Z", "2024-07-09T10:30:05"),
        ("2024-07-09T10:30:05.123456+02:00", "2024-07-09T08:30:05.123456"),
        ("2024-07-09 10:30:05 -0500", "2024-07-09T15:30:05"),
        ("2024-07-09 10:30:05 UTC", "2024-07-09T10:30:05"),
        ("2022-03-09T02:36:35", "2022-03-09T01:36:35"),
        ("9.7.2024", "2024-07-08T22:00:00"),
        ("09.07.2024 10:30", "2024-07-09T08:30:00"),
        ("25/12/2023", "2023-12-24T23:00:00"),
        ("12/25/2023 2:30 PM", "2023-12-25T13:30:00"),
        ("05/05/2024", "2024-05-04T22:00:00"),
        ("2024/7/9", "2024-07-08T22:00:00"),
        ("9 Jul 2024", "2024-07-08T22:00:00"),
        ("July 9, 2024 at 12:05 AM", "2024-07-08T22:05:00"),
        ("20240709", "2024-07-08T22:00:00"),
    ],
)
def test_dates_are_read_as_shops_write_them(text: str, utc: str) -> None:
    at = read_moment(BERLIN, NOW)(text)
    assert at is not None
    assert at.astimezone(UTC).replace(tzinfo=None).isoformat() == utc


@pytest.mark.parametrize(("day_first", "month"), [(True, 4), (False, 3)])
def test_who_says_which_comes_first_has_ambiguous_dates_read(day_first: bool, month: int) -> None:
    at = read_moment(UTC, NOW, day_first=day_first)("03/04/2024")
    assert at is not None
    assert (at.month, at.day) == (month, 7 - month)


@pytest.mark.parametrize(
    "text",
    [
        "03/04/2024", "31/31/2024", "2024-02-30", "yesterday", "45123", "1/2/24", "0001-01-01", "1969-12-31",
        "9999-12-31", "2027-01-01", "12:30", "2024-01-01T25:00", "2024-01-01 10:00 +99:00", "13:00 PM 2024",
        "Foo 9, 2024",
    ],
)  # fmt: skip
def test_dates_that_tell_nothing_sure_are_refused(text: str) -> None:
    with pytest.raises(BadValue, match=r"^Signed up: "):
        read_moment(BERLIN, NOW)(text)


@pytest.mark.parametrize("text", ["", "-", "N/A", "null", "None"])
def test_what_stands_for_nothing_is_nothing(text: str) -> None:
    assert read_moment(BERLIN, NOW)(text) is None
    assert read_consent(text) == ""


@pytest.mark.parametrize(
    ("text", "consent"),
    [("yes", "subscribed"), ("TRUE", "subscribed"), ("Opted_In", "subscribed"), ("no", "unsubscribed"),
     ("Not Subscribed", "unsubscribed"), ("NEVER_SUBSCRIBED", ""), ("unknown", "")],
)  # fmt: skip
def test_consent_in_the_words_of_shops(text: str, consent: str) -> None:
    assert read_consent(text) == consent


def test_consent_that_is_neither_is_refused() -> None:
    with pytest.raises(BadValue, match="neither yes nor no"):
        read_consent("perhaps")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7705686567229", "7705686567229"),
        ('{"ecommerce": "7705"}', "7705"),
        ('{"ecommerce": null}', ""),
        ("gid://shopify/Customer/7705", "7705"),
    ],
)
def test_ids_come_out_of_their_wrapping(text: str, value: str) -> None:
    assert read_id("Shopify id")(text) == value


def test_tags_count_once_and_in_order() -> None:
    assert read_tags(" b, a ,b,, c") == ["b", "a", "c"]
    assert read_tags(" , ") is None
    with pytest.raises(BadValue):
        read_tags("x" * 101)
    with pytest.raises(BadValue):
        read_tags(",".join(map(str, range(251))))


def test_control_characters_are_cleaned_away() -> None:
    assert clean(" A\x07n\x00n\u202e\tB\r\nC\x85 ") == "Ann B  C"
    assert clean("e\u0301") == "é"
    assert clean("ok\ud800") == "ok?"


@pytest.mark.parametrize(
    ("text", "first_last"),
    [("Ann Lee", ("Ann", "Lee")), ("Lee, Ann Mary", ("Ann Mary", "Lee")), ("Ann Mary Lee", ("Ann Mary", "Lee")),
     ("Ann", ("Ann", ""))],
)  # fmt: skip
def test_full_names_are_taken_apart(text: str, first_last: tuple[str, str]) -> None:
    assert split_name(text) == first_last


def read(fields: dict[str, int], *cells: str, attributes: dict[str, int] | None = None) -> tuple[dict[str, Any], str]:
    values, wrong = RowReader(Layout("other", fields, attributes or {}), BERLIN, NOW).read(cells)
    return dict(zip(COLUMNS, values, strict=True)), wrong


def test_a_row_is_read_whole_and_its_first_trouble_told() -> None:
    values, wrong = read({"email": 0, "full_name": 1, "phone": 2}, "a@b.example", "Ann Lee", "x" * 51)
    assert (values["first_name"], values["last_name"], values["phone"]) == ("Ann", "Lee", "")
    assert wrong == "Phone has 51 characters; at most 50 fit."


def test_attributes_keep_what_is_said_and_nothing_else() -> None:
    values, wrong = read({"email": 0}, "a@b.example", "Köln", "", attributes={"City": 1, "Size": 2})
    assert (values["attributes"], wrong) == ({"City": "Köln"}, "")
    assert read({"email": 0}, "a@b.example", "x" * 5_001, attributes={"Note": 1})[1].startswith("“Note” has 5,001")


@pytest.mark.parametrize("cell", ["[1]", "{", '{"a": [1]}', '{"a": NaN}', '{"a": 1e999}', "[" * 5_000])
def test_attributes_that_no_database_can_hold_are_refused(cell: str) -> None:
    assert read({"email": 0, "all_attributes": 1}, "a@b.example", cell)[1].startswith("Attributes: ")


def test_attributes_of_our_own_export() -> None:
    values, wrong = read({"email": 0, "all_attributes": 1}, "a@b.example", '{"a": "x\\u0000y", "b": 1, "c": null}')
    assert (values["attributes"], wrong) == ({"a": "xy", "b": 1}, "")
