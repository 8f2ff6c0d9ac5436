"""Files that name people who were erased: nobody comes back by one, and nothing of them is kept."""

from __future__ import annotations

import hmac
from typing import Any

import pytest

from customers.models import Customer, CustomerImportRow, ErasedIdentity, Erasure
from customers.privacy import identity
from customers.privacy.person import Person
from customers.privacy.sheets import spelled
from portal.models import Store
from portal.sheets import WAS_ERASED
from segments.models import Segment, UploadRow
from segments.uploads import actions as uploads
from tests.conftest import make_customer
from tests.customers.conftest import Importer, people, rows, told

FILE = "email,first_name,last_name,phone\nZed@x.example,Zeddrick,Qualm,555 0199\nbob@x.example,Bob,Bell,\n"


def forget(store: Store, **known_as: str) -> Erasure:
    erasure: Erasure = Erasure.objects.create_for(store)
    identity.remember(erasure, known_as.items())
    return erasure


def test_an_import_leaves_out_who_was_erased(importer: Importer, store: Store) -> None:
    forget(store, email="zed@x.example")
    upload = importer.check(FILE)
    assert told(upload) == {"created": 1, "erased": 1}
    assert rows(upload)[2] == ("erased", WAS_ERASED)
    importer.start(upload)
    assert set(people(store)) == {"bob@x.example"}
    assert told(upload) == {"created": 1, "erased": 1}


def test_nothing_of_the_row_is_kept(importer: Importer, store: Store) -> None:
    forget(store, email="zed@x.example")
    upload = importer.bring(FILE)
    row = CustomerImportRow.objects.for_store(store).get(upload=upload, verdict="erased")
    assert [row.email, row.email_key, row.first_name, row.last_name, row.phone, row.customer_id] == [*[""] * 5, None]


def test_who_was_erased_after_the_check_is_left_out_by_the_import(importer: Importer, store: Store) -> None:
    upload = importer.check(FILE)
    assert told(upload) == {"created": 2}
    forget(store, email="zed@x.example")
    importer.start(upload)
    assert told(upload) == {"created": 1, "erased": 1}
    row = CustomerImportRow.objects.for_store(store).get(upload=upload, verdict="erased")
    assert [row.email, row.email_key, row.first_name, row.last_name, row.phone, row.tags] == [*[""] * 5, None]
    assert set(people(store)) == {"bob@x.example"}


@pytest.mark.parametrize("line", [f"zed@x.example,Z,Q,{'5' * 60}", "Zed <ZED@X.EXAMPLE>,Z,Q,"])
def test_neither_a_wrong_cell_nor_another_spelling_helps(line: str, importer: Importer, store: Store) -> None:
    forget(store, email="zed@x.example")
    upload = importer.check(f"email,first_name,last_name,phone\n{line}\n")
    assert told(upload) == {"erased": 1}
    assert rows(upload) == {2: ("erased", WAS_ERASED)}


def test_repeats_of_an_erased_person_are_all_left_out(importer: Importer, store: Store) -> None:
    forget(store, email="zed@x.example")
    upload = importer.bring("email\nzed@x.example\nbob@x.example\nzed@x.example\n")
    assert told(upload) == {"created": 1, "erased": 2}


def test_an_id_elsewhere_gives_an_erased_person_away(importer: Importer, store: Store) -> None:
    forget(store, email="old@x.example", shopify_id="900123")
    upload = importer.bring("email,shopify_id\nnew@x.example,900123\nbob@x.example,900124\n")
    assert told(upload) == {"created": 1, "erased": 1}


def test_another_store_knows_nothing_of_it(importer: Importer, other_store: Store) -> None:
    forget(other_store, email="zed@x.example")
    assert told(importer.bring(FILE)) == {"created": 2}


def test_an_upload_to_a_segment_leaves_them_out_too(store: Store, owner: Any, run_jobs: Any) -> None:
    from segments.actions import create_segment
    from tests.segments.conftest import as_file

    make_customer(store, "bob@x.example")
    forget(store, email="zed@x.example")
    segment: Segment = create_segment(store, name="Tea", actor=owner)
    upload = uploads.receive_upload(segment, as_file(FILE.encode()), actor=owner)
    run_jobs()
    uploads.start_import(upload, include_removed=False, actor=owner)
    run_jobs()
    upload.refresh_from_db()
    assert {name: count for name, count in upload.counts.items() if count} == {"added": 1, "erased": 1}
    row = UploadRow.objects.for_store(store).get(upload=upload, verdict="erased")
    assert [row.email, row.email_key, row.name, row.phone, row.customer_id] == ["", "", "", "", None]


def test_hashes_need_the_key(store: Store, settings: Any) -> None:
    asked = {"email": ["zed@x.example"]}
    erasure = forget(store, email="zed@x.example")
    assert "zed" not in ErasedIdentity.objects.for_store(store).get().digest
    assert identity.erased_among(store, asked) == {("email", "zed@x.example")}
    settings.ERASURE_KEYS = ["another key"]
    assert not identity.erased_among(store, asked)
    assert not identity.erasures_of(store, "zed@x.example")
    identity.remember(erasure, [("email", "zed@x.example")])
    settings.ERASURE_KEYS = ["a newer key", "another key"]
    assert identity.erased_among(store, asked) == {("email", "zed@x.example")}
    assert identity.erasures_of(store, "zed@x.example") == [erasure]


@pytest.mark.parametrize("key", ["k", "a key as long as a block of the hash, which is sixty-four bytes!!", "k" * 200])
def test_a_hash_is_an_hmac(store: Store, settings: Any, key: str) -> None:
    settings.ERASURE_KEYS = [key]
    forget(store, email="zoë@x.example")
    said = f"{store.pk}:email:zoë@x.example".encode()
    assert ErasedIdentity.objects.for_store(store).get().digest == hmac.new(key.encode(), said, "sha256").hexdigest()


def test_stores_without_erased_people_pay_one_small_query(
    store: Store, django_assert_num_queries: Any, importer: Importer
) -> None:
    with django_assert_num_queries(1):
        assert identity.erased_among(store, {"email": ["zed@x.example"]}) == set()
    assert not Customer.objects.for_store(store).exists()


@pytest.mark.parametrize("mark", ["Zed@X.example", "+49 30 1234567", "030 1234567 ext. 9", "zoë@x.example"])
def test_whoever_is_named_is_found_however_it_is_spelled(mark: str, importer: Importer, store: Store) -> None:
    upload = importer.check("email,first_name\nbob@x.example,Bob\n")
    person = Person(store, None, keys=(mark.lower(),), addresses=(mark,))
    mine = CustomerImportRow.objects.for_store(store).filter(upload=upload)
    for said in (mark, mark.upper(), f"call {mark.lower()} now"):
        mine.update(last_name=said)
        assert mine.filter(spelled("last_name", person)).exists(), said
    mine.update(last_name="@ 1234567")
    assert not mine.filter(spelled("last_name", person)).exists()
