"""Writing sets: what goes in comes out, whatever characters it is made of, on either database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.models import Customer, CustomerImport, CustomerImportRow
from portal import sets
from portal.models import Store

pytestmark = pytest.mark.django_db
SILENT = ("email", "reason", "last_name", "phone", "acquisition_channel", "shopify_id", "recharge_id",
          "marketing_consent")  # fmt: skip
TOLD = ("email_key", "verdict", "first_name", "tags", "attributes", "customer_id", "signed_up_at")
ODD = [
    "",
    "\\",
    "\\N",
    "\\.",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "'",
    '"',
    "{}",
    "{a,b}",
    "NULL",
    ",",
    "é",
    "😀",
    "\u202e",
    "\x01",
]


@pytest.fixture
def upload(store: Store) -> CustomerImport:
    made: CustomerImport = CustomerImport.objects.create_for(store, filename="x.csv", size=1, sha256="")
    return made


def written(store: Store, upload: CustomerImport, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    full = [(store.pk, upload.pk, line, *[""] * len(SILENT), *rest) for line, rest in enumerate(rows)]
    assert sets.load(CustomerImportRow, ("store", "upload", "line", *SILENT, *TOLD), full) == len(rows)
    found = CustomerImportRow.objects.for_store(store).filter(upload=upload).order_by("line")
    return list(found.values_list(*TOLD))


def row(text: str, value: Any = None, customer: int | None = None, at: datetime | None = None) -> tuple[Any, ...]:
    return text, "pending", text, value, {"said": text, "more": value}, customer, at


def test_odd_texts_are_loaded_as_they_are(store: Store, upload: CustomerImport) -> None:
    rows = [row(text, [text, 1, None, True, 1.5]) for text in ODD]
    assert written(store, upload, rows) == rows


def test_nothing_numbers_and_moments_are_loaded_as_they_are(store: Store, upload: CustomerImport) -> None:
    moment = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=timezone(timedelta(hours=-9, minutes=-30)))
    rows = [row("a"), row("b", [], 2**62, moment), row("c", {}, -1, datetime(1970, 1, 1, tzinfo=UTC))]
    assert written(store, upload, rows) == rows


def test_more_rows_than_are_written_at_once(store: Store, upload: CustomerImport) -> None:
    rows = [row(f"n{number}\t" if number % 1_000 == 999 else f"n{number}") for number in range(4_321)]
    assert written(store, upload, rows) == rows


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)


@given(st.lists(TEXTS, min_size=1, max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back(store: Store, upload: CustomerImport, texts: list[str]) -> None:
    CustomerImportRow.everywhere.all().delete()
    rows = [row(text, [text]) for text in texts]
    assert written(store, upload, rows) == rows


@given(st.lists(TEXTS, min_size=1, max_size=20, unique=True), TEXTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_among_finds_those_and_no_others(store: Store, upload: CustomerImport, texts: list[str], other: str) -> None:
    CustomerImportRow.everywhere.all().delete()
    there = [*texts, *([other] if other not in texts else [])]
    written(store, upload, [row(text) for text in there])
    found = CustomerImportRow.objects.for_store(store).filter(email_key__among=texts)
    assert sorted(found.values_list("email_key", flat=True)) == sorted(texts)


def test_among_nothing_is_nobody(store: Store) -> None:
    assert not Customer.objects.for_store(store).filter(pk__among=[]).exists()


@pytest.mark.parametrize("count", [0, 1, 10_000, 10_001, 25_000])
def test_handfuls_are_all_of_it_in_order(count: int) -> None:
    handfuls = list(sets.handfuls(range(count)))
    assert [value for some in handfuls for value in some] == list(range(count))
    assert all(0 < len(some) <= 10_000 for some in handfuls)


def test_a_column_nobody_has_said_how_to_write_is_refused(store: Store) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite writes values as Django does")
    with pytest.raises(TypeError, match="cannot be loaded"):
        sets.load(CustomerImport, ("filename", "file"), [("x", "y")])
