"""A store with a segment in an installation, and someone signed in there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests

from tests.processes.installation import Installation
from tests.processes.visitor import Visitor

PASSWORD = "a-long-test-password"


SEED = f"""
from portal.models import Staff, Store, User
from customers.models import Customer
from segments.models import Segment
store = Store.objects.create(slug="maple", name="Maple Coffee", plan="pro")
user = User.objects.create_user("owner@maple.example", {PASSWORD!r})
Staff.objects.create_for(store, user=user, role="owner")
for number in range(40):
    Customer(store=store, email=f"p{{number}}@maple.example").save()
answer = Segment.objects.create_for(store, name="Big Spenders").pk
"""


FILE = ("people.csv", b"email\n" + b"".join(b"p%d@maple.example\n" % number for number in range(40)), "text/csv")


@contextlib.contextmanager
def opened(installation: Installation, *programs: str) -> Iterator[tuple[Visitor, int]]:
    """The installation with a store and these programs; its owner, signed in, and a segment."""
    with installation:
        segment = installation.ask(SEED)
        for name in ("web", *programs):
            installation.start(name)
        visitor = installation.browser()
        installation.wait(lambda: visitor.get("/accounts/login/").ok, seconds=60, what="the web")
        visitor.sign_in("owner@maple.example", PASSWORD)
        yield visitor, segment


def timed(visitor: Visitor, path: str, **headers: str) -> tuple[requests.Response, float]:
    began = time.monotonic()
    answer = visitor.session.get(visitor.base + path, headers=headers, timeout=60)
    return answer, time.monotonic() - began


def press_import(visitor: Visitor, segment: int) -> tuple[str, float]:
    """Bring a file; the address of its page, and the seconds that sending it took."""
    form = f"/s/maple/segments/{segment}/imports/new/"
    token = visitor.token(form)
    began = time.monotonic()
    answer = visitor.session.post(
        visitor.base + form,
        data={"csrfmiddlewaretoken": token},
        files={"file": FILE},
        headers={"Referer": visitor.base + form},
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 302, answer.text[-500:]
    return urlsplit(answer.headers["Location"]).path, time.monotonic() - began
