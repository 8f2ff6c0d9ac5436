"""Files of events go in by the door of all that happened: once, by the same names, limits and books as the APIs'."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers import actions
from customers.ingest import joining, sweeping
from customers.ingest.keys import create
from customers.models import (
    ArrivalDay,
    Customer,
    CustomerImportRow,
    Event,
    EventTime,
    TouchedCustomer,
    WayInKind,
)
from customers.privacy.erase import erase_address, erase_customer
from customers.register import lock_customers
from portal.models import Job, Store, User
from tests.conftest import make_customer
from tests.customers.conftest import Importer, rows, told
from tests.customers.ingest.conftest import Source, track

pytestmark = pytest.mark.django_db
HEAD = "E-mail,Event,Time,Properties\n"
AT = "2026-03-09T10:00:00Z"


@pytest.fixture
def ann(store: Store) -> Customer:
    return make_customer(store, "ann@x.example", shopify_id="77")


@pytest.fixture
def importer(importer: Importer, ann: Customer) -> Importer:
    return importer.of("events")


@pytest.fixture
def site(store: Store, owner: User) -> Source:
    return Source(*create(store, WayInKind.SEGMENT, "Site", actor=owner))


def events(store: Store) -> list[Event]:
    return list(Event.objects.for_store(store).order_by("pk"))


def files(store: Store) -> dict[str, int]:
    """What became of all that came in files; the counts that are not zero."""
    day = ArrivalDay.objects.for_store(store).get(way_in=None)
    names = ("received", "stored", "duplicate", "invalid", "ignored", "unmatched")
    return {name: getattr(day, name) for name in names if getattr(day, name)}


def test_what_nobody_is_known_to_have_done_waits_for_its_customer(
    importer: Importer, store: Store, owner: User
) -> None:
    upload = importer.bring(f"{HEAD}eve@x.example,Logged In,{AT},\neve@x.example,Tapped,{AT},\n")
    assert told(upload) == {"unmatched": 2}
    assert [event.customer_id for event in events(store)] == [None, None]
    eve = actions.add_customer(store, actor=owner, email="Eve@x.example")
    TouchedCustomer.objects.for_store(store).delete()
    joining.join_later()
    assert {event.customer_id for event in events(store)} == {eve.pk}
    assert TouchedCustomer.objects.for_store(store).filter(customer=eve).exists()


def test_an_id_of_a_shop_waits_too(importer: Importer, store: Store) -> None:
    importer.bring(f"Shopify customer id,Event,Time\n88,Tapped,{AT}\n77,Tapped,{AT}\n")
    assert sorted(event.customer_id is None for event in events(store)) == [False, True]
    with transaction.atomic():
        bea = make_customer(store, "bea@x.example", shopify_id="88", changed_in=lock_customers(store))
    joining.join_later()
    assert Event.objects.for_store(store).filter(customer=bea).count() == 1


def test_a_name_that_a_site_has_taught_is_known_in_files(
    importer: Importer, store: Store, site: Source, ann: Customer
) -> None:
    site.track({"type": "identify", "userId": "u1", "traits": {"email": "ann@x.example"}})
    sweeping.take_in_all()
    Customer.objects.for_store(store).filter(pk=ann.pk).update(email="new@x.example", email_key="new@x.example")
    upload = importer.check(f"{HEAD}ann@x.example,Tapped,{AT},\n")
    assert told(upload) == {"unmatched": 1}
    assert told(importer.start(upload)) == {"created": 1}
    assert {event.customer_id for event in events(store)} == {ann.pk}


@pytest.mark.parametrize("first", ["file", "site"])
def test_one_event_told_by_a_file_and_by_a_site_is_one(
    first: str, importer: Importer, store: Store, site: Source
) -> None:
    def by_site() -> None:
        site.track(track("Tapped", messageId="m-1"))
        sweeping.take_in_all()

    def by_file() -> Any:
        return importer.bring(f"E-mail,Event,Time,Event id\nann@x.example,Tapped,{AT},m-1\n")

    if first == "file":
        by_file()
        by_site()
        assert site.counts()["duplicate"] == 1
    else:
        by_site()
        assert told(by_file()) == {"unchanged": 1}
    assert len(events(store)) == 1


def test_names_sessions_and_times_are_settled(importer: Importer, store: Store) -> None:
    soon = (timezone.now() + timedelta(hours=3)).isoformat()
    said = json.dumps({"session_id": 1_700_000_000_000}).replace('"', '""')
    importer.bring(f'{HEAD}ann@x.example,logged-in,{AT},"{said}"\nann@x.example,Tapped,{soon},\n')
    first, second = events(store)
    assert (first.name, first.session_id, first.time_is) == ("Logged In", 1_700_000_000_000, EventTime.AS_SENT)
    assert first.occurred_at == datetime(2026, 3, 9, 10, tzinfo=UTC)
    assert second.time_is == EventTime.FUTURE
    assert second.occurred_at <= timezone.now()


def test_the_same_limits_hold(importer: Importer) -> None:
    deep = json.dumps({"a": json.loads("[" * 12 + "]" * 12)}).replace('"', '""')
    upload = importer.bring(f'{HEAD}ann@x.example,Tapped,1999-01-01,\nann@x.example,Tapped,{AT},"{deep}"\n')
    assert rows(upload) == {
        2: ("invalid", "Time: It lies before the year 2000."),
        3: ("invalid", "Properties: It is nested more than 10 deep."),
    }


def test_every_row_stands_in_the_books(
    importer: Importer,
    store: Store,
    owner: User,
    client_of: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner_page = client_of(owner)
    monkeypatch.setattr("portal.sets.CHUNKS", {"sqlite": 2, "postgresql": 2})
    content = (
        f"{HEAD}ann@x.example,A,{AT},\nann@x.example,A,{AT},\neve@x.example,A,{AT},\nann@x.example,,{AT},\n"
        f"ann@x.example,B,{AT},\n"
    )
    importer.bring(content)
    assert files(store) == {"received": 5, "stored": 3, "duplicate": 1, "invalid": 1, "unmatched": 1}
    page = owner_page.get(reverse("customers:ways_in", args=("maple",)))
    assert "Files of events" in page.content.decode()
    assert told(importer.bring(content)) == {"unchanged": 3, "repeated": 1, "invalid": 1}
    assert files(store) == {"received": 10, "stored": 3, "duplicate": 5, "invalid": 2, "unmatched": 1}


class TestErased:
    def test_what_waits_for_somebody_goes_with_the_address(
        self, importer: Importer, store: Store, owner: User, run_jobs: Callable[[], list[Job]]
    ) -> None:
        importer.bring(f"{HEAD}eve@x.example,Tapped,{AT},\nbob@x.example,Tapped,{AT},\n")
        erase_address(store, "eve@x.example", typed="eve@x.example", actor=owner)
        run_jobs()
        assert len(events(store)) == 1
        again = importer.bring(f"{HEAD}eve@x.example,Tapped,{AT},\n", "again.csv")
        assert told(again) == {"erased": 1}
        assert len(events(store)) == 1
        assert files(store)["ignored"] == 1

    @pytest.mark.parametrize(
        "row",
        [
            "Shopify customer id,Event,Time\n77,Tapped,{at}\n",
            HEAD + 'bob@x.example,Sent,{at},"{{""to"": ""ann@x.example""}}"\n',
        ],
    )
    def test_neither_an_id_nor_a_property_brings_somebody_back(
        self, row: str, importer: Importer, store: Store, ann: Customer, owner: User, run_jobs: Callable[[], list[Job]]
    ) -> None:
        make_customer(store, "bob@x.example")
        erase_customer(ann, typed="ann@x.example", actor=owner)
        run_jobs()
        upload = importer.bring(row.format(at=AT))
        assert told(upload) == {"erased": 1}
        assert events(store) == []
        kept = CustomerImportRow.everywhere.get(upload=upload)
        assert (kept.email, kept.shopify_id, kept.key, kept.said) == ("", "", "", None)

    def test_who_is_erased_between_check_and_import_stays_out(
        self, importer: Importer, store: Store, owner: User
    ) -> None:
        upload = importer.check(f"{HEAD}eve@x.example,Tapped,{AT},\nbob@x.example,Tapped,{AT},\n")
        erase_address(store, "eve@x.example", typed="eve@x.example", actor=owner)
        assert told(importer.start(upload)) == {"erased": 1, "unmatched": 1}
        assert len(events(store)) == 1
