"""An import takes the check's verdicts as they are while nothing has changed, and judges anew once something has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F

from customers import actions
from customers.imports import work
from customers.models import Customer, CustomerRegister
from customers.register import customers_version, lock_customers
from portal import jobs
from portal.models import Job, Store, User
from portal.sheets import ApplySheet
from tests.conftest import make_customer
from tests.customers.conftest import Importer, rows, told

FILE = "Email,First name\nann@x.example,Ann\nbob@x.example,Bob\n"


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A number for each time that rows are judged anew."""
    times: list[int] = []
    real = ApplySheet.rejudge

    def counted(self: ApplySheet, window: Any) -> None:
        times.append(1)
        real(self, window)

    monkeypatch.setattr(ApplySheet, "rejudge", counted)
    return times


def test_verdicts_stand_while_nothing_has_changed(importer: Importer, store: Store, judged: list[int]) -> None:
    make_customer(store, "ann@x.example")
    assert told(importer.bring(FILE)) == {"created": 1, "updated": 1}
    assert judged == []


def test_somebody_added_by_hand_is_told(importer: Importer, store: Store, owner: User, judged: list[int]) -> None:
    upload = importer.check(FILE)
    actions.add_customer(store, email="bob@x.example", first_name="Bob", actor=owner)
    importer.start(upload)
    assert told(upload) == {"created": 1, "unchanged": 1}
    assert judged == [1]


def test_another_import_is_told(importer: Importer, store: Store, judged: list[int]) -> None:
    first, second = importer.check(FILE), importer.check(f"{FILE}cyd@x.example,Cyd\n", "other.csv")
    importer.start(first)
    importer.start(second)
    assert told(second) == {"created": 1, "unchanged": 2}
    assert judged == [1]


def test_somebody_added_between_two_steps_is_told(
    importer: Importer, store: Store, owner: User, monkeypatch: pytest.MonkeyPatch, judged: list[int]
) -> None:
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 1, "postgresql": 1})
    upload = importer.check(FILE)
    importer.client.post(f"{upload.get_absolute_url()}start/")
    job = jobs.claim(Job.everywhere.latest("pk").pk)
    assert job is not None
    begun = work.ApplyImport(job)
    jobs._step(job, begun)
    actions.add_customer(store, email="bob@x.example", first_name="Bob", actor=owner)
    while jobs._step(job, begun):
        pass
    upload.refresh_from_db()
    assert rows(upload) == {2: ("created", ""), 3: ("unchanged", "")}
    assert judged == [1]


def test_a_check_in_whose_midst_somebody_came_is_not_trusted(
    importer: Importer, store: Store, owner: User, monkeypatch: pytest.MonkeyPatch, judged: list[int]
) -> None:
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 1, "postgresql": 1})

    upload = importer.upload(FILE)
    job = jobs.claim(Job.everywhere.latest("pk").pk)
    assert job is not None
    begun = work.CheckImport(job)
    jobs._step(job, begun)
    actions.add_customer(store, email="ann@x.example", first_name="Ann", actor=owner)
    while jobs._step(job, begun):
        pass
    importer.start(upload)
    assert rows(upload) == {2: ("unchanged", ""), 3: ("created", "")}
    assert judged


def test_every_door_to_customers_raises_the_version(
    importer: Importer, store: Store, owner: User, run_jobs: Callable[[], list[Job]]
) -> None:
    seen = [customers_version(store)]
    ann = actions.add_customer(store, email="ann@x.example", actor=owner)
    seen.append(customers_version(store))
    actions.change_customer(ann, actor=owner, seen_at=ann.changed_at, first_name="Ann")
    seen.append(customers_version(store))
    importer.bring("Email\nbob@x.example\n")
    seen.append(customers_version(store))
    assert seen == sorted(set(seen))


def test_each_store_has_a_version_of_its_own(store: Store, other_store: Store) -> None:
    before = customers_version(other_store)
    assert lock_customers(store) == lock_customers(store) - 1
    assert customers_version(other_store) == before


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="without versions that go up, a stale verdict is believed")
def test_without_the_version_a_stale_verdict_stands(importer: Importer, store: Store, owner: User) -> None:
    upload = importer.check(FILE)
    actions.add_customer(store, email="bob@x.example", first_name="Bob", actor=owner)
    CustomerRegister.objects.for_store(store).update(version=F("version") - 1)
    importer.start(upload)
    assert Customer.objects.for_store(store).count() == 2
    assert told(upload) == {"created": 1, "unchanged": 1}
