"""Every address × method × person × store: generated from the URLconf, with nothing left out.

An address that needs an object which this file does not know how to make fails the test until it is taught.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from customers.ingest import names
from customers.models import (
    Arrival,
    ArrivalState,
    Customer,
    CustomerImport,
    Erasure,
    Event,
    NameSetAside,
    Order,
    OrderLine,
    Product,
    Rejection,
    Subscription,
)
from portal.access import PLAN_HOLDS, ROLE_MAY, Plan, Role
from portal.models import AuditEntry, Invitation, Job, Staff, Store, User
from portal.tenancy import StoreModel
from segments import membership
from segments.membership import Cause
from segments.models import Connection, ExternalGroup, ExternalLink, ExternalMember, Segment, Source, Sync, Upload
from tests.conftest import make_customer, make_store, make_user
from tests.customers.selling import sell_something, way_in

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
PUBLIC = re.compile(
    r"(choose_store|healthz|invitation|join_store|make_account|track_\w+|webhook|ingest_\w+|account_\w+|mfa_\w+|admin:\w+)\Z"
)
"""Addresses outside any store; each has tests of its own."""

OF_NO_STORE = {"store_slug", "name", "source"}
"""What addresses name that belongs to no store."""

SENTINEL = "sentinel-7f3a"
"""Stands in every text of the store that others must not see."""


@dataclass(frozen=True)
class Route:
    name: str
    view: Any
    parameters: tuple[str, ...]


def routes(
    resolver: URLResolver | None = None, namespace: str = "", parameters: tuple[str, ...] = ()
) -> Iterator[Route]:
    for pattern in (resolver or get_resolver()).url_patterns:
        names = (*parameters, *pattern.pattern.converters)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from routes(pattern, inner, names)
        elif isinstance(pattern, URLPattern):
            yield Route(f"{namespace}{pattern.name}", pattern.callback, names)


ALL = list(routes())
STORE_ROUTES = [route for route in ALL if "store_slug" in route.parameters]


def ids(route: Route) -> str:
    return route.name


@dataclass
class Furnished:
    """A store with one of everything, and the objects that its addresses name."""

    store: Store
    objects: dict[str, dict[str, Any]]

    def url(self, route: Route, store: Store | None = None) -> str:
        wanted = [name for name in route.parameters if name != "store_slug"]
        known = self.objects.get(route.name, self.objects.get(route.name.split(":")[0] + ":*", {}))
        missing = [name for name in wanted if name not in known]
        assert not missing, f"{route.name} needs {missing}: teach `furnish` to make them."
        return reverse(
            route.name, kwargs={"store_slug": (store or self.store).slug, **{name: known[name] for name in wanted}}
        )


def furnish(store: Store, text: str = SENTINEL) -> Furnished:
    """One of everything, with `text` wherever a text can be."""
    customer = make_customer(store, f"{text}@maple.example", first_name=text, last_name=text, phone="555")
    segment = Segment.objects.create_for(store, name=text, description=text)
    themselves = Customer.objects.for_store(store).annotate(customer_id=F("pk"))
    membership.enter(segment, themselves, Cause(Source.MANUAL))
    file = {"filename": f"{text}.csv", "size": 1, "sha256": "0" * 64, "file": f"sheets/{SENTINEL}.csv"}
    checked = {"checked_at": timezone.now(), "row_count": 0, "headers": ["email"], "mapping": {"email": 0}}
    form = {"kind": "csv", "encoding": "utf-8", "delimiter": ","}
    upload = Upload.objects.create_for(store, segment=segment, format=form, **file, **checked)
    sheet = CustomerImport.objects.create_for(store, source="template", format=form, **file, **checked)
    erasure = Erasure.objects.create_for(store, subject={"addresses": [SENTINEL]})
    job = Job.objects.create_for(store, kind="test.nothing", label=text, queue="bulk")
    colleague = make_user(f"colleague@{store.slug}.example", viewer=store)
    staff = Staff.objects.for_store(store).get(user=colleague)
    invitation = Invitation.objects.create_for(
        store, email=f"{text}@new.example", role=Role.VIEWER, token_hash=f"{store.pk:064}", expires_at=timezone.now()
    )
    run = {"pk": job.pk}
    sync = follow(segment, text)
    member = {"segment_id": segment.pk, "customer_id": customer.pk, "upload_id": upload.pk, "pk": segment.pk}
    member |= {"source": "klaviyo", "sync_id": sync.pk}
    source = way_in(store, label=text, created_by=colleague, latest={text: [1, "2026-01-01T00:00:00+00:00", ""]})
    aside = {"way_in": source, "topic": text, "reason": text, "body": "{}", "state": ArrivalState.POISON}
    missing = Arrival.objects.create_for(store, **aside)
    NameSetAside.objects.create_for(store, arrival=missing, digest=names.digest(names.EMAIL, customer.email_key))
    Rejection.objects.create_for(store, way_in=source, topic=text, position=0, reason=text)
    sell(customer, text)
    customer_objects = {
        "product_id": Product.objects.for_store(store).latest("pk").pk,
        "way_in_id": source.pk,
        "customer_id": customer.pk,
        "pk": customer.pk,
        "import_id": sheet.pk,
        "erasure_id": erasure.pk,
    }
    invited = {"pk": invitation.pk}
    return Furnished(
        store,
        {
            "portal:run": run,
            "portal:run_progress": run,
            "portal:cancel_run": run,
            "portal:retry_run": run,
            "portal:change_role": {"pk": staff.pk},
            "portal:remove_staff": {"pk": staff.pk},
            "portal:end_staff_sessions": {"pk": staff.pk},
            "portal:renew_invitation": invited,
            "portal:revoke_invitation": invited,
            "customers:*": customer_objects,
            "segments:*": member,
            "segments:sample": {"name": "clean.csv"},
        },
    )


def sell(customer: Customer, text: str) -> None:
    """Have the customer buy, subscribe and do something, with `text` wherever a text can be."""
    store = customer.store
    order = sell_something(customer, f"{text}-{store.pk}")
    named = {"title": text, "category": text}
    Product.objects.for_store(store).update(**named, buyers=1, counted_at=timezone.now())
    Order.objects.for_store(store).filter(pk=order.pk).update(number=text, channel=text[:50], discount_codes=text)
    OrderLine.objects.for_store(store).update(title=text)
    Subscription.objects.for_store(store).update(title=text, cancellation_reason=text)
    Event.objects.for_store(store).update(name=text, properties={"said": text})


def follow(segment: Segment, text: str) -> Sync:
    """Have the segment follow a list elsewhere; a sync that waits for a decision."""
    store = segment.store
    account = {"account_id": text, "account_name": text, "credentials": "sealed", "said": text, "warning": text}
    connection = Connection.objects.create_for(store, source="klaviyo", state="refused", **account)
    group = {"connection": connection, "kind": "list", "group_id": text, "name": text}
    ExternalGroup.objects.create_for(store, name_key=text, seen_in=1, **group)
    link = ExternalLink.objects.create_for(store, segment=segment, **group)
    read = {"counts": {"going": 1, "before": 1}, "problems": [{"id": text, "reason": text}]}
    held = {"source": "klaviyo", "kind": "list", "group_name": text, "cause": "by_hand", "outcome": "held"}
    sync = Sync.objects.create_for(store, segment=segment, link=link, **read, **held)
    ExternalMember.objects.create_for(store, sync=sync, profile_id=text, email_key=f"{text}@elsewhere.example")
    return sync


@pytest.fixture(scope="module")
def standing(django_db_setup: None, django_db_blocker: Any) -> Iterator[Furnished]:
    """Furnished once: each test works inside of this transaction, and what it does is rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield furnish(make_store("maple", name="Maple Coffee", time_zone="America/New_York"))
        transaction.set_rollback(True)


