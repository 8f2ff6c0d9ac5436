"""The demo's data holds together: its history is what the doors would have written, and nobody in it is real."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, F
from django.test import Client, override_settings
from django.utils import timezone

from customers.models import Customer, CustomerImport, CustomerImportRow
from portal import jobs as portal_jobs
from portal.models import AuditEntry, Job, SheetUpload, Staff, Store, User
from portal.models.job import JobState
from segments.demo import shops
from segments.membership import Cause, enter, leave, withdraw
from segments.models import Exclusion, Membership, MembershipChange, Segment, SegmentDay, Source, Upload, UploadRow
from segments.uploads.actions import start_undo
from segments.uploads.work import outcomes_of

EXAMPLE = re.compile(r"(.+\.)?example(\.com|\.org|\.net)?")
FICTIONAL = re.compile(
    r"\+1 \d{3} 555 01\d\d|\+44 (20 7946 0\d{3}|1(61|17|13|31) 496 0\d{3}|29 2018 0\d{3}|7700 900\d{3})"
    r"|\+49 (30 23125 \d{3}|40 66969 \d{3}|89 99998 \d{3}|221 4710 \d{3})|\+353 20 91\d \d{4}|\+61 [23] 5550 \d{4}"
    r"|\+46 8 465 004 \d\d"
)
ENTERED, LEFT = MembershipChange.Kind.ENTERED, MembershipChange.Kind.LEFT
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def demo(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The loaded demo, for every test of this module; what loading it printed."""
    with django_db_blocker.unblock(), override_settings(DEMO=True), transaction.atomic():
        said = StringIO()
        call_command("load_demo", stdout=said)
        yield said.getvalue()
        transaction.set_rollback(True)


@pytest.fixture
def juniper(demo: str) -> Store:
    return Store.objects.get(slug="juniper")


@pytest.fixture
def segments(juniper: Store) -> list[Segment]:
    return list(Segment.objects.for_store(juniper))


def of(model: Any, segment: Segment) -> Any:
    return model.objects.for_store(segment.store).filter(segment=segment)


def table_sizes() -> dict[str, int]:
    owned = (Customer, CustomerImportRow, Segment, Membership, MembershipChange, SegmentDay, UploadRow, Exclusion)
    rows = {model.__name__: model.everywhere.count() for model in (*owned, Upload, CustomerImport, Job, AuditEntry)}
    return rows | {"User": User.objects.count(), "Store": Store.objects.count(), "Staff": Staff.everywhere.count()}


def test_a_second_load_changes_nothing(demo: str, django_assert_max_num_queries: Any) -> None:
    before, said = table_sizes(), StringIO()
    with django_assert_max_num_queries(5):
        call_command("load_demo", stdout=said)
    assert said.getvalue() == "The demo is loaded already.\n"
    assert table_sizes() == before


def test_it_is_refused_outside_the_demo(db: None) -> None:
    before = table_sizes()
    with override_settings(DEMO=False), pytest.raises(CommandError, match="COTERIE_DEMO"):
        call_command("load_demo")
    assert table_sizes() == before


def test_who_works_where(demo: str) -> None:
    places = Staff.everywhere.values_list("user__email", "store__slug", "role")
    assert sorted(places) == [
        ("manager@demo.example", "juniper", "manager"),
        ("owner@demo.example", "corner", "owner"),
        ("owner@demo.example", "juniper", "owner"),
        ("viewer@demo.example", "juniper", "viewer"),
    ]
    assert list(User.objects.filter(is_superuser=True).values_list("email", flat=True)) == ["admin@demo.example"]
    assert all(user.check_password("coterie-demo") for user in User.objects.all())


def test_the_second_store_shows_the_gate(juniper: Store) -> None:
    corner = Store.objects.get(slug="corner")
    assert (juniper.plan, corner.plan) == ("pro", "standard")
    assert Customer.objects.for_store(juniper).count() == 5_000
    assert Customer.objects.for_store(corner).count() == 300
    assert not Segment.objects.for_store(corner).exists()


def test_the_same_shop_has_the_same_people(juniper: Store) -> None:
    people = {person.email for person in shops.people_of(juniper)}
    assert people == set(Customer.objects.for_store(juniper).values_list("email", flat=True))


def test_nobody_is_real(demo: str) -> None:
    domains = {email.partition("@")[2].lower() for email in addresses()}
    assert len(domains) > 5
    assert not [domain for domain in domains if not EXAMPLE.fullmatch(domain)]
    phones = {phone for phone in Customer.everywhere.values_list("phone", flat=True) if phone}
    assert len(phones) > 1_000
    assert not [phone for phone in phones if not FICTIONAL.fullmatch(phone)]


def addresses() -> Iterator[str]:
    """Every address in the database, in the stored files and among the samples."""
    yield from User.objects.values_list("email", flat=True)
    yield from Customer.everywhere.values_list("email", flat=True)
    for model in (UploadRow, CustomerImportRow):
        yield from model.everywhere.exclude(verdict="invalid").values_list("email", flat=True)
    samples = [path.read_bytes() for path in (django_settings.DATA_DIR / "samples").glob("*.csv")]
    uploads = [*Upload.everywhere.all(), *CustomerImport.everywhere.all()]
    stored = [content_of(upload) for upload in uploads if upload.filename.endswith(".csv")]
    for content in (*samples, *stored):
        yield from re.findall(r"[\w.+-]+@[\w.-]+\.\w+", content.decode("cp1252", "replace"))


