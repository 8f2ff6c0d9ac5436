"""Erasing a person while the very same person is being checked, imported and put into a segment.

The other work stands still in the middle of a portion that it has written and not committed, begun before the request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from customers.models import Customer, CustomerImport, CustomerImportRow, Erasure
from customers.privacy import erase, identity, registry
from portal import crash, jobs
from portal.models import Job, Store, User
from segments import membership
from segments.actions import create_segment
from segments.models import Membership, Segment, Upload, UploadRow
from segments.uploads import actions as uploads
from tests.conftest import is_postgresql, make_customer
from tests.customers.conftest import Importer
from tests.segments.conftest import as_file
from tests.wholeness import whats_broken

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not is_postgresql(), reason="SQLite has one writer at a time"),
]

MAIL = "zed@x.example"
FILE = f"email,first_name,last_name,phone\nbob@x.example,Bob,Bell,\n{MAIL},Zed,Zett,555\ncarol@x.example,Carol,Cole,\n"


class Midway:
    """Lets work stand still at a crash point until it is released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name, self.thread = "", threading.current_thread()
        self.there, self.go = threading.Event(), threading.Event()
        monkeypatch.setattr(crash, "point", self._pass)

    def _pass(self, name: str) -> None:
        if name == self.name and threading.current_thread() is self.thread:
            self.there.set()
            assert self.go.wait(20)

    def work(self, job: Job, name: str) -> threading.Thread:
        """Do the job in a thread, up to the place `name`."""
        self.name = name
        self.thread = in_thread(lambda: jobs.run(job.pk))
        assert self.there.wait(20), "the work did not come by"
        return self.thread