@pytest.fixture
def furnished(standing: Furnished, settings: Any, db: None) -> Furnished:
    settings.DEMO = True
    return replace(standing, store=Store.objects.get(pk=standing.store.pk))


def test_every_address_is_of_a_store_or_known_as_public() -> None:
    strays = [route.name for route in ALL if "store_slug" not in route.parameters and not PUBLIC.match(route.name)]
    assert not strays
    assert STORE_ROUTES


@pytest.mark.parametrize("route", STORE_ROUTES, ids=ids)
def test_every_store_page_stands_behind_the_door(route: Route) -> None:
    assert hasattr(route.view, "permission"), f"{route.name} is not a @store_view."
    assert "GET" in route.view.methods or "POST" in route.view.methods


@pytest.mark.parametrize("route", STORE_ROUTES, ids=ids)
def test_nobody_else_sees_or_changes_anything(
    route: Route, furnished: Furnished, stranger: User, client_of: Callable[..., Client]
) -> None:
    url = furnished.url(route)
    absent_url = url.replace(f"/{furnished.store.slug}/", "/no-such-store/")
    before = fingerprint(furnished.store)
    admin = User.objects.create_superuser("admin@elsewhere.example", "x")
    asking = {"anonymous": Client(), "stranger": client_of(stranger), "admin": client_of(admin)}
    for method in METHODS:
        answers = {who: client.generic(method, url) for who, client in asking.items()}
        assert answers["anonymous"].status_code == 302
        assert answers["anonymous"]["Location"].startswith("/accounts/login/")
        for who in ("stranger", "admin"):
            absent = asking[who].generic(method, absent_url)
            assert (answers[who].status_code, absent.status_code) == (404, 404)
            assert without_noise(answers[who]) == without_noise(absent)
        assert not [who for who, answer in answers.items() if tells(answer)]
    assert fingerprint(furnished.store) == before


