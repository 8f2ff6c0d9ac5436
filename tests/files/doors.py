"""The two doors through which files of people come in, walked as a person does: send, check, report, import."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.models import Customer, CustomerImport
from portal.models import Job, Store
from portal.sheets import LATER_ROW_COUNTS, REPORT_HEADERS
from segments.models import Segment, Upload
from tests.corpus.cases import CUSTOMERS, KNOWN, SEGMENT, Case

Line = tuple[int, str, str]
"""A row of a report: its line, what became of it, why."""


RAW = re.compile(r"<script>|<img src=x|<svg/onload|<h1>x|<b>@shop|window\.__x=1>(?!&)")
FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


class Door:
    """One way in. `answer` is what the last request was answered with."""

    model: type[Any]
    words: dict[bool, str]
    """What the check says of somebody who is a customer, and of somebody who is not."""
    reason: str
    """Why the latter."""

    def __init__(self, client: Client, place: Segment | Store, run_jobs: Callable[[], Any]) -> None:
        self.client, self.run_jobs = client, run_jobs
        self.store = place.store if isinstance(place, Segment) else place
        self.place = place

    @property
    def pages(self) -> str:
        raise NotImplementedError

    @property
    def sending(self) -> str:
        raise NotImplementedError

    def send(self, content: bytes, filename: str) -> Any:
        return self.client.post(self.sending, {"file": SimpleUploadedFile(filename, content)})

    def latest(self) -> Any:
        return self.model.objects.for_store(self.store).latest("pk")

    def check(self) -> Any:
        """Have the file that was sent last checked, its columns as they were guessed."""
        self.run_jobs()
        return self.latest()

    def start(self, upload: Any) -> None:
        raise NotImplementedError

    def page(self, upload: Any) -> str:
        answer = self.client.get(f"{self.pages}{upload.pk}/")
        assert answer.status_code == 200
        page = str(answer.content.decode())
        assert not RAW.search(page), "markup of a file stands in the page as it is"
        return page

    def report(self, upload: Any) -> list[list[str]]:
        answer = self.client.get(f"{self.pages}{upload.pk}/report/")
        assert answer.status_code == 200
        text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        [headers, *rows] = csv.reader(io.StringIO(text, newline=""))
        assert headers == list(REPORT_HEADERS)
        assert not any(cell.strip().startswith(FORMULAS) for row in rows for cell in row), "a formula gets out"
        return rows

    def job_states(self) -> set[str]:
        """Where the jobs of the store's files stand."""
        return set(Job.objects.for_store(self.store).values_list("state", flat=True))

    def expected(self, case: Case) -> list[Line]:
        """What the report of the check must say, line by line."""
        found: list[Line] = [(line, "Invalid", reason) for line, reason in case.bad.items()]
        for line, key in case.people.items():
            if line in case.again:
                found.append((line, "Again later in the file", LATER_ROW_COUNTS))
            else:
                found.append((line, self.words[key in KNOWN], "" if key in KNOWN else self.reason))
        return sorted(found)


class SegmentDoor(Door):
    model = Upload
    words = {True: "Matched", False: "No customer with this e-mail"}
    reason = "No customer of the store has this e-mail address."

    @property
    def pages(self) -> str:
        return f"/s/{self.store.slug}/segments/{self.place.pk}/imports/"

    @property
    def sending(self) -> str:
        return f"{self.pages}new/"

    def start(self, upload: Any) -> None:
        assert self.client.post(f"{self.pages}{upload.pk}/import/").status_code == 302
        self.run_jobs()


class CustomerDoor(Door):
    model = CustomerImport
    words = {True: "Customer here already", False: "New customer"}
    reason = ""

    @property
    def pages(self) -> str:
        return f"/s/{self.store.slug}/customers/imports/"

    @property
    def sending(self) -> str:
        return f"/s/{self.store.slug}/customers/import/"

    def check(self) -> Any:
        upload = self.latest()
        if not self.run_jobs():
            url = f"{self.pages}{upload.pk}/columns/"
            form = self.client.get(url).context["form"]
            chosen = {name: field.initial for name, field in form.fields.items()}
            answer = self.client.post(url, chosen)
            assert answer.status_code == 302, answer.context["form"].errors
            self.run_jobs()
        return self.latest()

    def start(self, upload: Any) -> None:
        assert self.client.post(f"{self.pages}{upload.pk}/start/").status_code == 302
        self.run_jobs()

    def customer(self, key: str) -> Customer:
        return Customer.objects.for_store(self.store).get(email_key=key)


DOORS: dict[str, type[Door]] = {SEGMENT: SegmentDoor, CUSTOMERS: CustomerDoor}
