"""Each invariant finds what it is there to find, and the command tells of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from customers.actions import change_customer
from customers.imports.actions import receive_import, start_import
from customers.models import (
    Arrival,
    Customer,
    CustomerImport,
    CustomerImportRow,
    CustomerMetrics,
    Erasure,
    Event,
    NameSetAside,
    Order,
    OrderLine,
    PersonTold,
    Product,
    Subscription,
    Visitor,
)
from customers.privacy.erase import erase_customer
from customers.register import customers_version
from portal import audit
from portal.invariants import all_invariants, broken, pointers
from portal.models import Job, Store, User
from segments import actions
from segments.models import (
    Connection,
    Exclusion,
    ExternalGroup,
    ExternalLink,
    ExternalMember,
    Membership,
    MembershipChange,
    Segment,
    SegmentDay,
    Source,
    Sync,
    Upload,
    UploadRow,
)
from tests.conftest import do_jobs, is_postgresql, make_store, make_user
from tests.customers.selling import sell_something, set_something_aside
from tests.segments.conftest import Desk, make_customers, put_in
from tests.wholeness import whats_broken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("breaks")]
NOWHERE = 999_999_999
HOUR = timedelta(hours=1)
all_invariants()  # so that every app has declared its own


@pytest.fixture(scope="module")
def standing(django_db_setup: None, django_db_blocker: Any) -> Iterator[Segment]:
    """Made once: each test works inside of this transaction, and its damage is rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        store = make_store("maple", time_zone="America/New_York")
        owner = make_user("owner@maple.example", owner=store)
        client = Client()
        client.force_login(owner)
        desk = Desk(client, actions.create_segment(store, name="Big Spenders", actor=owner), do_jobs)
        people = make_customers(store, 4)
        desk.bring([(person.email, "", "") for person in people])
        actions.remove_customers(desk.segment, [people[0].pk], actor=owner)
        follow_a_list(desk.segment, people)
        sell_something(people[3])
        set_something_aside(store)
        bring_customers(store, owner)
        yield desk.segment
        transaction.set_rollback(True)


@pytest.fixture
def store(standing: Segment, db: None) -> Store:
    return Store.objects.get(pk=standing.store_id)


@pytest.fixture
def owner(store: Store) -> User:
    return User.objects.get(email="owner@maple.example")


@pytest.fixture
def full(standing: Segment, store: Store) -> Segment:
    return Segment.objects.for_store(store).select_related("store").get(pk=standing.pk)


def follow_a_list(segment: Segment, people: list[Customer]) -> None:
    """The segment follows a list with a member on it, and somebody who was removed by hand."""
    store, now = segment.store, timezone.now()
    account = Connection.objects.create_for(store, source="klaviyo", account_id="A", account_name="A", credentials="x")
    group = {"kind": "list", "group_id": "L"}
    ExternalGroup.objects.create_for(store, connection=account, name="L", name_key="l", seen_in=1, **group)
    link = ExternalLink.objects.create_for(store, segment=segment, connection=account, name="L", **group)
    sync = Sync.objects.create_for(
        store, segment=segment, link=link, source="klaviyo", kind="list", group_name="L", cause="first",
        outcome="applied", finished_at=now,
    )  # fmt: skip
    ExternalLink.objects.for_store(store).update(synced=sync, seen_in=customers_version(store))
    for number in (0, 1):
        key = people[number].email_key
        ExternalMember.objects.create_for(store, sync=sync, profile_id=f"P{number}", email_key=key)
    put_in(segment, people[1:2], Source.EXTERNAL)


def hold_by_no_list(segment: Segment) -> None:
    Sync.everywhere.update(link=None)
    ExternalLink.everywhere.all().delete()


def forget_a_member(segment: Segment) -> None:
    ExternalLink.everywhere.update(seen_in=customers_version(segment.store))
    flag = int(Source.EXTERNAL)
    held = Membership.everywhere.annotate(mark=F("sources").bitand(flag)).filter(mark=flag)
    held.update(sources=F("sources") - flag)


def bring_customers(store: Store, owner: User) -> None:
    """A file of customers, one of whom has another address since, and one of whom was erased."""
    lines = "email,first_name\np00001@x.example,P\nold@x.example,A\nnew@x.example,B\nzed@x.example,C\n"
    upload = receive_import(store, SimpleUploadedFile("c.csv", lines.encode()), actor=owner)
    do_jobs()
    start_import(upload, change_consent=False, actor=owner)
    do_jobs()
    people = Customer.objects.for_store(store)
    moved, gone = people.get(email_key="old@x.example"), people.get(email_key="zed@x.example")
    change_customer(moved, actor=owner, seen_at=moved.changed_at, email="moved@x.example")
    gone.store = store
    erase_customer(gone, typed="zed@x.example", actor=owner)
    do_jobs()


POINTERS = {f"{model._meta.model_name}s_with_{field}_astray": (model, field) for model, field, _ in pointers()}


def first(model: Any) -> Any:
    return model.everywhere.filter(pk=model.everywhere.order_by("pk").values_list("pk", flat=True)[0])


