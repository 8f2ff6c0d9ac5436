"""One customer: looking, adding, changing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from customers import actions
from customers.models import Customer, CustomerImport
from portal.models import AuditEntry, Store, User
from tests.conftest import make_customer
from tests.customers.conftest import PAGES, Importer, body
from tests.portal.counting import at_once

pytestmark = pytest.mark.django_db


def form_of(client: Client, url: str) -> dict[str, Any]:
    """What a browser would send if nothing was changed."""
    form = client.get(url).context["form"]
    return {name: form[name].value() or "" for name in form.fields} | {"signed_up_at": "2026-01-05T10:00:00"}


@pytest.fixture
def ann(store: Store) -> Customer:
    return make_customer(
        store, "Ann@x.example", first_name="Ann", last_name="Lee", phone="+1", tags=["vip", "tea"],
        attributes={"City": "Köln"}, signed_up_at=datetime(2026, 1, 5, 15, 0, 0, 123456, tzinfo=UTC),
    )  # fmt: skip


def edit_url(customer: Customer) -> str:
    return f"{PAGES}{customer.pk}/edit/"


def test_the_page_tells_what_is_known(client: Client, ann: Customer, importer: Importer) -> None:
    importer.bring("Email,Phone,Shopify id\nann@x.example,+2,7705\n", "spring.csv")
    page = body(client.get(ann.get_absolute_url()))
    for words in ("Ann Lee", "Ann@x.example", "+2", "vip", "Köln", "7705", "5 Jan 2026, 10:00", "spring.csv"):
        assert words in page
    assert f"{PAGES}imports/{CustomerImport.everywhere.get().pk}/" in page


def test_names_from_outside_are_text_and_never_code(client: Client, store: Store) -> None:
    bad = "<script>alert(1)</script>"
    customer = make_customer(store, "x@x.example", first_name=bad, tags=[bad], attributes={bad: bad})
    for url in (customer.get_absolute_url(), PAGES, edit_url(customer)):
        assert bad not in body(client.get(url))


def test_a_change_is_kept_and_told_without_personal_data(client: Client, ann: Customer, manager: User) -> None:
    data = form_of(client, edit_url(ann)) | {"last_name": "Li", "tags": "tea, new", "marketing_consent": "unsubscribed"}
    response = client.post(edit_url(ann), data)
    assert response["Location"] == ann.get_absolute_url()
    before, ann = ann, Customer.everywhere.get()
    assert (ann.last_name, ann.tags, ann.marketing_consent) == ("Li", ["tea", "new"], "unsubscribed")
    assert ann.signed_up_at == before.signed_up_at
    assert ann.changed_at > before.changed_at
    entry = AuditEntry.everywhere.get()
    assert (entry.verb, entry.object_label, entry.actor_id) == ("changed", f"Customer {ann.pk}", manager.pk)
    assert entry.changes == {"last_name": None, "tags": None, "marketing_consent": None}
    page = body(client.get(ann.get_absolute_url()))
    (said,) = re.findall(r"Changed: (.+?)<", page)
    assert sorted(said.split(", ")) == ["last name", "marketing consent", "tags"]
    assert manager.email in page


def test_nothing_changed_writes_nothing(client: Client, ann: Customer) -> None:
    response = client.post(edit_url(ann), form_of(client, edit_url(ann)), follow=True)
    assert "Nothing was changed." in body(response)
    assert Customer.everywhere.get().changed_at == ann.changed_at
    assert not AuditEntry.everywhere.exists()


def test_two_who_edit_at_once_do_not_undo_each_other(client: Client, ann: Customer) -> None:
    mine, theirs = form_of(client, edit_url(ann)), form_of(client, edit_url(ann))
    client.post(edit_url(ann), theirs | {"phone": "+9"})
    response = client.post(edit_url(ann), mine | {"first_name": "Mine"})
    assert response.status_code == 422
    said = body(response)
    assert re.search(r"manager@maple.example \([^)]+\) changed this customer meanwhile, so nothing was saved", said)
    assert "By now: +9" in said
    assert "By now: Ann" in said
    assert "Mine" in said
    assert (Customer.everywhere.get().first_name, Customer.everywhere.get().phone) == ("Ann", "+9")
    assert client.post(edit_url(ann), mine | {"seen_at": "nonsense"}).status_code == 422
    seen = re.search(r'name="seen_at" value="([^"]+)"', said)
    assert seen is not None
    knowingly = mine | {"first_name": "Mine", "phone": "+9", "seen_at": seen[1]}
    assert client.post(edit_url(ann), knowingly).status_code == 302
    assert (Customer.everywhere.get().first_name, Customer.everywhere.get().phone) == ("Mine", "+9")


def test_an_import_counts_as_someone_else(client: Client, ann: Customer, importer: Importer) -> None:
    mine = form_of(client, edit_url(ann))
    importer.bring("Email,Phone\nann@x.example,+2\n")
    assert client.post(edit_url(ann), mine | {"first_name": "Mine"}).status_code == 422


def test_an_address_that_is_taken_leads_to_its_owner(client: Client, ann: Customer, store: Store) -> None:
    bob = make_customer(store, "bob@x.example")
    response = client.post(edit_url(ann), form_of(client, edit_url(ann)) | {"email": " BOB@x.example"})
    assert response.status_code == 422
    assert f'<a href="{bob.get_absolute_url()}">bob@x.example</a>' in body(response)
    ann.refresh_from_db()
    assert ann.email_key == "ann@x.example"


def test_an_address_can_be_changed_in_its_case(client: Client, ann: Customer) -> None:
    assert client.post(edit_url(ann), form_of(client, edit_url(ann)) | {"email": "ANN@x.example"}).status_code == 302
    ann.refresh_from_db()
    assert (ann.email, ann.email_key) == ("ANN@x.example", "ann@x.example")


def test_a_customer_is_added_by_hand(client: Client, store: Store) -> None:
    data = form_of(client, f"{PAGES}new/") | {
        "email": "Zoe <zoe@x.example>",
        "first_name": " Zo\x07e\u0308 ",
        "tags": "a,b",
    }
    response = client.post(f"{PAGES}new/", data)
    zoe = Customer.everywhere.get()
    assert response["Location"] == zoe.get_absolute_url()
    assert (zoe.email, zoe.first_name, zoe.tags, zoe.store) == ("zoe@x.example", "Zoë", ["a", "b"], store)
    entry = AuditEntry.everywhere.get()
    assert (entry.verb, entry.object_label, entry.changes) == ("added", f"Customer {zoe.pk}", {})


def test_nobody_is_added_twice(client: Client, ann: Customer) -> None:
    response = client.post(f"{PAGES}new/", form_of(client, f"{PAGES}new/") | {"email": "ANN@X.example"})
    assert response.status_code == 422
    assert ann.get_absolute_url() in body(response)
    assert Customer.everywhere.count() == 1


def test_the_same_address_in_another_store_is_another_person(client: Client, other_store: Store, store: Store) -> None:
    make_customer(other_store, "ann@x.example")
    assert client.post(f"{PAGES}new/", form_of(client, f"{PAGES}new/") | {"email": "ann@x.example"}).status_code == 302
    assert Customer.objects.for_store(store).count() == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("email", "no-at", "This is not an e-mail address: no @."),
        ("email", "", "required"),
        ("first_name", "x" * 151, "at most 150"),
        ("signed_up_at", "1905-01-01T00:00:00", "since 1970"),
        ("signed_up_at", "2999-01-01T00:00:00", "since 1970"),
        ("tags", "x" * 101, "A tag has more than 100 characters."),
        ("marketing_consent", "maybe", "maybe"),
    ],
)
def test_what_cannot_be_is_refused_in_words(client: Client, field: str, value: str, words: str) -> None:
    data = form_of(client, f"{PAGES}new/") | {"email": "ann@x.example", field: value}
    response = client.post(f"{PAGES}new/", data)
    assert response.status_code == 422
    assert words in body(response)
    assert not Customer.everywhere.exists()


def test_viewers_read_and_do_not_write(ann: Customer, viewer: User, client_of: Callable[..., Client]) -> None:
    looks = client_of(viewer)
    page = looks.get(ann.get_absolute_url())
    assert page.status_code == 200
    assert "edit/" not in body(page)
    assert "Recent changes" not in body(page)
    assert looks.get(edit_url(ann)).status_code == 403
    assert looks.post(edit_url(ann), {"email": "x@x.example"}).status_code == 403
    assert looks.post(f"{PAGES}new/", {"email": "x@x.example"}).status_code == 403


def test_a_foreign_customer_is_not_there(ann: Customer, stranger: User, client_of: Callable[..., Client]) -> None:
    theirs = client_of(stranger)
    for url in (f"/s/willow/customers/{ann.pk}/", f"/s/willow/customers/{ann.pk}/edit/", ann.get_absolute_url()):
        response = theirs.get(url)
        assert response.status_code == 404
        assert "Ann" not in body(response)


@pytest.mark.django_db(transaction=True)
def test_two_who_add_the_same_person_at_once_make_one(store: Store, manager: User) -> None:
    def add() -> Customer:
        return actions.add_customer(store, actor=manager, email="ann@x.example")

    made = at_once(add, add)
    assert {type(one) for one in made} == {Customer, actions.EmailTaken}
    assert Customer.everywhere.count() == 1
