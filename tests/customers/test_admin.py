"""Customers in the Django admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.models import Customer
from portal.models import AuditEntry, Store, User
from tests.conftest import make_customer
from tests.customers.conftest import Importer, body, table

pytestmark = pytest.mark.django_db

ADMIN = "/admin/customers/customer/"
CSV = "0"


@pytest.fixture
def admin(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin@x.example", "a-long-test-password"))
    return client


@pytest.fixture
def ann(store: Store, other_store: Store) -> Customer:
    make_customer(other_store, "theirs@x.example", last_name="Lee")
    return make_customer(store, "ann@x.example", first_name="=Ann", last_name="Lee", tags=["a"], phone="+1")


def filled(client: Client, url: str) -> dict[str, Any]:
    form = client.get(url).context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    data |= {"signed_up_at_0": "2026-01-01", "signed_up_at_1": "10:00:00"}
    return {name: value for name, value in data.items() if value is not None}


def test_customers_are_found_and_never_deleted(admin: Client, ann: Customer) -> None:
    page = body(admin.get(f"{ADMIN}?q=LEE&store__id__exact={ann.store_id}"))
    assert "ann@x.example" in page
    assert "theirs@x.example" not in page
    assert "delete_selected" not in page
    assert admin.post(f"{ADMIN}{ann.pk}/delete/").status_code == 403
    assert Customer.everywhere.count() == 2


def test_a_change_goes_by_the_portals_rules(admin: Client, ann: Customer) -> None:
    url = f"{ADMIN}{ann.pk}/change/"
    response = admin.post(
        url, filled(admin, url) | {"email": "Li <li@x.example>", "email_key": "evil", "tags": '["b"]'}
    )
    assert response.status_code == 302
    before = ann.changed_at
    ann.refresh_from_db()
    assert (ann.email, ann.email_key, ann.tags) == ("li@x.example", "li@x.example", ["b"])
    assert ann.changed_at > before
    entry = AuditEntry.everywhere.get()
    assert (entry.verb, entry.object_label) == ("changed", f"Customer {ann.pk}")
    assert {"email", "tags"} <= set(entry.changes)
    assert set(entry.changes.values()) == {None}


def test_an_address_that_is_taken_is_refused(admin: Client, ann: Customer, store: Store, other_store: Store) -> None:
    make_customer(store, "bob@x.example")
    url = f"{ADMIN}{ann.pk}/change/"
    response = admin.post(url, filled(admin, url) | {"email": "BOB@x.example"})
    assert "A customer of this store has this address already." in body(response)
    add = f"{ADMIN}add/"
    new = filled(admin, add) | {"email": "theirs@x.example", "tags": "[]", "attributes": "{}"}
    assert "already" in body(admin.post(add, new | {"in_store": other_store.pk}))
    assert admin.post(add, new | {"in_store": store.pk}).status_code == 302
    assert Customer.objects.for_store(store).filter(email_key="theirs@x.example").exists()


def test_an_export_neutralises_and_is_audited(admin: Client, ann: Customer) -> None:
    form = admin.get(f"{ADMIN}export/?q=ann").context["form"]
    chosen = dict.fromkeys(set(form.fields) - {"resource", "format", "export_items"}, "on")
    response = admin.post(f"{ADMIN}export/?q=ann", {**chosen, "resource": "0", "format": CSV})
    rows = table(body(response))
    assert rows[1][:4] == ["ann@x.example", "'=Ann", "Lee", "'+1"]
    assert len(rows) == 2
    assert AuditEntry.everywhere.get().verb == "exported"


def bring(admin: Client, store: Store, text: str) -> Any:
    response = admin.post(
        f"{ADMIN}import/",
        {
            "in_store": store.pk,
            "format": CSV,
            "resource": "0",
            "import_file": SimpleUploadedFile("a.csv", text.encode()),
        },
    )
    confirm = response.context.get("confirm_form")
    if confirm is None:
        return response
    return admin.post(f"{ADMIN}process_import/", confirm.initial)


def test_an_import_goes_into_the_chosen_store_by_the_portals_rules(
    admin: Client, ann: Customer, store: Store, other_store: Store
) -> None:
    ann.marketing_consent = "unsubscribed"
    ann.save()
    text = (
        "Email,First name,Phone,Marketing consent,Attributes\n"
        'ANN@x.example,,\'+2,yes,\ntheirs@x.example,New,,yes,"{""City"": ""Bonn""}"\n'
    )
    response = bring(admin, store, text)
    assert response.status_code == 302
    ann.refresh_from_db()
    assert (ann.first_name, ann.phone, ann.marketing_consent) == ("=Ann", "+2", "unsubscribed")
    new = Customer.objects.for_store(store).get(email_key="theirs@x.example")
    assert (new.first_name, new.marketing_consent, new.attributes) == ("New", "subscribed", {"City": "Bonn"})
    assert Customer.objects.for_store(other_store).get().first_name == ""
    assert set(AuditEntry.everywhere.values_list("object_label", flat=True)) == {
        f"Customer {ann.pk}",
        f"Customer {new.pk}",
    }


def test_an_import_that_cannot_be_says_why_and_changes_nothing(admin: Client, ann: Customer, store: Store) -> None:
    response = bring(admin, store, "Email,Signed up\nnobody,\nann@x.example,someday\n")
    assert response.status_code == 200
    page = body(response)
    assert "no @" in page
    assert "is not a date" in page
    assert not AuditEntry.everywhere.exists()


def test_files_and_their_rows_are_looked_at_only(admin: Client, importer: Importer) -> None:
    upload = importer.bring("Email\nann@x.example\n")
    for model in ("customerimport", "customerimportrow"):
        page = body(admin.get(f"/admin/customers/{model}/?q=people.csv"))
        assert "people.csv" in page
        assert admin.get(f"/admin/customers/{model}/add/").status_code == 403
    page = body(admin.get(f"/admin/customers/customerimport/{upload.pk}/change/"))
    assert "sheets/" not in page
    assert 'name="filename"' not in page
