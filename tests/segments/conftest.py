"""Segments with people in them, files on their way in, and a check after every test that nothing was broken."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from portal import sets
from portal.models import Store, User
from segments import actions, membership
from segments.membership import Cause
from segments.models import Membership, Segment, Source, Upload
from tests.wholeness import whats_broken

Rows = Iterable[Sequence[str]]


@pytest.fixture(autouse=True)
def _nothing_is_broken(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "store" in request.fixturenames and "breaks" not in request.fixturenames:
        assert whats_broken() == {}


@pytest.fixture
def breaks() -> None:
    """For tests that do damage on purpose."""


@pytest.fixture
def client(owner: User, client_of: Callable[[User], Client]) -> Client:
    """Signed in as the owner of the store."""
    return client_of(owner)


@pytest.fixture
def segment(store: Store, owner: User) -> Segment:
    return actions.create_segment(store, name="Big Spenders", actor=owner)


def make_customers(store: Store, count: int, prefix: str = "p") -> list[Customer]:
    """`prefix`00000@x.example and those who follow, many at once."""
    now = timezone.now()
    fields = (
        "store", "email", "email_key", "first_name", "last_name", "phone", "signed_up_at", "acquisition_channel",
        "tags", "attributes", "shopify_id", "recharge_id", "klaviyo_id", "marketing_consent", "created_at",
        "changed_at",
    )  # fmt: skip
    sets.load(
        Customer,
        fields,
        (
            (
                store.pk, f"{prefix}{n:05}@x.example", f"{prefix}{n:05}@x.example", "First", f"Last{n}", "", now, "",
                [], {}, "", "", "", "unknown", now, now,
            )
            for n in range(count)
        ),
    )  # fmt: skip
    found = Customer.objects.for_store(store).filter(email_key__startswith=prefix, email_key__endswith="@x.example")
    return list(found.order_by("email_key"))


def put_in(segment: Segment, people: Iterable[Customer], source: Source = Source.MANUAL) -> None:
    """Make these people members."""
    chosen = Customer.objects.for_store(segment.store).filter(pk__in=[customer.pk for customer in people])
    membership.enter(segment, chosen.annotate(customer_id=F("pk")), Cause(source))
    segment.refresh_from_db()


def emails_in(segment: Segment) -> set[str]:
    return set(
        Membership.objects.for_store(segment.store)
        .filter(segment=segment)
        .values_list("customer__email_key", flat=True)
    )


def csv_of(rows: Rows, header: Sequence[str] = ("email", "name", "phone"), delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return text.getvalue().encode()


def as_file(content: bytes, name: str = "people.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def download(answer: Any) -> bytes:
    """What a person who downloads gets."""
    return b"".join(answer.streaming_content)


class Desk:
    """What a person does with files of one segment, through the pages."""

    def __init__(self, client: Client, segment: Segment, run_jobs: Callable[[], Any]) -> None:
        self.client, self.segment, self.run_jobs = client, segment, run_jobs

    def url(self, name: str, *args: Any) -> str:
        return reverse(f"segments:{name}", args=(self.segment.store.slug, *args))

    def send(self, content: bytes, name: str = "people.csv") -> Any:
        """Send the form with this file; the answer."""
        return self.client.post(self.url("upload", self.segment.pk), {"file": as_file(content, name)})

    def check(self, content: bytes, name: str = "people.csv") -> Upload:
        """Upload the file and have it checked."""
        answer = self.send(content, name)
        assert answer.status_code == 302, answer.content.decode()
        self.run_jobs()
        return self.latest()

    def latest(self) -> Upload:
        return Upload.objects.for_store(self.segment.store).filter(segment=self.segment).latest("pk")

    def post(self, name: str, upload: Upload, data: dict[str, Any] | None = None, **options: Any) -> Any:
        return self.client.post(self.url(name, self.segment.pk, upload.pk), data or {}, **options)

    def confirm(self, upload: Upload, **data: Any) -> Any:
        """Press Import, and let the worker work."""
        answer = self.post("upload_import", upload, data)
        self.run_jobs()
        upload.refresh_from_db()
        self.segment.refresh_from_db()
        return answer

    def bring(self, rows: Rows, name: str = "people.csv", **data: Any) -> Upload:
        """Upload, check and import these rows."""
        upload = self.check(csv_of(rows), name)
        self.confirm(upload, **data)
        return upload

    def undo(self, upload: Upload) -> Any:
        answer = self.post("upload_undo", upload)
        self.run_jobs()
        upload.refresh_from_db()
        self.segment.refresh_from_db()
        return answer

    def page(self, upload: Upload) -> str:
        answer = self.client.get(self.url("upload_detail", self.segment.pk, upload.pk))
        assert answer.status_code == 200
        return str(answer.content.decode())

    def report(self, upload: Upload, query: str = "") -> list[list[str]]:
        answer = self.client.get(self.url("upload_report", self.segment.pk, upload.pk) + query)
        text = download(answer).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text)))


@pytest.fixture
def desk(client: Client, segment: Segment, run_jobs: Callable[[], Any]) -> Desk:
    return Desk(client, segment, run_jobs)
