"""Long files: portion by portion, killed in the middle, and at the same time as others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.imports.work import ApplyImport, CheckImport
from customers.models import Customer, CustomerImport, CustomerImportRow
from portal import jobs, sets
from portal.jobs import Step
from portal.models import Job, Store
from tests.conftest import make_customer
from tests.customers.conftest import Importer, told

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What a worker does not live to see."""


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "CHUNKS", {"sqlite": 500, "postgresql": 500})


@pytest.fixture
def known(store: Store) -> None:
    """Of the people in `FILE`: some who are here and differ, some who are here and do not."""
    now = timezone.now()
    Customer.everywhere.bulk_create(
        Customer(store=store, email=f"p{n}@x.example", email_key=f"p{n}@x.example", first_name=name, signed_up_at=now)
        for n, name in ((n, "Old" if n % 2 else "New") for n in range(0, 3_000, 3))
    )


FILE = "Email,First name\n" + "".join(
    [f"p{n}@x.example,New\n" for n in range(2_400)]
    + [f"P{n}@x.example,Twice\n" for n in range(0, 400, 4)]
    + ["no address,x\n"] * 25
)


def expected(store: Store) -> dict[str, int]:
    """What the import of FILE must say, counted by hand of people rather than of rows."""
    last = {}
    for line in FILE.splitlines()[1:]:
        email, name = line.split(",")
        if "@" in email:
            last[email.lower()] = name
    here = dict(Customer.objects.for_store(store).values_list("email_key", "first_name"))
    verdicts = Counter(
        "created" if key not in here else "unchanged" if here[key] == name else "updated" for key, name in last.items()
    )
    return {**verdicts, "repeated": 100, "invalid": 25}


def test_a_long_file_is_counted_exactly(importer: Importer, store: Store, known: None) -> None:
    want = expected(store)
    upload = importer.check(FILE)
    assert told(upload) == {
        "created": want["created"],
        "updated": want["updated"] + want["unchanged"],
        "repeated": 100,
        "invalid": 25,
    }
    importer.start(upload)
    assert told(upload) == want
    assert sum(want.values()) == upload.row_count == len(FILE.splitlines()) - 1
    here = Customer.objects.for_store(store)
    assert here.count() == 1_000 + want["created"]
    assert here.filter(last_import=upload).count() == want["created"] + want["updated"]
    job = Job.everywhere.get(kind="customers.import")
    assert (job.done, job.total, job.result["created"]) == (upload.row_count, upload.row_count, want["created"])


def test_twelve_thousand_rows_in_portions_as_they_are(
    importer: Importer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "CHUNKS", {"sqlite": 5_000, "postgresql": 5_000})
    make_customer(store, "p11999@x.example")
    text = "Email,First name,Tags\n" + "".join(f'p{n}@x.example,N{n},"a, t{n % 7}"\n' for n in range(12_000))
    upload = importer.bring(text)
    assert told(upload) == {"created": 11_999, "updated": 1}
    assert Customer.objects.for_store(store).count() == 12_000
    assert Customer.objects.for_store(store).get(email_key="p8000@x.example").tags == ["a", "t6"]


def dies_in(monkeypatch: pytest.MonkeyPatch, work: type[Any], call: int) -> None:
    """Let the worker be killed at the end of the step that is the `call`-th of this kind of work."""
    step, calls = work.step, []

    def killed_step(self: Any) -> Step:
        outcome = step(self)
        calls.append(1)
        if len(calls) == call:
            raise Killed
        return outcome

    monkeypatch.setattr(work, "step", killed_step)


def find_the_dead(job: Job) -> None:
    Job.everywhere.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("work", [CheckImport, ApplyImport])
@pytest.mark.parametrize("call", [1, 2, 4])
def test_a_killed_worker_changes_no_number(
    importer: Importer, store: Store, known: None, monkeypatch: pytest.MonkeyPatch, work: type[Any], call: int
) -> None:
    want = expected(store)
    upload = importer.upload(FILE)
    if work is ApplyImport:
        importer.run_jobs()
        importer.client.post(f"{upload.get_absolute_url()}start/")
    dies_in(monkeypatch, work, call)
    job = Job.everywhere.latest("pk")
    with pytest.raises(Killed):
        jobs.run(job.pk)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    find_the_dead(job)
    jobs.run(job.pk)
    upload.refresh_from_db()
    if work is CheckImport:
        importer.start(upload)
    assert told(upload) == want
    assert CustomerImportRow.everywhere.filter(upload=upload).count() == upload.row_count
    assert Customer.objects.for_store(store).count() == 1_000 + want["created"]


def test_a_cancelled_import_tells_how_far_it_came_and_goes_on(
    importer: Importer, store: Store, known: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = expected(store)
    upload = importer.check(FILE)
    importer.client.post(f"{upload.get_absolute_url()}start/")
    job = Job.everywhere.get(kind="customers.import")
    step = ApplyImport.step

    def asked_to_end(self: Any) -> Step:
        jobs.cancel(self.job)
        return step(self)

    monkeypatch.setattr(ApplyImport, "step", asked_to_end)
    jobs.run(job.pk)
    monkeypatch.setattr(ApplyImport, "step", step)
    job.refresh_from_db()
    assert (job.state, job.done) == (Job.State.CANCELLED, 500)
    page = importer.client.get(upload.get_absolute_url())
    outcomes = {outcome["label"]: outcome["count"] for outcome in page.context["outcomes"]}
    assert (outcomes["Not imported"], outcomes["Invalid"]) == (2_000, 25)
    assert outcomes["New customers"] == Customer.objects.for_store(store).count() - 1_000
    importer.client.post(f"/s/maple/runs/{job.pk}/retry/")
    importer.run_jobs()
    upload.refresh_from_db()
    assert told(upload) == want


def test_two_imports_of_the_same_people_add_nobody_twice(
    importer: Importer, store: Store, run_jobs: Callable[[], list[Job]]
) -> None:
    one, two = importer.check(FILE, "one.csv"), importer.check(FILE.replace("New", "Newer"), "two.csv")
    for upload in (one, two):
        importer.client.post(f"{upload.get_absolute_url()}start/")
    run_jobs()
    for upload in (one, two):
        upload.refresh_from_db()
    assert told(one) == {"created": 2_400, "repeated": 100, "invalid": 25}
    assert told(two) == {"updated": 2_300, "unchanged": 100, "repeated": 100, "invalid": 25}


def test_a_job_whose_file_is_gone_says_so(importer: Importer) -> None:
    upload = importer.upload("Email\nann@x.example\n")
    CustomerImport.everywhere.filter(pk=upload.pk)._raw_delete("default")
    job = Job.everywhere.get()
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.FAILED, "The upload is gone.")


def test_customers_and_rows_never_cross_stores(importer: Importer, other_store: Store) -> None:
    for n in range(0, 2_400, 7):
        make_customer(other_store, f"p{n}@x.example", first_name="Theirs") if n < 70 else None
    importer.bring(FILE)
    assert set(Customer.objects.for_store(other_store).values_list("first_name", flat=True)) == {"Theirs"}
