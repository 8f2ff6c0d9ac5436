"""Stories of a store, as its staff and the workers live them; told in a process that may be killed at any point.

A story brings the store to its end from wherever it stands: told again after a crash, it is what staff do who find
that their click was lost, and what the sweeper does with work whose worker is gone.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypedDict

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections, transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from customers.imports.actions import receive_import
from customers.imports.actions import start_import as start_customers
from customers.models import Customer, CustomerImport
from customers.privacy.erase import erase_customer
from portal import crash, jobs, leases, pulse, sets, wall
from portal.models import Job, Staff, Store, User
from portal.models.job import ACTIVE_STATES, JobState
from portal.sheets import Stage
from segments import actions, membership
from segments.membership import Cause
from segments.models import Source, Upload
from segments.uploads.actions import receive_upload, start_import, start_undo
from tests.processes import oracle
from tests.processes.making_metrics import make_metrics
from tests.processes.scene import Rows, Scene

_SILENT = {
    **dict.fromkeys(("first_name", "last_name", "phone", "acquisition_channel"), ""),
    **dict.fromkeys(("shopify_id", "recharge_id", "klaviyo_id"), ""),
    "tags": [],
    "attributes": {},
    "marketing_consent": "unknown",
}


class Cast(TypedDict):
    """Who is in a story: customers of the store, those of them who are members of the segment, those who were removed
    from it by hand, and the rows of the file that is brought in."""

    customers: list[str]
    members: list[str]
    removed: list[str]
    file: Rows


def seed(slug: str, cast: Cast) -> None:
    """A store with an owner, its customers and its segment."""
    store = Store.objects.create(slug=slug, name=slug.title(), plan="pro")
    owner = User.objects.create_user(f"owner@{slug}.example", None)
    Staff.objects.create_for(store, user=owner, role="owner")
    now = timezone.now()
    said = {"store": store.pk, **_SILENT, "signed_up_at": now, "created_at": now, "changed_at": now}
    rows = ((email, email.lower(), *said.values()) for email in cast["customers"])
    sets.load(Customer, ("email", "email_key", *said), rows)
    segment = actions.create_segment(store, name="Big Spenders", actor=owner)
    people = Customer.objects.for_store(store).annotate(customer_id=F("pk"))
    if cast["members"] or cast["removed"]:
        inside = people.filter(email_key__in=[*cast["members"], *cast["removed"]])
        membership.enter(segment, inside, Cause(Source.MANUAL, actor=owner))
        gone = list(people.filter(email_key__in=cast["removed"]).values_list("pk", flat=True))
        actions.remove_customers(segment, gone, actor=owner)


def let_in(slug: str, password: str) -> int:
    """Give the owner a password to sign in with; the id of the segment."""
    scene = Scene(slug)
    scene.owner.set_password(password)
    scene.owner.save()
    return int(scene.segment.pk)


def csv(rows: Rows, header: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("people.csv", "\n".join([header, *(",".join(row) for row in rows)]).encode())


def import_customers(slug: str, rows: Rows) -> None:
    scene = Scene(slug)
    upload = scene.latest(CustomerImport)
    if upload is None:
        upload = receive_import(scene.store, csv(rows, "email,first_name,phone"), actor=scene.owner)
    scene.work()
    if scene.stage(upload) == Stage.READY:
        start_customers(upload, change_consent=False, actor=scene.owner)
    scene.work()


def import_members(slug: str, rows: Rows) -> None:
    scene = Scene(slug)
    upload = scene.latest(Upload)
    if upload is None:
        upload = receive_upload(scene.segment, csv(rows, "email,name,phone"), actor=scene.owner)
    scene.work()
    if scene.stage(upload) == Stage.READY:
        start_import(upload, include_removed=False, actor=scene.owner)
    scene.work()


def undo_import(slug: str, _: Rows) -> None:
    scene = Scene(slug)
    upload = scene.latest(Upload)
    upload.segment.store = scene.store
    start_undo(upload, actor=scene.owner)
    scene.work()


def delete_segment(slug: str, _: Rows) -> None:
    scene = Scene(slug)
    if scene.segment is not None and scene.segment.deleted_at is None:
        actions.delete_segment(scene.segment, typed="Big Spenders", cancel_running=False, actor=scene.owner)
    scene.work()


def erase_person(slug: str, rows: Rows) -> None:
    """Erase the customer whom the file names first."""
    scene = Scene(slug)
    customer = Customer.objects.for_store(scene.store).filter(email_key=rows[0][0]).first()
    if customer is not None:
        customer.store = scene.store
        erase_customer(customer, typed=rows[0][0], actor=scene.owner)
    scene.work()


def export_members(slug: str, _: Rows) -> str:
    """The digest of the file that the owner gets, its times left out."""
    scene = Scene(slug)
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(scene.owner)
    answer: Any = client.post(f"/s/{slug}/segments/{scene.segment.pk}/export/")
    assert answer.status_code == 200, answer
    lines = b"".join(answer.streaming_content).decode().splitlines()
    return hashlib.sha256("\n".join(line.partition(",20")[0] for line in lines).encode()).hexdigest()


def prepare(story: str, slug: str, cast: Cast) -> None:
    """A store in which the story can begin."""
    seed(slug, cast)
    if earlier := EARLIER.get(story):
        small, sets.CHUNKS = sets.CHUNKS, dict.fromkeys(sets.CHUNKS, 1_000)
        STORIES[earlier](slug, cast["file"])
        sets.CHUNKS = small


def rehearse(story: str, slug: str, cast: Cast) -> list[str]:
    """Tell the story undisturbed; the crash points that it comes by, each as often as it does."""
    prepare(story, slug, cast)
    seen: list[str] = []
    crash.point = seen.append
    STORIES[story](slug, cast["file"])
    return seen


def warm_up() -> None:
    """Tell every story of these once, and let go of the database."""
    for number, story in enumerate(WARMING):
        slug, email = f"warm-{number}", "a@x.example"
        cast = Cast(customers=[email], members=[], removed=[], file=[[email, "", ""]])
        prepare(story, slug, cast)
        STORIES[story](slug, cast["file"])
        oracle.seen(slug)
    connections.close_all()


def tell(story: str, slug: str, cast: Cast) -> None:
    """Tell the story from wherever it stands."""
    STORIES[story](slug, cast["file"])


def perform(story: str, slug: str, cast: Cast, switches: dict[str, str]) -> None:
    """Tell the story to its end, if nothing kills the process: it is `switches` that may."""
    prepare(story, slug, cast)
    crash.arm(switches)
    STORIES[story](slug, cast["file"])


def linger(story: str, slug: str, cast: Cast, place: str, seconds: float, changed: dict[str, Any]) -> None:
    """Tell the story, and take `seconds` the first time it comes by `place`; with these settings changed, and without
    a pulse when `changed` says "pulse": False."""
    prepare(story, slug, cast)
    if not changed.pop("pulse", True):
        pulse.Pulse.start = pulse.Pulse.stop = lambda self: None  # type: ignore[method-assign]
    for name, value in changed.items():
        setattr(settings, name, value)
    waiting = [seconds]

    def point(name: str) -> None:
        if name == place and waiting:
            # It does something all the while, as a long statement would.
            until = time.monotonic() + waiting.pop()
            while time.monotonic() < until:
                Store.objects.exists()
                time.sleep(0.2)

    crash.point = point
    STORIES[story](slug, cast["file"])


def work(slug: str) -> None:
    """Do once what workers find to do in the store."""
    Scene(slug).work()


def forget_tokens(story: str, slug: str, cast: Cast, switches: dict[str, str]) -> None:
    """Perform, as if every worker held every lease for ever."""
    prepare(story, slug, cast)
    leases.held = lambda job: Job.everywhere.filter(pk=job.pk)
    crash.arm(switches)
    STORIES[story](slug, cast["file"])


def account_apart(story: str, slug: str, cast: Cast, switches: dict[str, str]) -> None:
    """Perform, with the accounting of a step in a transaction of its own."""

    def step(job: Job, work: Any) -> bool:
        with wall.around(job.store), transaction.atomic():
            done = work.step()
        crash.point("rows are committed")
        kept = {"cursor": done.cursor, "done": done.done, "total": done.total, "phase": done.phase}
        leases.write(job, **kept, attempts=0, **jobs._outlook(done))
        job.cursor, job.done, job.total, job.attempts = done.cursor, done.done, done.total, 0
        return done.result is None

    jobs._step = step
    perform(story, slug, cast, switches)


def enter_slowly(slug: str, key: str, with_lock: bool, mark: str) -> None:
    """A file brings somebody in, and takes four seconds between asking who is kept out, when there is a file `mark`,
    and writing who comes."""
    scene = Scene(slug)
    if not with_lock:
        membership.lock = lambda segment: segment.version

    def point(name: str) -> None:
        if name == "door.asked":
            Path(mark).touch()
            time.sleep(4)

    crash.point = point
    one = Customer.objects.for_store(scene.store).filter(email_key=key).annotate(customer_id=F("pk"))
    membership.enter(scene.segment, one, Cause(Source.UPLOAD, actor=scene.owner))


def remove(slug: str, key: str, with_lock: bool) -> None:
    """The owner removes somebody by hand."""
    scene = Scene(slug)
    if not with_lock:
        membership.lock = lambda segment: segment.version
    one = Customer.objects.for_store(scene.store).get(email_key=key)
    actions.remove_customers(scene.segment, [one.pk], actor=scene.owner)


def recover(story: str, slug: str, cast: Cast) -> Any:
    """After a crash: leases run out, what was deferred is due, and the story is told to its end. Its answer, and what
    is seen then."""
    for _ in range(6):
        pass_time(slug)
        answer = STORIES[story](slug, cast["file"])
        if not unfinished(slug):
            return [answer, oracle.seen(slug)]
    raise AssertionError(f"Work goes on for ever: {unfinished(slug)}")


def pass_time(slug: str) -> None:
    past = timezone.now() - timedelta(hours=1)
    mine = Job.everywhere.filter(store__slug=slug)
    mine.filter(state=JobState.RUNNING).update(lease_until=past)
    mine.filter(state=JobState.QUEUED).update(due_at=past)


def unfinished(slug: str) -> list[Any]:
    mine = Job.everywhere.filter(store__slug=slug, state__in=ACTIVE_STATES)
    return list(mine.values_list("kind", "state", "attempts", "error"))


STORIES: dict[str, Callable[..., Any]] = {
    "import customers": import_customers,
    "import members": import_members,
    "undo an import": undo_import,
    "delete a segment": delete_segment,
    "export members": export_members,
    "erase a person": erase_person,
    "make metrics": make_metrics,
}

WARMING = list(STORIES)

EARLIER = {
    "undo an import": "import members",
    "delete a segment": "import members",
    "export members": "import members",
    "erase a person": "import members",
}
"""Story → the one that must have been told before it."""