def in_thread(act: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def midway(monkeypatch: pytest.MonkeyPatch) -> Midway:
    return Midway(monkeypatch)


@pytest.fixture(autouse=True)
def _nothing_is_broken() -> Iterator[None]:
    yield
    assert whats_broken() == {}


def queued(kind: str) -> Job:
    found: Job = Job.everywhere.get(kind=kind, state="queued")
    return found


def is_absent(store: Store) -> bool:
    """Whether nothing of the person is in any table."""
    named = {"email_key": MAIL}
    rows = [model.objects.for_store(store).filter(**named) for model in (Customer, CustomerImportRow, UploadRow)]
    erased = Customer.objects.for_store(store).filter(erased_at__isnull=False)
    inside = Membership.objects.for_store(store).filter(customer__in=erased)
    return not any(found.exists() for found in (*rows, inside))


def ends(*threads: threading.Thread) -> None:
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def ask_to_erase(store: Store, owner: User) -> None:
    """Whether there is a customer by then or not: an owner who is sent to the customer's page goes there."""
    customer = Customer.objects.for_store(store).filter(email_key=MAIL).first()
    if customer:
        erase.erase_customer(customer, typed=MAIL, actor=owner)
    else:
        erase.erase_address(store, MAIL, typed=MAIL, actor=owner)


def erase_whole(store: Store, owner: User) -> None:
    ask_to_erase(store, owner)
    jobs.run(queued("customers.erase").pk)


def test_a_customer_whose_row_is_being_imported(
    importer: Importer, store: Store, owner: User, midway: Midway, run_jobs: Any
) -> None:
    make_customer(store, MAIL, first_name="Zed")
    upload = importer.check(FILE)
    importer.client.post(f"/s/maple/customers/imports/{upload.pk}/start/")
    importing = midway.work(queued("customers.import"), "import.applied")
    erasing = in_thread(lambda: ask_to_erase(store, owner))
    erasing.join(1)
    assert erasing.is_alive(), "the request must wait for the portion at hand"
    midway.go.set()
    ends(importing, erasing)
    run_jobs()
    assert is_absent(store)
    assert Customer.objects.for_store(store).filter(erased_at=None).count() == 2


def test_somebody_whose_row_is_being_checked(
    importer: Importer, store: Store, owner: User, midway: Midway, run_jobs: Any
) -> None:
    importer.upload(FILE)
    checking = midway.work(queued("customers.check_import"), "check.loaded")
    erasing = in_thread(lambda: erase_whole(store, owner))
    erasing.join(1)
    midway.go.set()
    ends(checking, erasing)
    run_jobs()
    assert is_absent(store)
    upload = importer.start(CustomerImport.objects.for_store(store).get())
    assert is_absent(store)
    assert upload.counts["erased"] == 1
    assert upload.counts["created"] == 2


def being_added(store: Store, owner: User, run_jobs: Any) -> Segment:
    """A segment, to which an upload with the person is about to be imported."""
    for email in (MAIL, "bob@x.example"):
        make_customer(store, email)
    segment = create_segment(store, name="Tea", actor=owner)
    upload: Upload = uploads.receive_upload(segment, as_file(FILE.encode()), actor=owner)
    run_jobs()
    uploads.start_import(upload, include_removed=False, actor=owner)
    return segment


def test_somebody_who_is_being_put_into_a_segment(store: Store, owner: User, midway: Midway, run_jobs: Any) -> None:
    segment = being_added(store, owner, run_jobs)
    importing = midway.work(queued("segments.import_upload"), "import.applied")
    erasing = in_thread(lambda: erase_whole(store, owner))
    erasing.join(1)
    assert erasing.is_alive(), "the erasing must wait for the portion at hand"
    midway.go.set()
    ends(importing, erasing)
    run_jobs()
    assert is_absent(store)
    segment.refresh_from_db()
    assert segment.member_count == 1


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="without the segment's lock, the erasing looks before the member is there")
def test_without_the_lock_the_person_stays_a_member(
    store: Store, owner: User, midway: Midway, run_jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "hold", lambda rows: rows)
    # The other places write, and so wait, if not on purpose.
    monkeypatch.setattr(registry, "_places", [one for one in registry.places() if "segments.Membership" in one.covers])
    being_added(store, owner, run_jobs)
    importing = midway.work(queued("segments.import_upload"), "import.applied")
    with monkeypatch.context() as without:
        without.setattr(membership, "lock", lambda segment: segment.version)
        ends(in_thread(lambda: erase_whole(store, owner)))
    midway.go.set()
    ends(importing)
    run_jobs()
    assert Erasure.objects.for_store(store).get().finished_at, "the erasing did not come to its end"
    erased = Customer.objects.for_store(store).get(erased_at__isnull=False)
    assert not Membership.objects.for_store(store).filter(customer=erased).exists()


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="without the hashes, an import that was checked before makes the person anew")
def test_without_the_hashes_the_person_comes_back(
    importer: Importer, store: Store, owner: User, monkeypatch: pytest.MonkeyPatch, run_jobs: Any
) -> None:
    monkeypatch.setattr("customers.imports.work.erased_among", lambda store, values: set())
    erase.erase_address(store, MAIL, typed=MAIL, actor=owner)
    run_jobs()
    importer.bring(FILE)
    assert is_absent(store)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="without the customers held, the request ends before the portion at hand")
def test_without_the_customers_held_the_person_is_made_after_the_request(
    importer: Importer, store: Store, owner: User, midway: Midway, run_jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "lock_customers", lambda store: 0)
    monkeypatch.setattr(identity, "lock_customers", lambda store: 0)
    monkeypatch.setattr(registry, "hold", lambda rows: rows)
    upload = importer.check(FILE)
    importer.client.post(f"/s/maple/customers/imports/{upload.pk}/start/")
    importing = midway.work(queued("customers.import"), "import.applied")
    erasing = in_thread(lambda: erase.erase_address(store, MAIL, typed=MAIL, actor=owner))
    ends(erasing)
    midway.go.set()
    ends(importing)
    run_jobs()
    assert is_absent(store)


def test_two_owners_at_once(store: Store, owner: User, run_jobs: Any) -> None:
    make_customer(store, MAIL)
    barrier, refused = threading.Barrier(2), []

    def ask() -> None:
        customer = Customer.objects.for_store(store).get(email_key=MAIL)
        barrier.wait(10)
        try:
            erase.erase_customer(customer, typed=MAIL, actor=owner)
        except Exception as error:  # noqa: BLE001
            refused.append(str(error))

    ends(in_thread(ask), in_thread(ask))
    run_jobs()
    assert refused == [erase.GONE_ALREADY]
    assert Erasure.objects.for_store(store).count() == 1
    assert is_absent(store)
