"""Files of orders: Shopify's export, our template, others; from the check to the report."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from customers import actions
from customers.models import Customer, CustomerImport, CustomerImportRow, Order, OrderLine, Product, TouchedCustomer
from portal.models import AuditEntry, Job, Store, User
from tests.conftest import make_customer
from tests.customers.conftest import PAGES, Importer, body, rows, table, told

pytestmark = pytest.mark.django_db

SHOPIFY = """
Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes
Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price
Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status
Billing Name,Notes,Note Attributes,Cancelled at,Payment Method,Refunded Amount,Vendor,Id,Tags,Risk Level,Source
Lineitem discount
""".strip().replace("\n", ",")
TEMPLATE = "Order,E-mail,Placed,Total,Currency,Discount,Product,Quantity,Price\n"


def shopify(*lines: dict[str, str]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, SHOPIFY.split(","), restval="")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


FIRST = {
    "Name": "#1001", "Email": "ann@x.example", "Financial Status": "paid", "Paid at": "2026-03-09 02:36:40 -0500",
    "Currency": "USD", "Subtotal": "30.00", "Shipping": "5.00", "Taxes": "2.00", "Total": "37.00",
    "Discount Code": "SPRING", "Discount Amount": "6.00", "Created at": "2026-03-09 02:36:35 -0500",
    "Lineitem quantity": "2", "Lineitem name": "Guji - 250 g", "Lineitem price": "12.00", "Lineitem sku": "GUJI",
    "Refunded Amount": "0.00", "Id": "5001", "Tags": "Subscription, Subscription Recurring Order", "Source": "web",
    "Lineitem discount": "0.00",
}  # fmt: skip
SECOND = {
    "Name": "#1001", "Email": "ann@x.example", "Created at": "2026-03-09 02:36:35 -0500", "Lineitem quantity": "1",
    "Lineitem name": "Filter papers", "Lineitem price": "12.00", "Lineitem sku": "'0099",
}  # fmt: skip


@pytest.fixture
def orders(importer: Importer) -> Importer:
    return importer.of("orders")


@pytest.fixture
def ann(store: Store) -> Customer:
    return make_customer(store, "ann@x.example", shopify_id="77")


def all_orders(store: Store) -> dict[str, Order]:
    return {order.external_id: order for order in Order.objects.for_store(store)}


def lines_of(order: Order) -> list[tuple[str, int, Decimal]]:
    found = OrderLine.objects.for_store(order.store).filter(order=order).order_by("position")
    return [(line.title, line.quantity, line.price) for line in found]


def test_a_shopify_export_row_by_row_is_one_order(orders: Importer, store: Store, ann: Customer) -> None:
    upload = orders.check(shopify(FIRST, SECOND), "orders_export_1.csv")
    assert (upload.kind, upload.source, told(upload)) == ("orders", "shopify", {"created": 1, "joined": 1})
    assert not all_orders(store)
    page = body(orders.client.get(upload.get_absolute_url()))
    assert "A Shopify order export" in page
    assert "New orders" in page
    orders.start(upload)
    assert told(upload) == {"created": 1, "joined": 1}
    (order,) = all_orders(store).values()
    assert (order.source, order.external_id, order.number, order.customer_id) == ("shopify", "5001", "#1001", ann.pk)
    assert (order.status, order.kind, order.discount_codes) == ("paid", "recurring", "SPRING")
    assert (order.subtotal, order.discount, order.total) == (Decimal(36), Decimal(6), Decimal(37))
    assert order.placed_at == datetime(2026, 3, 9, 7, 36, 35, tzinfo=UTC)
    assert order.told_at == datetime(2026, 3, 9, 7, 36, 40, tzinfo=UTC)
    assert lines_of(order) == [("Guji - 250 g", 2, Decimal(12)), ("Filter papers", 1, Decimal(12))]
    known = Product.objects.for_store(store).values_list("external_id", "title")
    assert set(known) == {("sku:GUJI", "Guji - 250 g"), ("sku:0099", "Filter papers")}
    assert TouchedCustomer.objects.for_store(store).filter(customer=ann).exists()


def test_what_the_shop_noted_with_an_order_tells_its_channel(orders: Importer, store: Store, ann: Customer) -> None:
    noted = "gift: for Ann: with love\nutm_source: tiktok\r\nutm_medium: paid_social\nno pair"
    orders.bring(shopify({**FIRST, "Note Attributes": noted}, SECOND, {**FIRST, "Name": "#1002", "Id": "5002"}))
    assert {key: order.channel for key, order in all_orders(store).items()} == {"5001": "paid social", "5002": ""}


def test_the_same_file_again_changes_nothing(orders: Importer, store: Store, ann: Customer) -> None:
    content = shopify(FIRST, SECOND)
    orders.bring(content)
    before = list(Order.everywhere.values()), list(OrderLine.everywhere.values())
    again = orders.bring(content, "again.csv")
    assert told(again) == {"unchanged": 1, "joined": 1}
    assert (list(Order.everywhere.values()), list(OrderLine.everywhere.values())) == before


def test_a_newer_export_updates_and_an_older_one_does_not(orders: Importer, store: Store, ann: Customer) -> None:
    orders.bring(shopify(FIRST, SECOND))
    gone = {**FIRST, "Cancelled at": "2026-03-11 10:00:00 -0500", "Refunded Amount": "37.00"}
    assert told(orders.bring(shopify(gone, SECOND))) == {"updated": 1, "joined": 1}
    order = all_orders(store)["5001"]
    assert (order.status, order.refunded) == ("cancelled", Decimal(37))
    late = orders.check(shopify(FIRST, SECOND))
    assert told(late) == {"older": 1, "joined": 1}
    orders.start(late)
    assert all_orders(store)["5001"].status == "cancelled"


def test_every_row_is_accounted_for(orders: Importer, store: Store, ann: Customer) -> None:
    content = shopify(
        FIRST,
        SECOND,
        {**FIRST, "Name": "#1002", "Id": "5002", "Email": "stranger@x.example"},
        {**FIRST, "Name": "#1003", "Id": "5003", "Total": "37,oo"},
        {**SECOND, "Name": "#1003"},
        {**SECOND, "Name": "#1999"},
        {**FIRST, "Name": "#1004", "Id": "5004", "Email": "no address"},
        {**FIRST, "Name": "#1005", "Id": "5005", "Created at": "03/04/2026"},
        {**FIRST, "Name": "#1006", "Id": "5006", "Financial Status": "mislaid"},
        FIRST,
    )
    upload = orders.bring(content)
    assert told(upload) == {"created": 1, "unmatched": 1, "invalid": 6, "repeated": 2}
    assert list(all_orders(store)) == ["5001"]
    assert lines_of(all_orders(store)["5001"]) == [("Guji - 250 g", 2, Decimal(12))]
    found = rows(upload)
    assert found[2] == found[3] == ("repeated", "It comes again in a later row; the last one counts.")
    assert found[4] == ("unmatched", "Nobody here is known by the address or the id that this row has.")
    assert found[5] == ("invalid", "Total: “37,oo” is not an amount.")
    assert found[6] == ("invalid", "The row that begins it is not in the file, or cannot be used.")
    assert found[8][1].startswith("Not an e-mail address")
    assert "may begin with the day or the month" in found[9][1]
    assert found[10][1].startswith("Status: “mislaid” is none of")
    assert found[11] == ("created", "")
    assert not Customer.objects.for_store(store).filter(email_key="stranger@x.example").exists()


def test_the_report_can_be_taken_out_by_outcome(orders: Importer, ann: Customer) -> None:
    upload = orders.bring(shopify(FIRST, {**FIRST, "Name": "#2", "Id": "2", "Email": "eve@x.example"}))
    found = table(body(orders.client.get(f"{PAGES}imports/{upload.pk}/report/?result=unmatched")))
    assert [row[:3] for row in found] == [["Line", "E-mail", "Result"], ["3", "eve@x.example", "Nobody's here"]]
    whole = table(body(orders.client.get(f"{PAGES}imports/{upload.pk}/report/")))
    assert [row[2] for row in whole] == ["Result", "New", "Nobody's here"]


def test_our_template_with_lines_of_one_order(orders: Importer, store: Store, ann: Customer) -> None:
    content = (
        TEMPLATE
        + "A1,ann@x.example,2026-03-09,,,,Guji,2,12.50\n"
        + "A1,ann@x.example,2026-03-09,,,,Papers,1,3\n"
        + "A1,ann@x.example,2026-03-09,,,,Papers,1,3\n"
        + 'A2,ann@x.example,2026-03-10,"$1,234.50",eur,,,,\n'
    )
    upload = orders.bring(content)
    assert (upload.source, told(upload)) == ("template", {"created": 2, "joined": 1, "repeated": 1})
    first, second = all_orders(store)["A1"], all_orders(store)["A2"]
    assert (first.source, first.total, first.currency) == ("file", Decimal(28), store.currency)
    assert lines_of(first) == [("Guji", 2, Decimal("12.5")), ("Papers", 1, Decimal(3))]
    assert (second.total, second.currency, lines_of(second)) == (Decimal("1234.5"), "EUR", [])


def test_an_order_is_taken_in_whole_or_not(orders: Importer, store: Store, ann: Customer) -> None:
    content = TEMPLATE + "A1,ann@x.example,2026-03-09,,,,Guji,2,12\n" + "A1,ann@x.example,2026-03-09,,,,Papers,x,3\n"
    upload = orders.bring(content)
    assert told(upload) == {"invalid": 2}
    assert rows(upload)[2][1] == "Another row of it is invalid; it is taken in whole, or not at all."
    assert rows(upload)[3][1] == "Quantity: “x” is not a whole number."
    assert not all_orders(store)


def test_a_corrected_file_of_ones_own_is_the_newer_word(orders: Importer, store: Store, ann: Customer) -> None:
    orders.bring(TEMPLATE + "A1,ann@x.example,2026-03-09,10,,,,,\n")
    assert told(orders.bring(TEMPLATE + "A1,ann@x.example,2026-03-08,12,,,,,\n")) == {"updated": 1}
    assert all_orders(store)["A1"].total == Decimal(12)


def test_any_other_file_says_what_its_columns_are(orders: Importer, store: Store, ann: Customer) -> None:
    upload = orders.upload("Beleg;Kunde Shopify;Tag;Summe\n7;77;04/03/2026;1.234,50 €\n8;78;04/03/2026;1\n")
    page = body(orders.client.get(upload.get_absolute_url(), follow=True))
    assert "What are the columns?" in page
    at = f"{PAGES}imports/{upload.pk}/columns/"
    choices = ("order", "shopify_id", "", "total")
    refused = orders.client.post(at, {f"column_{index}": name for index, name in enumerate(choices)})
    assert refused.status_code == 422
    assert "Choose the column that says when the order was placed." in body(refused)
    choices = ("order", "shopify_id", "placed_at_day_first", "total")
    answer = orders.client.post(at, {f"column_{index}": name for index, name in enumerate(choices)})
    assert answer.status_code == 302
    orders.run_jobs()
    orders.start(upload)
    assert told(upload) == {"created": 1, "unmatched": 1}
    order = all_orders(store)["7"]
    assert (order.total, order.customer_id) == (Decimal("1234.5"), ann.pk)
    assert order.placed_at.astimezone(store.zone).date().isoformat() == "2026-03-04"


def test_people_who_come_between_check_and_import_are_found(orders: Importer, store: Store, owner: User) -> None:
    upload = orders.check(shopify(FIRST, SECOND))
    assert told(upload) == {"unmatched": 1, "joined": 1}
    actions.add_customer(store, actor=owner, email="ann@x.example")
    orders.start(upload)
    assert told(upload) == {"created": 1, "joined": 1}
    assert len(lines_of(all_orders(store)["5001"])) == 2


def test_orders_larger_than_a_window(
    orders: Importer, store: Store, ann: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 2, "postgresql": 2})
    more = [{**SECOND, "Lineitem name": f"Thing {number}", "Lineitem sku": f"T{number}"} for number in range(7)]
    upload = orders.bring(shopify(FIRST, *more, {**FIRST, "Name": "#2", "Id": "2"}))
    assert told(upload) == {"created": 2, "joined": 7}
    assert len(lines_of(all_orders(store)["5001"])) == 8


def test_other_stores_people_and_orders_are_others(
    orders: Importer, store: Store, other_store: Store, ann: Customer
) -> None:
    make_customer(other_store, "stranger@x.example")
    upload = orders.bring(shopify({**FIRST, "Email": "stranger@x.example"}))
    assert told(upload) == {"unmatched": 1}
    assert not Order.everywhere.exists()


def test_erased_people_are_told_as_such_and_nothing_of_them_is_kept(
    orders: Importer, store: Store, ann: Customer, owner: Any, client_of: Callable[..., Any]
) -> None:
    page = client_of(owner)
    upload = orders.check(shopify(FIRST, SECOND))
    answer = page.post(f"{PAGES}{ann.pk}/erase/", {"confirm": "ann@x.example"})
    assert answer.status_code == 302, body(answer)[:3000]
    orders.run_jobs()
    kept = list(CustomerImportRow.everywhere.filter(upload=upload).values_list("email", "key", "said", "verdict"))
    assert kept == [("", "", None, "erased")] * 2
    again = orders.bring(shopify(FIRST, SECOND))
    assert told(again)["erased"] >= 1
    assert not Order.everywhere.exists()
    assert "1001" not in str(list(CustomerImportRow.everywhere.filter(upload=again).values()))


@pytest.mark.parametrize("name", ["Price", "Total"])
def test_amounts_that_could_be_two_are_refused(orders: Importer, ann: Customer, name: str) -> None:
    upload = orders.check(f'Order,E-mail,Placed,{name}\nA1,ann@x.example,2026-03-09,"1,234"\n')
    assert rows(upload)[2][1] == f"{name}: “1,234” may have thousands or decimals. Write it as 1234.00."


def test_a_row_with_a_price_and_no_product_is_invalid(orders: Importer, store: Store, ann: Customer) -> None:
    more = {**SECOND, "Lineitem name": "", "Lineitem sku": ""}
    upload = orders.bring(shopify(FIRST, more))
    assert rows(upload)[3] == ("invalid", "Product: this is empty.")
    assert rows(upload)[2][0] == "invalid"
    alone = orders.bring("Order,E-mail,Placed,Price\nA1,ann@x.example,2026-03-09,12.00\n")
    assert rows(alone)[2] == ("invalid", "Total: this is empty.")


def test_a_formula_in_a_cell_is_text(orders: Importer, store: Store, ann: Customer) -> None:
    line = {**FIRST, "Lineitem name": "'=1+1", "Discount Code": "'@SUM(A1)"}
    orders.bring(shopify(line))
    assert lines_of(all_orders(store)["5001"])[0][0] == "=1+1"
    assert all_orders(store)["5001"].discount_codes == "@SUM(A1)"


def test_who_did_it_stands_in_the_audit(orders: Importer, store: Store, ann: Customer) -> None:
    upload = orders.bring(shopify(FIRST))
    entries = AuditEntry.objects.for_store(store).filter(object_id=upload.pk, verb__in=("confirmed", "imported"))
    assert {entry.verb for entry in entries} == {"confirmed", "imported"}
    assert not Job.everywhere.exclude(state="succeeded").exists()


def test_templates_are_read_as_what_they_are(orders: Importer) -> None:
    for kind in ("orders", "subscriptions", "events"):
        for query in ("", "?kind=xlsx"):
            answer: Any = orders.client.get(f"{PAGES}template/{kind}/{query}")
            content = b"".join(answer.streaming_content)
            upload = orders.of(kind).upload(content, "t.xlsx" if query else "t.csv")
            assert (upload.kind, upload.source) == (kind, "template")


def test_the_list_of_imports_says_of_what_they_are(orders: Importer, ann: Customer) -> None:
    orders.bring(shopify(FIRST))
    page = body(orders.client.get(f"{PAGES}imports/"))
    assert "A Shopify order export" in page
    assert ">Orders<" in page
    assert CustomerImport.everywhere.get().kind == "orders"
