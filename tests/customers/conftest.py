"""A manager at the customer pages, with files to bring."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.models import Customer, CustomerImport, CustomerImportRow
from portal.models import Job, Store, User

PAGES = "/s/maple/customers/"


def body(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode("utf-8-sig")


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.fixture
def client(manager: User, client_of: Callable[..., Client]) -> Client:
    return client_of(manager)


class Importer:
    """Brings files the way a person does: upload, check, import."""

    def __init__(self, client: Client, run_jobs: Callable[[], list[Job]], store: Store) -> None:
        self.client, self.run_jobs, self.store = client, run_jobs, store
        self.at = f"{PAGES}import/"

    def of(self, kind: str) -> Importer:
        """The one who brings files of that kind."""
        other = Importer(self.client, self.run_jobs, self.store)
        other.at = f"{PAGES}import/{kind}/"
        return other

    def upload(self, content: str | bytes, name: str = "people.csv") -> CustomerImport:
        data = content.encode() if isinstance(content, str) else content
        response = self.client.post(self.at, {"file": SimpleUploadedFile(name, data)})
        assert response.status_code == 302, body(response)[:2000]
        return CustomerImport.objects.for_store(self.store).latest("pk")

    def check(self, content: str | bytes, name: str = "people.csv") -> CustomerImport:
        upload = self.upload(content, name)
        self.run_jobs()
        upload.refresh_from_db()
        return upload

    def start(self, upload: CustomerImport, **choices: str) -> CustomerImport:
        response = self.client.post(f"{PAGES}imports/{upload.pk}/start/", choices)
        assert response.status_code == 302
        self.run_jobs()
        upload.refresh_from_db()
        return upload

    def bring(self, content: str | bytes, name: str = "people.csv", **choices: str) -> CustomerImport:
        return self.start(self.check(content, name), **choices)


@pytest.fixture
def importer(client: Client, run_jobs: Callable[[], list[Job]], store: Store) -> Importer:
    return Importer(client, run_jobs, store)


def people(store: Store) -> dict[str, Customer]:
    return {customer.email_key: customer for customer in Customer.objects.for_store(store)}


def rows(upload: CustomerImport) -> dict[int, tuple[str, str]]:
    """Line → verdict and reason."""
    found = CustomerImportRow.everywhere.filter(upload=upload).order_by("line")
    return {row.line: (row.verdict, row.reason) for row in found}


def told(upload: CustomerImport) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: count for name, count in upload.counts.items() if count}