def content_of(upload: SheetUpload) -> bytes:
    with upload.file.open("rb") as file:
        return file.read()


def test_nothing_happens_in_the_future(demo: str) -> None:
    now = timezone.now()
    moments = [
        *Customer.everywhere.values_list("signed_up_at", "changed_at"),
        *MembershipChange.everywhere.values_list("at"),
        *AuditEntry.everywhere.values_list("at"),
        *Job.everywhere.values_list("created_at", "finished_at"),
        *Segment.everywhere.values_list("created_at", "updated_at"),
    ]
    assert max(moment for row in moments for moment in row if moment is not None) <= now


def test_a_dozen_segments_have_a_year_behind_them(segments: list[Segment]) -> None:
    assert len(segments) == 12
    assert {"Big Spenders", "Free Gift", "Test Customers"} <= {segment.name for segment in segments}
    busiest = max(of(SegmentDay, segment).count() for segment in segments)
    assert busiest > 350
    assert all(of(SegmentDay, segment).exists() and segment.member_count for segment in segments)


def test_sizes_days_and_changes_agree(segments: list[Segment]) -> None:
    for segment in segments:
        assert segment.member_count == of(Membership, segment).count()
        by_day: dict[date, Counter[int]] = defaultdict(Counter)
        for at, kind in of(MembershipChange, segment).values_list("at", "kind"):
            by_day[segment.store.day(at)][kind] += 1
        size, told = 0, []
        for day, kinds in sorted(by_day.items()):
            size += kinds[ENTERED] - kinds[LEFT]
            told.append((day, size, kinds[ENTERED], kinds[LEFT]))
        assert list(of(SegmentDay, segment).order_by("day").values_list("day", "size", "entered", "left")) == told
        assert size == segment.member_count
        assert segment.updated_at == of(MembershipChange, segment).latest("at").at
        assert segment.version == of(MembershipChange, segment).values("at", "kind").distinct().count()


def test_each_membership_begins_with_its_last_change(segments: list[Segment]) -> None:
    for segment in segments:
        latest: dict[int, tuple[int, datetime]] = {}
        counted: Counter[int] = Counter()
        for customer, kind, at in of(MembershipChange, segment).order_by("id").values_list("customer_id", "kind", "at"):
            latest[customer] = kind, at
            counted[customer] += 1 if kind == ENTERED else -1
        members = dict(of(Membership, segment).values_list("customer_id", "added_at"))
        assert members == {customer: at for customer, (kind, at) in latest.items() if kind == ENTERED}
        assert set(counted.values()) <= {0, 1}
        excluded = set(of(Exclusion, segment).values_list("customer_id", flat=True))
        assert excluded.isdisjoint(members)


def test_every_row_points_at_a_customer_of_the_store(juniper: Store) -> None:
    customers = Customer.objects.for_store(juniper)
    for model in (Membership, MembershipChange, Exclusion):
        rows = model.everywhere.all()
        assert not rows.exclude(store=juniper).exists()
        assert not rows.exclude(customer_id__in=customers.values("pk")).exists()
        assert not rows.exclude(segment_id__in=Segment.objects.for_store(juniper).values("pk")).exists()


@pytest.mark.parametrize("name", ["Big Spenders", "Referral friends", "VIP tasting panel"])
def test_the_door_would_have_written_the_same(juniper: Store, name: str) -> None:
    original = Segment.objects.for_store(juniper).get(name=name)
    copy = Segment.objects.create_for(juniper, name=f"{name} again", created_by=original.created_by)
    replay(original, copy)
    for model, fields in (
        (Membership, ("customer_id", "sources", "added_at", "entered_in", "added_by_id", "upload_id", "name", "phone")),
        (Exclusion, ("customer_id", "excluded_at", "excluded_by_id")),
        (SegmentDay, ("day", "size", "entered", "left")),
        (MembershipChange, ("customer_id", "kind", "source", "actor_id", "job_id", "upload_id", "at")),
    ):
        written = [set(of(model, segment).values_list(*fields)) for segment in (original, copy)]
        assert written[0] == written[1]
    copy.refresh_from_db()
    assert (copy.member_count, copy.version, copy.updated_at) == (
        original.member_count,
        original.version,
        original.updated_at,
    )