def rewrite_history(segment: Segment) -> None:
    row = MembershipChange.everywhere.filter(kind=MembershipChange.Kind.ENTERED).latest("pk")
    row.pk, row.kind = None, MembershipChange.Kind.LEFT
    row.save()


def keep_out_a_member(segment: Segment) -> None:
    member = Membership.everywhere.latest("pk")
    Exclusion.objects.create_for(
        segment.store, segment=segment, customer=member.customer, excluded_at=timezone.now(), excluded_by=None
    )


ONCE: dict[str, tuple[Any, str]] = {
    "members_doubled": (Membership, "member_once_a_segment"),
    "exclusions_doubled": (Exclusion, "excluded_once_a_segment"),
    "customers_doubled": (Customer, "customer_email_once_a_store"),
    "upload_rows_doubled": (UploadRow, "upload_row_line_once"),
    "customerimport_rows_doubled": (CustomerImportRow, "import_row_line_once"),
    "profiles_doubled": (ExternalMember, "profile_once_a_sync"),
    "products_doubled": (Product, "product_once"),
    "orders_doubled": (Order, "order_once"),
    "order_lines_doubled": (OrderLine, "line_once_an_order"),
    "subscriptions_doubled": (Subscription, "subscription_once"),
    "people_told_doubled": (PersonTold, "person_told_once"),
    "events_doubled": (Event, "event_once"),
    "visitors_doubled": (Visitor, "visitor_once"),
    "names_set_aside_doubled": (NameSetAside, "name_set_aside_once"),
    "metrics_doubled": (CustomerMetrics, "metrics_once_a_customer"),
}
"""Invariant → what forbids that it is broken."""

DAMAGES: dict[str, Callable[[Segment], Any]] = {
    "counts_differ_from_members": lambda s: first(Segment).update(member_count=7),
    "counts_differ_from_days": lambda s: first(SegmentDay).update(entered=9),
    "counts_differ_from_last_day": lambda s: first(SegmentDay).update(size=9),
    "days_differ_from_changes": lambda s: first(SegmentDay).update(entered=5, left=2),
    "members_who_never_came": rewrite_history,
    "others_who_never_left": lambda s: Membership.everywhere.latest("pk").delete(),
    "members_who_are_kept_out": keep_out_a_member,
    "members_held_by_nothing": lambda s: first(Membership).update(sources=0),
    "members_of_a_wrong_upload": lambda s: first(Membership).update(sources=1),
    "days_doubled": lambda s: double(SegmentDay, "segment_day_once"),
    "members_of_an_upload_that_was_undone": lambda s: first(Upload).update(undone_at=timezone.now()),
    "members_from_a_version_to_come": lambda s: first(Membership).update(entered_in=99),
    "members_by_a_source_that_the_segment_does_not_know": lambda s: first(Segment).update(sources=1),
    "days_with_fewer_than_nobody": lambda s: first(SegmentDay).update(left=-1),
    "uploads_undone_beyond_what_was_done": lambda s: first(Upload).update(undone_to=999),
    "members_of_lists_that_are_not_followed": hold_by_no_list,
    "customers_on_a_list_who_are_not_in_its_segment": forget_a_member,
    "credentials_that_should_be_gone": lambda s: first(Connection).update(state="disconnected"),
    "syncs_applied_without_an_end": lambda s: first(Sync).update(finished_at=None),
    "deleted_segments_that_nobody_empties": lambda s: first(Segment).update(deleted_at=timezone.now()),
    "customers_without_an_address": lambda s: first(Customer).update(email_key=""),
    "customers_changed_before_they_came": lambda s: first(Customer).update(created_at=timezone.now() + HOUR),
    "erased_customers_of_whom_something_is_kept": lambda s: first(Customer).update(erased_at=timezone.now()),
    "erasures_that_keep_what_they_looked_for": lambda s: first(Erasure).update(subject={"keys": ["a"]}),
    "arrivals_taken_in_that_keep_their_body": lambda s: first(Arrival).update(state="done"),
    "names_of_arrivals_that_are_not_set_aside": lambda s: first(NameSetAside).update(arrival=first(Arrival).get()),
    "arrivals_that_wait_without_a_body": lambda s: first(Arrival).update(body=""),
    "events_of_a_visitor_who_is_known": lambda s: first(Event).update(customer=None),
    "metrics_of_people_who_were_erased": lambda s: first(CustomerMetrics).update(
        customer=Customer.everywhere.filter(erased_at__isnull=False).values("pk")[:1]
    ),
    "jobs_that_run_without_a_lease": lambda s: first(Job).update(state="running"),
    "jobs_at_rest_with_a_lease": lambda s: first(Job).update(lease_until=timezone.now()),
    "jobs_that_nobody_takes_over": lambda s: first(Job).update(state="running", lease_until=timezone.now() - 2 * HOUR),
    "jobs_that_ended_at_no_time": lambda s: first(Job).update(finished_at=None),
    "jobs_that_go_on_after_their_end": lambda s: first(Job).update(state="queued"),
    "jobs_that_succeeded_without_a_start": lambda s: first(Job).update(started_at=None),
    "jobs_beyond_their_total": lambda s: first(Job).update(done=99, total=98),
    "jobs_that_succeeded_short_of_their_total": lambda s: first(Job).update(done=97, total=98),
    "jobs_in_queues_that_nobody_works_on": lambda s: first(Job).update(state="queued", queue="slow"),
    "jobs_about_things_of_other_stores": lambda s: first(Job).update(store=Store.objects.get(slug="willow")),
    "audit_entries_about_things_of_other_stores": lambda s: audit.record(
        Store.objects.get(slug="willow"), "looked at", s, actor=None
    ),
}


