"""A worker killed in the middle of an upload, and the numbers afterwards."""

from __future__ import annotations

import time
from functools import partial

import pytest

from tests.processes.installation import LEASE_SECONDS, Installation

pytestmark = pytest.mark.processes

CUSTOMERS = 60_000
UNKNOWN = 1_000
REPEATED = 500
PASSWORD = "a-long-test-password"

SEED = f"""
from django.utils import timezone
from portal import sets
from portal.models import Staff, Store, User
from customers.models import Customer
from segments.models import Segment
store = Store.objects.create(slug="maple", name="Maple Coffee", plan="pro", upload_limit=1_000_000)
user = User.objects.create_user("owner@maple.example", {PASSWORD!r})
Staff.objects.create_for(store, user=user, role="owner")
now = timezone.now()
said = dict(
    store=store.pk, first_name="", last_name="", phone="", signed_up_at=now, acquisition_channel="", tags=[],
    attributes={{}}, shopify_id="", recharge_id="", klaviyo_id="", marketing_consent="unknown", created_at=now,
    changed_at=now,
)
for start in range(0, {CUSTOMERS}, 20_000):
    addresses = [f"p{{n}}@maple.example" for n in range(start, min(start + 20_000, {CUSTOMERS}))]
    sets.load(Customer, ("email", "email_key", *said), ((each, each, *said.values()) for each in addresses))
answer = Segment.objects.create_for(store, name="Big Spenders").pk
"""

NUMBERS = """
from django.db.models import Count
from segments.models import Membership, MembershipChange, Segment, SegmentDay, Upload
segment = Segment.everywhere.get()
changes = MembershipChange.everywhere.filter(segment=segment)
answer = {
    "count": segment.member_count,
    "members": Membership.everywhere.filter(segment=segment).count(),
    "entered": changes.filter(kind=1).count(),
    "people": changes.values("customer_id").distinct().count(),
    "days": [list(row) for row in SegmentDay.everywhere.values_list("size", "entered", "left")],
    "report": Upload.everywhere.get().counts,
}
"""


def file_of_everyone() -> bytes:
    lines = ["email,name,phone"]
    lines += [f"p{n}@maple.example,Person {n},555-{n}" for n in range(CUSTOMERS)]
    lines += [f"nobody{n}@maple.example,," for n in range(UNKNOWN)]
    lines += [f" P{n}@MAPLE.example ,Last word {n}," for n in range(REPEATED)]
    return "\n".join(lines).encode()


def test_an_upload_survives_its_worker(installation: Installation) -> None:
    segment = installation.ask(SEED)
    for name in ("web", "worker", "beat"):
        installation.start(name)
    visitor = installation.browser()
    installation.wait(lambda: visitor.get("/accounts/login/").ok, seconds=60, what="the web")
    visitor.sign_in("owner@maple.example", PASSWORD)
    uploaded = visitor.post(
        f"/s/maple/segments/{segment}/imports/new/", {}, file=("everyone.csv", file_of_everyone(), "text/csv")
    )
    assert "/imports/" in uploaded.url, uploaded.text[-2000:]
    page = uploaded.url.removeprefix(installation.base)
    assert page.rstrip("/").split("/")[-1].isdigit(), page

    check = installation.wait(
        lambda: progressed(installation, "segments.check_upload", 0), seconds=60, what="the check to begin"
    )
    assert check["state"] == "running"
    installation.kill("worker")
    installation.start("worker")
    installation.wait(lambda: finished(installation, "segments.check_upload"), seconds=90, what="the check to end")

    visitor.session.post(
        installation.base + page + "import/",
        data={"csrfmiddlewaretoken": visitor.token(page)},
        headers={"Referer": installation.base + page},
        timeout=60,
    ).raise_for_status()
    seen = []
    for _ in range(2):
        # Twice in a row: the second worker dies in what the first has left.
        before = installation.job("segments.import_upload")
        assert before is not None
        running = installation.wait(
            partial(progressed, installation, "segments.import_upload", before["done"]), seconds=90, what="progress"
        )
        seen.append(running["done"])
        installation.kill("worker")
        installation.start("worker")
    assert seen == sorted(seen)
    assert 0 < seen[0] < CUSTOMERS
    killed_at = time.monotonic()
    job = installation.wait(
        lambda: finished(installation, "segments.import_upload"), seconds=120, what="the import to end"
    )
    assert time.monotonic() - killed_at < 60 + LEASE_SECONDS
    assert job["lease_token"] >= 3, "the job was never taken over, so nothing was tested"
    assert (job["done"], job["total"]) == (CUSTOMERS + UNKNOWN + REPEATED,) * 2

    numbers = installation.ask(NUMBERS)
    assert numbers["count"] == numbers["members"] == numbers["entered"] == numbers["people"] == CUSTOMERS
    assert numbers["days"] == [[CUSTOMERS, CUSTOMERS, 0]]
    report = numbers["report"]
    assert (report["added"], report["unmatched"], report["repeated"]) == (CUSTOMERS, UNKNOWN, REPEATED)
    assert sum(report.values()) == CUSTOMERS + UNKNOWN + REPEATED
    installation.manage("check_invariants")
    lines = visitor.get(page + "report/").text.splitlines()
    assert len(lines) == 1 + CUSTOMERS + UNKNOWN + REPEATED


def progressed(installation: Installation, kind: str, beyond: int) -> dict[str, object] | None:
    """The job, once it runs and has kept a step more than `beyond`."""
    job = installation.job(kind)
    return job if job and job["state"] == "running" and job["done"] > beyond else None


def finished(installation: Installation, kind: str) -> dict[str, object] | None:
    job = installation.job(kind)
    assert job is None or job["state"] not in {"failed", "cancelled"}, job
    return job if job and job["state"] == "succeeded" else None
