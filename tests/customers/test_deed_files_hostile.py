"""Files of orders, subscriptions and events that mean harm, or are broken, or only strange."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from customers.imports import kinds
from customers.imports.events import EventReader
from customers.imports.figures import read_amount
from customers.imports.layouts import Layout
from customers.imports.orders import OrderReader
from customers.imports.readers import COLUMNS
from customers.imports.subscriptions import SubscriptionReader
from customers.imports.values import BadValue
from customers.models import Event, Order
from portal.models import Store
from tests.conftest import make_customer
from tests.customers.conftest import Importer, body, rows, told
from tests.fuzz.spelling import bent, text

ZONE, NOW = ZoneInfo("Europe/Berlin"), datetime(2026, 11, 22, 12, tzinfo=UTC)
READERS: dict[str, Callable[..., Any]] = {
    "orders": OrderReader,
    "subscriptions": SubscriptionReader,
    "events": EventReader,
}
LIKELY: Sequence[str] = (
    "12.50", "1,234", "-1", "1e5", "2026-03-09", "03/04/2026", "2026-03-09T10:00:00Z", "paid", "refunded", "active",
    "week", "0", "2", "99999999999999999999", '{"a": 1}', "[1]", "{", "EUR", "euro", "gid://shopify/Order/5", "=1+1",
    "@SUM(A1)", "\x00", "\u202e", "A1", "9" * 400, "", "", "",
)  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
def test_whatever_stands_in_the_cells_is_read_or_refused_in_words(kind: str) -> None:
    rng = Random(kind)
    known = kinds.KINDS[kind]
    readings = list(known.readings)
    for _ in range(4_000):
        chosen = rng.sample(readings, rng.randint(1, len(readings)))
        source = rng.choice(list(known.sources))
        layout = Layout(source, {name: index for index, name in enumerate(chosen)}, {"More": 0})
        reader = READERS[kind](layout, ZONE, NOW, "EUR")
        cells = [bent(rng, rng.choice(LIKELY)) if rng.random() < 0.4 else rng.choice(LIKELY) for _ in chosen]
        values, wrong, _ = reader.read(cells)
        assert len(values) == len(COLUMNS)
        assert isinstance(wrong, str)
        assert len(values[2]) <= 100


def test_amounts_by_chance_are_decimals_or_refused() -> None:
    rng = Random("amounts")
    for _ in range(20_000):
        given = text(rng, 8) if rng.random() < 0.3 else "".join(rng.choice("0123456789.,'€ -$eE") for _ in range(8))
        try:
            said = read_amount("Total")(given)
        except BadValue:
            continue
        assert not said or float(said) >= 0
        assert "," not in said


@pytest.mark.django_db
class TestFiles:
    def test_cells_of_formulas_are_text_and_come_out_guarded(self, importer: Importer, store: Store) -> None:
        make_customer(store, "ann@x.example")
        content = "E-mail,Event,Time\nann@x.example,=cmd|calc,2026-03-09\n+1@x.example,@x,2026-03-09\n"
        upload = importer.of("events").bring(content)
        assert told(upload) == {"created": 1, "unmatched": 1}
        assert Event.objects.for_store(store).get(customer__isnull=False).name == "=cmd|calc"
        report = body(importer.client.get(f"/s/maple/customers/imports/{upload.pk}/report/"))
        assert "'+1@x.example" in report

    def test_a_workbook_with_real_dates_and_numbers(self, importer: Importer, store: Store) -> None:
        make_customer(store, "ann@x.example")
        book, made = openpyxl.Workbook(), io.BytesIO()
        sheet = book.worksheets[0]
        sheet.append(["Order", "E-mail", "Placed", "Total", "Quantity", "Product", "Price"])
        at = datetime(2026, 3, 9, 10)  # noqa: DTZ001 - workbooks know no zones
        sheet.append([1001, "ann@x.example", at, 12.5, 2, "Guji", 6.25])
        book.save(made)
        upload = importer.of("orders").bring(made.getvalue(), "orders.xlsx")
        assert told(upload) == {"created": 1}, rows(upload)
        order = Order.objects.for_store(store).get()
        assert (order.external_id, str(order.total)) == ("1001", "12.500")
        assert order.placed_at.astimezone(store.zone).hour == 10

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
    def test_encodings(self, importer: Importer, store: Store, encoding: str) -> None:
        make_customer(store, "ann@x.example")
        content = "Order,E-mail,Placed,Total,Product\nA1,ann@x.example,2026-03-09,12,Café Zürich\n".encode(encoding)
        assert told(importer.of("orders").bring(content)) == {"created": 1}

    def test_keys_that_are_too_long_and_characters_that_are_none(self, importer: Importer, store: Store) -> None:
        make_customer(store, "ann@x.example")
        head = "Order,E-mail,Placed,Total,Product\n"
        content = head + f"{'9' * 400},ann@x.example,2026-03-09,12,x\nA\x002,ann@x.example,2026-03-09,12,\x07y\n"
        upload = importer.of("orders").bring(content)
        assert [reason for _, reason in rows(upload).values()] == [
            "Order has 400 characters; at most 100 fit.", "The row contains a NUL byte.",
        ]  # fmt: skip

    def test_every_kind_refuses_what_is_no_table(self, importer: Importer, store: Store) -> None:
        for kind in READERS:
            file = io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"\0" * 50)
            answer = importer.client.post(f"/s/maple/customers/import/{kind}/", {"file": file})
            assert answer.status_code == 422