def double_for(once: tuple[Any, str], segment: Segment) -> None:
    double(*once)


def of_files(model: Any, rows: Any) -> dict[str, Callable[[Segment], Any]]:
    label, name = model._meta.label_lower, model._meta.model_name
    return {
        f"{name}s_whose_rows_differ_from_their_count": lambda s: first(model).update(row_count=99),
        f"{name}s_finished_without_a_word_before": lambda s: first(model).update(checked_at=None),
        f"{name}s_imported_unconfirmed": lambda s: first(model).update(confirmed_at=None),
        f"{name}s_confirmed_and_refused": lambda s: first(model).update(refusal="No."),
        f"{name}s_worked_on_twice": lambda s: Job.everywhere.filter(subject_type=label).update(state="queued"),
        f"{name}_rows_left_behind": lambda s: first(model).update(applied_to=2),
        f"{name}_rows_never_judged": lambda s: first(rows).update(verdict="pending"),
    }


DAMAGES |= of_files(Upload, UploadRow) | of_files(CustomerImport, CustomerImportRow)
DAMAGES |= {name: partial(double_for, once) for name, once in ONCE.items()}
UNIQUE = list(ONCE.values())


def double(model: Any, constraint: str) -> None:
    """Write a row once more, with the constraint away that forbids it."""
    take_away(model, constraint)
    row = model.everywhere.order_by("pk").first()
    row.pk = None
    models.Model.save(row)


def take_away(model: Any, constraint: str) -> None:
    if not is_postgresql():
        pytest.skip("SQLite cannot take a constraint away within a transaction")
    (forbidding,) = [each for each in model._meta.constraints if each.name == constraint]
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, forbidding)


def write_once_more(model: Any) -> None:
    """As a step that is done twice would."""
    row = model.everywhere.order_by("pk").first()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        models.Model.save(row)


@pytest.mark.parametrize(("model", "constraint"), UNIQUE)
def test_the_database_takes_no_row_twice(full: Segment, model: Any, constraint: str) -> None:
    write_once_more(model)


@pytest.mark.teeth
@pytest.mark.parametrize(("model", "constraint"), UNIQUE)
@pytest.mark.xfail(strict=True, raises=pytest.fail.Exception, reason="without its constraint a row is written twice")
def test_rows_must_be_unique(full: Segment, model: Any, constraint: str) -> None:
    take_away(model, constraint)
    write_once_more(model)


def test_nothing_is_found_where_nothing_is_broken(full: Segment) -> None:
    assert broken() == {}


def test_there_is_a_damage_for_each() -> None:
    assert sorted([*DAMAGES, *POINTERS]) == sorted(all_invariants())


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_is_found(full: Segment, other_store: Store, name: str) -> None:
    DAMAGES[name](full)
    assert all_invariants()[name]().exists()
    assert name in whats_broken()


@pytest.mark.parametrize("name", POINTERS)
def test_rows_that_point_into_another_store_are_found(full: Segment, other_store: Store, name: str) -> None:
    model, field = POINTERS[name]
    # Past the managers, which refuse to change history.
    rows: Any = models.QuerySet(model).filter(**{f"{field}_id__isnull": False}).order_by("pk")
    assert models.QuerySet(model).filter(pk=rows[0].pk).update(store=other_store) == 1
    assert all_invariants()[name]().exists()
    assert name in whats_broken()


def test_rows_that_point_nowhere_are_found(full: Segment) -> None:
    first(UploadRow).update(customer_id=NOWHERE)
    assert "uploadrows_with_customer_astray" in broken()


def test_a_segment_that_is_being_deleted_breaks_nothing(full: Segment, owner: User) -> None:
    actions.delete_segment(full, typed=full.name, cancel_running=False, actor=owner)
    Membership.everywhere.latest("pk").delete()
    assert broken() == {}


def test_the_command(full: Segment) -> None:
    said = StringIO()
    call_command("check_invariants", stdout=said)
    assert said.getvalue().count(": none") == len(all_invariants()) >= 60
    first(UploadRow).update(customer_id=NOWHERE)
    with pytest.raises(CommandError, match="1 of what must be true is not"):
        call_command("check_invariants", stdout=said)
    assert "uploadrows with customer astray: 1 rows, such as " in said.getvalue()


def test_days_of_the_past_are_summed_up(full: Segment) -> None:
    SegmentDay.everywhere.update(day=timezone.now().date() - timedelta(days=400))
    assert broken() == {}
