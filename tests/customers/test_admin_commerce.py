"""Orders, subscriptions, events and products in the Django admin."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.models import Customer, Order, OrderLine, Subscription, TouchedCustomer
from portal.models import AuditEntry, Store
from tests.conftest import make_customer
from tests.customers import test_admin
from tests.customers.conftest import body, table
from tests.customers.selling import sell_something

pytestmark = pytest.mark.django_db
admin = test_admin.admin
CSV = "0"
MODELS = ("order", "subscription", "event", "product")


@pytest.fixture
def ann(store: Store, other_store: Store) -> Customer:
    sell_something(make_customer(other_store, "theirs@x.example"), "9")
    made = make_customer(store, "ann@x.example")
    sell_something(made)
    return made


def bring(client: Client, model: str, store: Store, text: str) -> Any:
    sent = {"in_store": store.pk, "format": CSV, "resource": "0"}
    sent["import_file"] = SimpleUploadedFile("a.csv", text.encode())
    response = client.post(f"/admin/customers/{model}/import/", sent)
    confirm = response.context.get("confirm_form")
    return response if confirm is None else client.post(f"/admin/customers/{model}/process_import/", confirm.initial)


def taken_out(client: Client, model: str, query: str = "") -> str:
    at = f"/admin/customers/{model}/export/{query}"
    form = client.get(at).context["form"]
    chosen = dict.fromkeys(set(form.fields) - {"resource", "format", "export_items"}, "on")
    return body(client.post(at, {**chosen, "resource": "0", "format": CSV}))


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_rows_are_looked_at_and_never_changed(admin: Client, ann: Customer, model: str) -> None:
    listed = admin.get(f"/admin/customers/{model}/")
    assert {row.store.slug for row in listed.context["cl"].result_list} == {"maple", "willow"}
    row = listed.context["cl"].result_list[0]
    assert admin.get(f"/admin/customers/{model}/{row.pk}/change/").status_code == 200
    for rest in ("add/", f"{row.pk}/change/", f"{row.pk}/delete/"):
        assert admin.post(f"/admin/customers/{model}/{rest}", {"post": "yes"}).status_code == 403
    assert admin.get(f"/admin/customers/{model}/?q=ann@x.example").status_code == 200
    assert admin.get(f"/admin/customers/{model}/?store__id__exact={ann.store_id}").status_code == 200


def test_an_order_is_shown_with_its_lines(admin: Client, ann: Customer) -> None:
    order = Order.objects.for_store(ann.store).get()
    page = body(admin.get(f"/admin/customers/order/{order.pk}/change/"))
    assert '<td class="field-title">Coffee</td>' in page


def test_an_export_of_orders_comes_in_again_as_it_was(admin: Client, ann: Customer, store: Store) -> None:
    OrderLine.objects.for_store(store).update(title="=Coffee")
    Order.objects.for_store(store).update(channel="=organic")
    text = taken_out(admin, "order", f"?store__id__exact={store.pk}")
    rows = table(text)
    assert len(rows) == 2
    assert "'=organic" in rows[1]
    assert AuditEntry.everywhere.get().verb == "exported"
    before = Order.objects.for_store(store).values().get(), list(OrderLine.objects.for_store(store).values("title"))
    TouchedCustomer.everywhere.all().delete()
    assert bring(admin, "order", store, text).status_code == 302
    assert Order.objects.for_store(store).values().get() == before[0]
    assert list(OrderLine.objects.for_store(store).values("title")) == before[1]
    assert not TouchedCustomer.everywhere.exists()


def test_an_import_of_orders_goes_through_the_door(admin: Client, ann: Customer, store: Store) -> None:
    TouchedCustomer.everywhere.all().delete()
    text = (
        "Order,E-mail,Placed,Currency,Subtotal,Total,Lines\n"
        'A1,ann@x.example,2026-03-09 10:00,EUR,12.00,12.00,"[{""title"": ""Guji"", ""price"": ""12.00""}]"\n'
    )
    assert bring(admin, "order", store, text).status_code == 302
    order = Order.objects.for_store(store).get(external_id="A1")
    assert (order.source, order.total, order.customer_id) == ("file", Decimal(12), ann.pk)
    assert OrderLine.objects.for_store(store).get(order=order).title == "Guji"
    assert TouchedCustomer.objects.for_store(store).get().customer_id == ann.pk
    assert AuditEntry.objects.for_store(store).filter(verb="imported").count() == 1


@pytest.mark.parametrize(
    "row",
    [
        "A1,stranger@x.example,2026-03-09,EUR,12,12,[]",
        "A1,theirs@x.example,2026-03-09,EUR,12,12,[]",
        "A1,ann@x.example,,EUR,12,12,[]",
        "A1,ann@x.example,2026-03-09,EURO,12,12,[]",
        "A1,ann@x.example,2026-03-09,EUR,-12,12,[]",
        'A1,ann@x.example,2026-03-09,EUR,12,12,"[{""title"": 1}]"',
        ",ann@x.example,2026-03-09,EUR,12,12,[]",
    ],
)
def test_rows_that_cannot_be_used_stop_the_import(admin: Client, ann: Customer, store: Store, row: str) -> None:
    answer = bring(admin, "order", store, f"Order,E-mail,Placed,Currency,Subtotal,Total,Lines\n{row}\n")
    assert answer.status_code == 200
    assert Order.objects.for_store(store).count() == 1


def test_subscriptions_go_out_and_in(admin: Client, ann: Customer, store: Store) -> None:
    text = taken_out(admin, "subscription", f"?store__id__exact={store.pk}")
    before = Subscription.objects.for_store(store).values().get()
    assert bring(admin, "subscription", store, text).status_code == 302
    assert Subscription.objects.for_store(store).values().get() == before
    changed = text.replace("active", "paused")
    assert bring(admin, "subscription", store, changed).status_code == 302
    assert Subscription.objects.for_store(store).get().status == "paused"
