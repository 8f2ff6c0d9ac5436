"""Customers as files, and back again."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from django.test import Client

from customers.models import Customer
from customers.resources import customer_rows
from portal.models import AuditEntry, Store, User
from tests.conftest import make_customer, make_store, make_user
from tests.customers.conftest import PAGES, Importer, body, people, table, told

pytestmark = pytest.mark.django_db

HEADERS = [
    "Email", "First name", "Last name", "Phone", "Signed up", "Acquisition channel", "Tags", "Marketing consent",
    "Shopify id", "Recharge id", "Attributes",
]  # fmt: skip
FIELDS = (
    "email", "email_key", "first_name", "last_name", "phone", "signed_up_at", "acquisition_channel", "tags",
    "attributes", "shopify_id", "recharge_id", "marketing_consent",
)  # fmt: skip


@pytest.fixture
def crowd(store: Store, other_store: Store) -> None:
    make_customer(
        store, "Ann@x.example", first_name='=HYPERLINK("x")', last_name="-Lee", phone="+1 555", tags=["ä", "b c"],
        signed_up_at=datetime(2026, 7, 9, 16, 30, 1, 123456, tzinfo=UTC), acquisition_channel="@ads",
        attributes={"City": "Köln", "Note": "two\nlines, \"quoted\""}, shopify_id="00123",
        marketing_consent="subscribed",
    )  # fmt: skip
    make_customer(store, "bob@x.example", first_name="'=quoted", last_name="Li", marketing_consent="unsubscribed")
    make_customer(store, "ö@x.example", phone="'0151")
    make_customer(other_store, "theirs@x.example")


def export(client: Client, kind: str, query: str = "") -> Any:
    response = client.post(f"{PAGES}export/{query}", {"kind": kind})
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    return response


def test_the_csv_holds_what_the_filter_shows(client: Client, crowd: None) -> None:
    rows = table(body(export(client, "csv")))
    assert rows[0] == HEADERS
    assert [row[0] for row in rows[1:]] == ["Ann@x.example", "bob@x.example", "ö@x.example"]
    assert rows[1][1:9] == [
        "'=HYPERLINK(\"x\")", "'-Lee", "'+1 555", "2026-07-09 12:30:01.123456-04:00", "'@ads", "ä, b c",
        "subscribed", "00123",
    ]  # fmt: skip
    found = table(body(export(client, "csv", "?q=bob&consent=unsubscribed")))
    assert [row[0] for row in found[1:]] == ["bob@x.example"]


def test_no_cell_of_a_workbook_is_a_formula(client: Client, crowd: None) -> None:
    response = export(client, "xlsx", "?q=ann")
    sheet: Any = openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content))).active
    rows = list(sheet.iter_rows())
    assert [cell.value for cell in rows[0]] == HEADERS
    assert {cell.data_type for cell in rows[1] if cell.value is not None} == {"s"}
    assert rows[1][1].value == '\'=HYPERLINK("x")'


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_read_back_is_what_was_exported(
    client: Client, crowd: None, importer: Importer, store: Store, kind: str
) -> None:
    response = export(client, kind)
    data = b"".join(response.streaming_content)
    before = {key: {name: getattr(one, name) for name in FIELDS} for key, one in people(store).items()}
    assert told(importer.bring(data, f"export.{kind}")) == {"unchanged": 3}
    Customer.objects.for_store(store).delete()
    assert told(importer.bring(data, f"export.{kind}")) == {"created": 3}
    assert {key: {name: getattr(one, name) for name in FIELDS} for key, one in people(store).items()} == before


def test_an_export_is_audited_without_the_words_that_were_searched(client: Client, crowd: None, manager: User) -> None:
    body(export(client, "csv", "?q=bob&consent=unsubscribed&tag=&since=2020-01-01"))
    entry = AuditEntry.everywhere.get()
    assert (entry.verb, entry.object_label, entry.actor_id) == ("exported", "Customers", manager.pk)
    said = ["those who match a search", "Marketing consent: Unsubscribed", "Signed up from: 2020-01-01"]
    assert entry.changes == {"file": "csv", "which": said, "customers": [None, 1]}
    b"".join(export(client, "xlsx").streaming_content)
    assert AuditEntry.everywhere.latest("pk").changes == {
        "file": "xlsx",
        "which": ["all customers"],
        "customers": [None, 3],
    }


def test_only_who_may_export_does(crowd: None, viewer: User, stranger: User, client_of: Callable[..., Client]) -> None:
    assert client_of(viewer).post(f"{PAGES}export/").status_code == 403
    assert client_of(stranger).post(f"{PAGES}export/").status_code == 404
    assert client_of(make_user("m@m.example", manager=make_store("elm"))).get(f"{PAGES}export/").status_code == 404
    assert not AuditEntry.everywhere.exists()


def test_looking_at_the_address_exports_nothing(client: Client, crowd: None) -> None:
    assert client.get(f"{PAGES}export/").status_code == 405


def test_the_template_is_known_to_the_import(client: Client, importer: Importer) -> None:
    text = body(client.get(f"{PAGES}template/"))
    assert table(text) == [HEADERS[:-1]]
    assert importer.check(text).source == "template"
    book: Any = client.get(f"{PAGES}template/?kind=xlsx")
    assert importer.check(b"".join(book.streaming_content), "template.xlsx").source == "template"


def test_an_export_keeps_memory_flat(store: Store) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    Customer.everywhere.bulk_create(
        (
            Customer(
                store=store,
                email=f"p{n}@x.example",
                email_key=f"p{n}@x.example",
                signed_up_at=now,
                attributes={"n": "x" * 500},
            )
            for n in range(20_000)
        ),
        batch_size=1_000,
    )
    rows = customer_rows(Customer.objects.for_store(store), store.zone)
    next(rows)
    tracemalloc.start()
    count = 1 + sum(1 for _ in rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 25_000_000