def replay(original: Segment, copy: Segment) -> None:
    """Do to `copy`, through the door, what the changes say was done to `original`."""
    waves = of(MembershipChange, original).order_by("id").select_related("actor", "job", "upload")
    gathered: dict[tuple[Any, ...], list[MembershipChange]] = {}
    for change in waves:
        gathered.setdefault((change.at, change.kind), []).append(change)
    for (at, kind), changes in gathered.items():
        first, ids = changes[0], [change.customer_id for change in changes]
        cause = Cause(Source(first.source), first.actor, first.job, first.upload, at)
        by_hand = first.source == Source.MANUAL
        rows = UploadRow.objects.for_store(copy.store).filter(verdict__in=("matched", "already"))
        mine = rows.filter(upload=first.upload)
        if kind == LEFT and by_hand:
            leave(copy, of(Membership, copy).filter(customer_id__in=ids), cause, keep_out=True)
        elif kind == LEFT:
            heirs = rows.filter(upload__segment=original, upload__finished_at__lt=at).exclude(upload=first.upload)
            withdraw(copy, mine, cause, heirs=heirs)
        elif by_hand:
            people = Customer.objects.for_store(copy.store).filter(pk__in=ids).annotate(customer_id=F("pk"))
            enter(copy, people, cause, readmit=True)
        else:
            enter(copy, mine, cause, supplement=True)


def test_reports_account_for_every_row(juniper: Store) -> None:
    added_by = dict(
        MembershipChange.objects.for_store(juniper)
        .filter(kind=ENTERED, upload__isnull=False)
        .values_list("upload")
        .annotate(people=Count("pk"))
    )
    for uploads, row_model in ((Upload, UploadRow), (CustomerImport, CustomerImportRow)):
        for upload in uploads.objects.for_store(juniper):
            rows = row_model.objects.for_store(juniper).filter(upload=upload)
            outcomes = outcomes_of(upload) if isinstance(upload, Upload) and upload.applied_to else {}
            verdicts = Counter(outcomes.get(said, said) for said in rows.values_list("verdict", flat=True))
            assert {name: count for name, count in upload.counts.items() if count} == dict(verdicts)
            assert sum(verdicts.values()) == (upload.row_count or 0)
            if isinstance(upload, Upload):
                assert added_by.get(upload.pk, 0) == verdicts.get("added", 0)


def test_stored_files_are_what_the_uploads_say(juniper: Store) -> None:
    uploads: list[SheetUpload] = [*Upload.objects.for_store(juniper), *CustomerImport.objects.for_store(juniper)]
    assert len(uploads) > 20
    for upload in uploads:
        content = content_of(upload)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (upload.size, upload.sha256)


def test_uploads_show_every_ending(juniper: Store) -> None:
    uploads = Upload.objects.for_store(juniper)
    refused = uploads.exclude(refusal="").get()
    assert "12,480" in refused.refusal
    assert "8,900" in refused.refusal
    undone = uploads.get(undone_at__isnull=False)
    assert not Membership.objects.for_store(juniper).filter(upload=undone).exists()
    verdicts = set(UploadRow.objects.for_store(juniper).values_list("verdict", flat=True))
    assert {"matched", "already", "kept_out", "unmatched", "repeated", "invalid"} <= verdicts
    jobs = Job.objects.for_store(juniper)
    assert {job.kind for job in jobs} <= set(portal_jobs.kinds())
    assert jobs.filter(state=JobState.FAILED).exclude(error="").exists()
    assert jobs.filter(state=JobState.CANCELLED).exists()
    assert not jobs.filter(state__in=(JobState.QUEUED, JobState.RUNNING)).exists()
    sources = set(CustomerImport.objects.for_store(juniper).values_list("source", flat=True))
    assert sources == {"shopify", "recharge", "template"}


def test_what_was_left_open_can_be_finished(juniper: Store, run_jobs: Any) -> None:
    stuck = Job.objects.for_store(juniper).get(state=JobState.FAILED)
    upload = Upload.objects.for_store(juniper).get(pk=stuck.subject_id)
    before, expected = upload.segment.member_count, upload.counts["matched"]
    assert portal_jobs.retry(stuck)
    assert [job.state for job in run_jobs()] == [JobState.SUCCEEDED]
    upload.segment.refresh_from_db()
    assert upload.segment.member_count == before + expected

    stopped = Job.objects.for_store(juniper).get(state=JobState.CANCELLED)
    assert portal_jobs.retry(stopped)
    assert [job.state for job in run_jobs()] == [JobState.SUCCEEDED]
    assert Customer.objects.for_store(juniper).count() == 5_350


def test_an_import_of_the_past_can_be_undone(juniper: Store, run_jobs: Any) -> None:
    uploads = Upload.objects.for_store(juniper).filter(segment__name="Big Spenders", finished_at__isnull=False)
    latest = uploads.order_by("-finished_at").first()
    assert latest is not None
    before = latest.segment.member_count
    assert start_undo(latest, actor=User.objects.get(email="manager@demo.example"))
    assert [job.state for job in run_jobs()] == [JobState.SUCCEEDED]
    latest.segment.refresh_from_db()
    assert latest.segment.member_count == before - latest.counts["added"]


def test_people_can_sign_in(demo: str) -> None:
    for email, lands_on in (("owner@demo.example", "/"), ("viewer@demo.example", "/")):
        client = Client()
        answer = client.post("/accounts/login/", {"login": email, "password": "coterie-demo"})
        assert answer.status_code == 302
        assert answer["Location"] == lands_on
