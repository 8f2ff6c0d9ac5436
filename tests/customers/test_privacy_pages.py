"""The pages on which a person is looked up, told, erased and let in again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.models import Customer, ErasedIdentity, Erasure
from portal.models import AuditEntry, Job, Store, User
from portal.sheets import WAS_ERASED
from segments.actions import add_customer, create_segment, remove_customers
from tests.conftest import make_customer
from tests.customers.conftest import PAGES, Importer, body, people, told

MAIL = "ann@x.example"
NEW = {"email": MAIL, "marketing_consent": "unknown", "signed_up_at": "2026-01-01T10:00:00"}


@pytest.fixture
def ann(store: Store) -> Customer:
    return make_customer(store, MAIL, first_name="Ann", last_name="Lee", phone="+1 555 0100 200")


@pytest.fixture
def boss(owner: User, client_of: Callable[..., Client]) -> Client:
    return client_of(owner)


@pytest.fixture
def erased(ann: Customer, boss: Client, run_jobs: Callable[[], list[Job]], store: Store) -> Erasure:
    assert boss.post(f"{PAGES}{ann.pk}/erase/", {"confirm": f" {MAIL} "}).status_code == 302
    run_jobs()
    erasure: Erasure = Erasure.objects.for_store(store).get()
    return erasure


def exported(answer: Any) -> dict[str, Any]:
    assert answer["Content-Type"].startswith("application/json")
    assert answer["Cache-Control"] == "no-store"
    told: dict[str, Any] = json.loads(body(answer))
    return told


# --- Told


def test_all_that_is_held_is_told_and_nothing_of_others(
    boss: Client, owner: User, ann: Customer, store: Store, importer: Importer
) -> None:
    importer.bring(
        f"email,first_name,last_name,phone\n{MAIL},Ann,Lee,+1\nbob@x.example,Bob,Bell,\n", "bob@x.example.csv"
    )
    tea = create_segment(store, name="Tea", actor=owner)
    add_customer(tea, ann, actor=owner)
    remove_customers(tea, [ann.pk], actor=owner)
    answer = boss.post(f"{PAGES}{ann.pk}/personal-data/")
    assert "ann" not in answer["Content-Disposition"].lower()
    told = exported(answer)
    assert told["addresses"] == [MAIL]
    (customer,) = told["Profile"]
    assert (customer["email"], customer["first_name"], customer["phone"]) == (MAIL, "Ann", "+1")
    (row,) = told["Customer files"]
    assert (row["line"], row["email"], row["file"]) == (2, MAIL, "[address]")
    changes = [said["change"] for said in told["Memberships of segments"] if "change" in said]
    assert changes == ["Entered", "Left"]
    assert [said["kept_out_of"] for said in told["Memberships of segments"] if "kept_out_of" in said] == ["Tea"]
    assert "bob" not in json.dumps(told).lower()
    assert owner.email not in json.dumps(told)


def test_every_field_of_the_profile_is_told(boss: Client, ann: Customer) -> None:
    (customer,) = exported(boss.post(f"{PAGES}{ann.pk}/personal-data/"))["Profile"]
    fields = {field.name for field in Customer._meta.fields}
    assert set(customer) == fields - {"store", "last_import"}


def test_an_export_is_written_down_without_a_name(boss: Client, owner: User, ann: Customer, store: Store) -> None:
    body(boss.post(f"{PAGES}{ann.pk}/personal-data/"))
    entry = AuditEntry.objects.for_store(store).get(verb="exported personal data of")
    assert (entry.object_label, entry.actor_id) == (f"Customer {ann.pk}", owner.pk)
    assert entry.changes["profile"] == [None, 1]
    assert MAIL not in str(entry.changes)


def test_an_address_that_is_no_customers_is_found_in_files(boss: Client, importer: Importer) -> None:
    importer.check("email,first_name,last_name,phone\nzoe@x.example,Zoe,Zett,\n")
    page = body(boss.post(f"{PAGES}privacy/", {"email": "ZOE@x.example"}))
    assert "Customer files" in page
    told = exported(boss.post(f"{PAGES}privacy/export/", {"email": "zoe@x.example"}))
    assert told["Customer files"][0]["first_name"] == "Zoe"
    assert "Nothing is held" in body(boss.post(f"{PAGES}privacy/", {"email": "nobody@x.example"}))
    assert boss.post(f"{PAGES}privacy/", {"email": "nobody"}).status_code == 422


def test_a_customer_and_whoever_had_the_address_before_are_found(boss: Client, ann: Customer) -> None:
    assert f"{PAGES}{ann.pk}/" in body(boss.post(f"{PAGES}privacy/", {"email": MAIL}))
    change_address(boss, ann, "new@x.example")
    page = body(boss.post(f"{PAGES}privacy/", {"email": MAIL}))
    assert "before" in page
    assert f"{PAGES}{ann.pk}/" in page


def change_address(client: Client, customer: Customer, email: str) -> Any:
    url = f"{PAGES}{customer.pk}/edit/"
    form = client.get(url).context["form"]
    filled = {bound.name: bound.value() for bound in form if bound.value() is not None}
    return client.post(url, filled | {"signed_up_at": "2026-01-01T10:00:00", "email": email})


# --- Erased


def test_only_an_owner_erases(ann: Customer, manager: User, viewer: User, client_of: Callable[..., Client]) -> None:
    for user, exports in ((manager, 200), (viewer, 403)):
        client = client_of(user)
        assert client.post(f"{PAGES}{ann.pk}/erase/", {"confirm": MAIL}).status_code == 403
        assert client.post(f"{PAGES}{ann.pk}/personal-data/").status_code == exports
        assert ("Erase this person" in body(client.get(ann.get_absolute_url()))) is False
    ann.refresh_from_db()
    assert ann.erased_at is None


def test_the_address_must_be_typed(boss: Client, ann: Customer, store: Store) -> None:
    page = body(boss.get(f"{PAGES}{ann.pk}/erase/"))
    assert "What goes, and what stays" in page
    answer = boss.post(f"{PAGES}{ann.pk}/erase/", {"confirm": "bob@x.example"})
    assert answer.status_code == 422
    assert "This is not the e-mail address of the person." in body(answer)
    assert not Erasure.objects.for_store(store).exists()
    assert not ErasedIdentity.objects.for_store(store).exists()


def test_the_person_is_gone_at_once_and_the_proof_stays(
    boss: Client, ann: Customer, store: Store, run_jobs: Callable[[], list[Job]]
) -> None:
    answer = boss.post(f"{PAGES}{ann.pk}/erase/", {"confirm": MAIL})
    erasure = Erasure.objects.for_store(store).get()
    assert answer["Location"] == erasure.get_absolute_url()
    assert MAIL not in body(boss.get(PAGES))
    assert boss.get(ann.get_absolute_url()).status_code == 404
    assert "Being erased" in body(boss.get(erasure.get_absolute_url()))
    run_jobs()
    page = body(boss.get(erasure.get_absolute_url()))
    assert "What went" in page
    assert f"Customer {ann.pk}" in body(boss.get(f"{PAGES}privacy/"))
    verbs = AuditEntry.objects.for_store(store).order_by("pk").values_list("verb", flat=True)
    assert [verb for verb in verbs if "erase" in verb] == ["asked to erase", "erased"]


def test_the_work_can_not_be_cancelled(ann: Customer, boss: Client, store: Store) -> None:
    boss.post(f"{PAGES}{ann.pk}/erase/", {"confirm": MAIL})
    job = Job.objects.for_store(store).get(kind="customers.erase")
    boss.post(f"/s/{store.slug}/runs/{job.pk}/cancel/")
    job.refresh_from_db()
    assert job.state == "queued"


def test_whoever_is_no_customer_is_erased_by_address(
    boss: Client, importer: Importer, store: Store, run_jobs: Callable[[], list[Job]]
) -> None:
    upload = importer.check("email,first_name,last_name,phone\nzoe@x.example,Zoe,Zett,\nbob@x.example,Bob,Bell,\n")
    page = body(boss.post(f"{PAGES}privacy/erase/", {"email": "zoe@x.example"}))
    assert "What goes, and what stays" in page
    wrong = boss.post(f"{PAGES}privacy/erase/", {"email": "zoe@x.example", "confirm": "no"})
    assert wrong.status_code == 422
    boss.post(f"{PAGES}privacy/erase/", {"email": "zoe@x.example", "confirm": "zoe@x.example"})
    run_jobs()
    importer.start(upload)
    assert told(upload) == {"created": 1, "erased": 1}
    assert set(people(store)) == {"bob@x.example"}
    assert not upload.file


def test_an_address_of_a_customer_leads_to_the_customer(boss: Client, ann: Customer) -> None:
    answer = boss.post(f"{PAGES}privacy/erase/", {"email": MAIL, "confirm": MAIL})
    assert answer["Location"] == f"{PAGES}{ann.pk}/erase/"


# --- Kept out, and let in again


def test_by_hand_only_who_asked_to_come_back(client: Client, erased: Erasure, store: Store) -> None:
    answer = client.post(f"{PAGES}new/", NEW)
    assert answer.status_code == 422
    assert WAS_ERASED in body(answer)
    assert "They asked to come back" in body(answer)
    assert client.post(f"{PAGES}new/", NEW | {"came_back": "on"}).status_code == 302
    back = Customer.objects.for_store(store).get(email_key=MAIL)
    assert back.pk != erased.customer_id
    assert not ErasedIdentity.objects.for_store(store).exists()
    erased.refresh_from_db()
    assert erased.lifted_at
    assert AuditEntry.objects.for_store(store).filter(verb="lifted", object_id=erased.pk).exists()


def test_who_came_back_is_imported_again(client: Client, erased: Erasure, importer: Importer, store: Store) -> None:
    client.post(f"{PAGES}new/", NEW | {"came_back": "on"})
    file = f"email,first_name,last_name,phone\n{MAIL},Anna,Lee,\n"
    assert told(importer.bring(file)) == {"updated": 1}
    assert people(store)[MAIL].first_name == "Anna"


def test_while_the_erasing_goes_on_nobody_comes_back(client: Client, boss: Client, ann: Customer, store: Store) -> None:
    boss.post(f"{PAGES}{ann.pk}/erase/", {"confirm": MAIL})
    answer = client.post(f"{PAGES}new/", NEW | {"came_back": "on"})
    assert answer.status_code == 422
    assert "is being erased at the moment" in body(answer)
    assert not Customer.objects.for_store(store).filter(email_key=MAIL).exists()


def test_nobody_takes_on_the_address(client: Client, erased: Erasure, store: Store) -> None:
    bob = make_customer(store, "bob@x.example")
    answer = change_address(client, bob, MAIL)
    assert answer.status_code == 422
    assert WAS_ERASED in body(answer)


def test_the_address_from_before_is_kept_out_too(
    boss: Client, ann: Customer, run_jobs: Callable[[], list[Job]], importer: Importer
) -> None:
    change_address(boss, ann, "new@x.example")
    boss.post(f"{PAGES}{ann.pk}/erase/", {"confirm": "new@x.example"})
    run_jobs()
    upload = importer.bring(f"email,first_name,last_name,phone\n{MAIL},Ann,,\nnew@x.example,Ann,,\n")
    assert told(upload) == {"erased": 2}


def test_an_address_that_is_somebody_elses_by_now_is_theirs(
    boss: Client, ann: Customer, store: Store, run_jobs: Callable[[], list[Job]], importer: Importer
) -> None:
    change_address(boss, ann, "new@x.example")
    heir = make_customer(store, MAIL, first_name="Heir", attributes={"Mail": MAIL})
    importer.bring(f"email,first_name,last_name,phone\n{MAIL},Heir,,\n", "heir.csv")
    boss.post(f"{PAGES}{ann.pk}/erase/", {"confirm": "new@x.example"})
    run_jobs()
    heir.refresh_from_db()
    assert (heir.email, heir.attributes) == (MAIL, {"Mail": MAIL})
    assert told(importer.bring(f"email,first_name,last_name,phone\n{MAIL},Heiress,,\n")) == {"updated": 1}


class TestInTheAdmin:
    @pytest.fixture
    def admin(self, db: None, client_of: Callable[..., Client]) -> Client:
        return client_of(User.objects.create_superuser("admin@coterie.example", "x"))

    def test_nobody_is_added_or_given_the_address(self, admin: Client, erased: Erasure, store: Store) -> None:
        new = {"in_store": store.pk, "email": MAIL, "marketing_consent": "unknown", "tags": "[]", "attributes": "{}"}
        new |= {"signed_up_at_0": "2026-01-01", "signed_up_at_1": "10:00"}
        assert WAS_ERASED in body(admin.post("/admin/customers/customer/add/", new))
        bob = make_customer(store, "bob@x.example")
        assert WAS_ERASED in body(admin.post(f"/admin/customers/customer/{bob.pk}/change/", new))
        assert set(people(store)) == {"bob@x.example", f"erased {erased.customer_id}"}

    def test_an_import_passes_over_them(self, admin: Client, erased: Erasure, store: Store) -> None:
        file = SimpleUploadedFile("a.csv", f"Email,First name\n{MAIL},Ann\nbob@x.example,Bob\n".encode())
        sent = {"in_store": store.pk, "format": "0", "resource": "0", "import_file": file}
        preview = admin.post("/admin/customers/customer/import/", sent)
        admin.post("/admin/customers/customer/process_import/", preview.context["confirm_form"].initial)
        assert set(people(store)) == {"bob@x.example", f"erased {erased.customer_id}"}

    def test_the_empty_profile_is_not_filled_again(self, admin: Client, erased: Erasure) -> None:
        url = f"/admin/customers/customer/{erased.customer_id}/change/"
        assert 'name="email"' not in body(admin.get(url))
        assert admin.post(url, {"email": MAIL}).status_code == 403


@pytest.mark.parametrize("path", ["privacy/export/", "privacy/erase/"])
def test_an_address_is_wanted(boss: Client, store: Store, path: str) -> None:
    assert boss.post(f"{PAGES}{path}", {"email": "nothing"})["Location"] == f"{PAGES}privacy/"