@pytest.mark.parametrize("route", STORE_ROUTES, ids=ids)
def test_objects_of_another_store_are_not_there(
    route: Route, furnished: Furnished, stranger: User, client_of: Callable[..., Client]
) -> None:
    """The stranger, in the own store, names an object of the other one."""
    if set(route.parameters) <= OF_NO_STORE:
        return
    before, client = fingerprint(furnished.store), client_of(stranger)
    theirs = Staff.everywhere.get(user=stranger).store
    for method in METHODS:
        answer = client.generic(method, furnished.url(route, theirs))
        assert answer.status_code == (404 if method in route.view.methods else 405)
        assert not tells(answer)
    assert fingerprint(furnished.store) == before


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("route", STORE_ROUTES, ids=ids)
def test_a_role_may_what_the_table_says(
    route: Route, role: Role, furnished: Furnished, client_of: Callable[..., Client]
) -> None:
    client = client_of(make_user(f"{role}@maple.example", **{role: furnished.store}))
    before = fingerprint(furnished.store)
    for method in METHODS:
        answer = client.generic(method, furnished.url(route))
        if route.view.permission not in ROLE_MAY[role]:
            assert answer.status_code == 403
            assert fingerprint(furnished.store) == before
        elif method not in route.view.methods:
            assert answer.status_code == 405
        else:
            # Empty forms and half-made objects may be refused, but by a page of ours, never by an error or the door.
            assert answer.status_code not in {401, 403, 405, 500}, body(answer)[:500]


@pytest.mark.parametrize("route", [route for route in STORE_ROUTES if route.view.feature], ids=ids)
def test_a_plan_without_the_feature_is_refused_on_the_server(
    route: Route, client_of: Callable[..., Client], db: None
) -> None:
    small = furnish(make_store("small", plan=Plan.STANDARD))
    assert route.view.feature not in PLAN_HOLDS[Plan.STANDARD]
    client = client_of(make_user("owner@small.example", owner=small.store))
    for method in ("GET", "POST"):
        answer = client.generic(method, small.url(route))
        assert answer.status_code == 403
        assert "Pro or Custom" in answer.content.decode()
        assert SENTINEL not in answer.content.decode()


@pytest.mark.parametrize("route", [route for route in STORE_ROUTES if "POST" in route.view.methods], ids=ids)
def test_a_forged_form_is_refused(route: Route, furnished: Furnished, client_of: Callable[..., Client]) -> None:
    owner = make_user("owner@maple.example", owner=furnished.store)
    before = fingerprint(furnished.store)
    answer = client_of(owner, enforce_csrf_checks=True).post(furnished.url(route))
    assert answer.status_code == 403
    assert fingerprint(furnished.store) == before


@pytest.mark.parametrize("route", [route for route in STORE_ROUTES if "GET" in route.view.methods], ids=ids)
def test_looking_changes_nothing(route: Route, furnished: Furnished, client_of: Callable[..., Client]) -> None:
    owner = make_user("owner@maple.example", owner=furnished.store)
    before = fingerprint(furnished.store, audit=False)
    answer = client_of(owner).get(furnished.url(route))
    body(answer)
    assert fingerprint(furnished.store, audit=False) == before
    if answer.status_code == 200:
        assert "no-store" in answer["Cache-Control"] or "private" in answer["Cache-Control"]


def body(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode("utf-8", "replace")


def without_noise(answer: Any) -> str:
    token = r'(name="csrfmiddlewaretoken" value|data-csrf)="\w+"'
    return re.sub(rf"{token}|no-such-store|maple", "", answer.content.decode())


def tells(answer: Any) -> bool:
    """Whether anything of the store is in the answer or its headers."""
    return SENTINEL in f"{body(answer)}{answer.headers}{answer.cookies}"


def fingerprint(store: Store, *, audit: bool = True) -> list[Any]:
    """Everything that the store holds, and the people who work in it."""
    found = []
    with connection.cursor() as cursor:
        for statement in statements(audit):
            cursor.execute(statement, [store.pk])
            found.append(cursor.fetchall())
    return found


@cache
def statements(audit: bool) -> list[str]:
    """What reads the rows of the store whose id is the parameter: made once, as it is asked some thousand times."""
    owned: list[Any] = [model for model in apps.get_models() if issubclass(model, StoreModel)]
    rows = [model.everywhere.filter(store=0) for model in owned if audit or model is not AuditEntry]
    person = [field.attname for field in User._meta.fields if field.name not in ("last_login", "last_seen_at")]
    people = User.objects.filter(pk__in=Staff.everywhere.filter(store=0).values("user")).values_list(*person)
    read = [query.order_by("pk") for query in (*rows, people, Store.objects.filter(pk=0))]
    return [query.query.sql_with_params()[0] for query in read]
