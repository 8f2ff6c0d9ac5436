"""A request that could not be taken in: whose timelines say that something is missing, and for how long."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.ingest import gaps, naming, sweeping
from customers.models import Arrival, ArrivalState, Customer, Event, NameSetAside, Order, WayInKind
from customers.models.arrivals import LOOKS
from customers.privacy.erase import erase_customer
from customers.timeline import Kind, Position, page_of
from customers.timeline.gaps import WORDS
from portal.closing import erase_closed
from portal.invariants import broken
from portal.models import Job, Store, User
from tests.conftest import make_customer, make_store, make_user
from tests.customers.ingest.conftest import Source, identify, make_source, track
from tests.customers.ingest.test_taking_in import poisoned
from tests.customers.providers.conftest import connected

assert poisoned  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)

MISSING = WORDS.format("Shop")
Poisoned = Callable[[str], None]
TakeIn = Callable[[], int]


@pytest.fixture(autouse=True)
def _the_data_is_whole() -> Iterator[None]:
    yield
    assert broken() == {}


@pytest.fixture
def ada(store: Store, segment: Source, take_in: TakeIn) -> Customer:
    """A customer whom the source knows as u1."""
    customer = make_customer(store, "ada@x.example")
    segment.track(identify("u1", "ada@x.example"))
    take_in()
    return customer


@pytest.fixture
def eve(store: Store, segment: Source, take_in: TakeIn) -> Customer:
    customer = make_customer(store, "eve@x.example")
    segment.track(identify("u2", "eve@x.example"))
    take_in()
    return customer


def settle(take_in: TakeIn) -> None:
    """Have all taken in that can be, and the rest set aside and looked through."""
    for _ in range(12):
        take_in()
    assert not Arrival.everywhere.filter(state=ArrivalState.WAITING).exists()
    sweeping.look_through_all()


def gaps_of(customer: Customer) -> list[str]:
    entries = page_of(customer, beyond=None, kind=Kind.EVENTS).entries
    return [entry.text for entry in entries if entry.icon == "alert-triangle"]


def set_aside() -> int:
    """Have what waits set aside, and looked through."""
    waits = Arrival.everywhere.filter(state=ArrivalState.WAITING)
    assert waits.update(state=ArrivalState.POISON, reason="It broke.", settled_at=timezone.now())
    return sweeping.look_through_all()


def page(client: Client, customer: Customer) -> str:
    return html.unescape(client.get(customer.get_absolute_url()).content.decode())


def test_the_next_event_is_taken_in_and_the_timeline_tells_of_the_gap(
    segment: Source, ada: Customer, eve: Customer, owner: User, poisoned: Poisoned, take_in: TakeIn,
    client_of: Callable[..., Client],
) -> None:  # fmt: skip
    client = client_of(owner)
    poisoned("arsenic")
    segment.track(track("arsenic"))
    segment.track(track("Tapped"))
    settle(take_in)
    left = Arrival.everywhere.get(state=ArrivalState.POISON)
    shown = page(client, ada)
    link = f'<a href="/s/maple/customers/data-sources/{segment.way_in.pk}/#left-aside">{MISSING}</a>'
    assert link in shown
    assert 'event-mark event-mark-warn"' in shown
    assert shown.index("Tapped") < shown.index(MISSING), "The gap lies where the request arrived."
    assert MISSING not in page(client, eve)
    source = client.get(f"/s/maple/customers/data-sources/{segment.way_in.pk}/").content.decode()
    assert 'id="left-aside"' in source
    poisoned("")
    client.post(f"/s/maple/customers/data-sources/{segment.way_in.pk}/replay/", {"arrival": str(left.pk)})
    assert MISSING not in page(client, ada)
    settle(take_in)
    shown = page(client, ada)
    assert MISSING not in shown
    assert "arsenic" in shown
    assert not NameSetAside.everywhere.exists()


def test_what_fails_once_more_is_missing_once_more(
    segment: Source, ada: Customer, owner: User, poisoned: Poisoned, take_in: TakeIn, client_of: Callable[..., Client]
) -> None:
    poisoned("arsenic")
    segment.track(track("arsenic"))
    for _ in range(2):
        settle(take_in)
        assert gaps_of(ada) == [MISSING]
        client_of(owner).post(f"/s/maple/customers/data-sources/{segment.way_in.pk}/replay/", {})
        assert gaps_of(ada) == []


def test_who_may_not_see_sources_gets_no_link(
    segment: Source, ada: Customer, viewer: User, client_of: Callable[..., Client]
) -> None:
    segment.track(track())
    set_aside()
    shown = page(client_of(viewer), ada)
    assert f'<p class="event-text">{MISSING}</p>' in shown


def test_another_store_misses_nothing(segment: Source, ada: Customer, take_in: TakeIn) -> None:
    elsewhere = make_store("elm")
    other = make_source(elsewhere, make_user("owner@elm.example", owner=elsewhere))
    theirs = make_customer(elsewhere, "ada@x.example")
    other.track(identify("u1", "ada@x.example"))
    take_in()
    segment.track(track())
    set_aside()
    assert (gaps_of(ada), gaps_of(theirs)) == ([MISSING], [])


def test_a_name_that_is_joined_later(segment: Source, ada: Customer, take_in: TakeIn) -> None:
    segment.track(track(user=None, anonymousId="anon-1"))
    set_aside()
    assert gaps_of(ada) == []
    segment.track(identify("u1", anonymousId="anon-1"))
    take_in()
    assert gaps_of(ada) == [MISSING]


def test_a_customer_who_is_added_later(segment: Source, store: Store) -> None:
    segment.track(identify("u9", "new@x.example"))
    set_aside()
    assert gaps_of(make_customer(store, "New@x.example")) == [MISSING]


def test_what_cannot_be_looked_through_stops_nothing(
    segment: Source, ada: Customer, monkeypatch: pytest.MonkeyPatch, take_in: TakeIn
) -> None:
    segment.track(track("arsenic"))
    segment.track(track("Other"))
    real, asked = naming.names_in, []

    def failing(kind: Any, topic: str, body: str) -> Any:
        asked.append("arsenic" in body)
        return 1 // 0 if "arsenic" in body else real(kind, topic, body)

    monkeypatch.setattr(naming, "names_in", failing)
    assert set_aside() == 1
    segment.track(track("Tapped"))
    assert take_in() == 1
    for _ in range(5):
        assert sweeping.look_through_all() == 0
    assert asked.count(True) == LOOKS
    assert gaps_of(ada) == [MISSING]
    assert Event.everywhere.filter(name="Tapped", customer_id=ada.pk).exists()


class Killed(BaseException):
    """What no program survives."""


@pytest.mark.parametrize("place", ["gap.begun", "gap.looked"])
def test_who_dies_of_looking_through_does_not_die_for_ever(
    place: str, segment: Source, ada: Customer, monkeypatch: pytest.MonkeyPatch, take_in: TakeIn
) -> None:
    def dying(name: str) -> None:
        if name == place:
            raise Killed

    segment.track(track())
    waits = Arrival.everywhere.filter(state=ArrivalState.WAITING)
    waits.update(state=ArrivalState.POISON, settled_at=timezone.now())
    with monkeypatch.context() as patch:
        patch.setattr(gaps.crash, "point", dying)
        for _ in range(LOOKS):
            with pytest.raises(Killed):
                sweeping.look_through_all()
        assert sweeping.look_through_all() == 0
    segment.track(track("Tapped"))
    assert take_in() == 1
    assert gaps_of(ada) == []


# --- The end of it


def batch_of_both(segment: Source) -> None:
    segment.track(track("Tapped", anonymousId="phone"), track("Tapped", user="u2"))
    assert set_aside() == 1


def test_who_is_erased_is_named_no_more(
    segment: Source, ada: Customer, eve: Customer, owner: User, run_jobs: Callable[[], list[Job]]
) -> None:
    batch_of_both(segment)
    assert (gaps_of(ada), gaps_of(eve)) == ([MISSING], [MISSING])
    before = set(NameSetAside.everywhere.values_list("digest", flat=True))
    erase_customer(ada, typed="ada@x.example", actor=owner)
    assert Arrival.everywhere.update(looks_left=LOOKS)
    sweeping.look_through_all()
    meanwhile = set(NameSetAside.everywhere.values_list("digest", flat=True))
    assert len(meanwhile) == 2, "Nothing more is written down of who asked to be erased."
    run_jobs()
    sweeping.look_through_all()
    after = set(NameSetAside.everywhere.values_list("digest", flat=True))
    assert (len(before), len(after)) == (3, 1), "Not of the name either that stood beside it."
    assert gaps_of(eve) == [MISSING]
    assert "u1" not in Arrival.everywhere.get(state=ArrivalState.POISON).body


def test_who_is_named_where_reading_fails_is_erased_all_the_same(
    segment: Source, ada: Customer, eve: Customer, owner: User, run_jobs: Callable[[], list[Job]], poisoned: Poisoned,
    take_in: TakeIn,
) -> None:  # fmt: skip
    poisoned("arsenic")
    segment.track(track("arsenic"))
    segment.track(track("arsenic", user="u2"))
    settle(take_in)
    erase_customer(ada, typed="ada@x.example", actor=owner)
    assert [job.state for job in run_jobs()] == ["succeeded"]
    assert [arrival.state for arrival in Arrival.everywhere.exclude(body="")] == [ArrivalState.POISON]
    assert gaps_of(eve) == [MISSING]


def test_a_webhook_about_somebody_erased_is_told_to_nobody(
    store: Store, owner: User, run_jobs: Callable[[], list[Job]]
) -> None:
    bob = make_customer(store, "bob@x.example", shopify_id="71")
    connected(store, owner, WayInKind.SHOPIFY).send("orders/create", {"id": 5, "customer": {"id": 71}})
    set_aside()
    assert len(gaps_of(bob)) == 1
    erase_customer(bob, typed="bob@x.example", actor=owner)
    run_jobs()
    assert not NameSetAside.everywhere.exists()
    bob.refresh_from_db()
    bob.store = store
    assert gaps_of(bob) == []


def test_it_is_forgotten_after_thirty_days(segment: Source, ada: Customer) -> None:
    batch_of_both(segment)
    Arrival.everywhere.update(settled_at=timezone.now() - timedelta(days=31))
    assert sweeping.forget() == 2
    assert gaps_of(ada) == []
    assert not NameSetAside.everywhere.exists()


def test_it_goes_with_its_store(segment: Source, store: Store, ada: Customer) -> None:
    batch_of_both(segment)
    store.closed_at = timezone.now()
    store.save()
    while erase_closed():
        continue
    assert not NameSetAside.everywhere.exists()


# --- Pages


@pytest.mark.parametrize("size", [1, 3, 20])
def test_gaps_stand_among_the_others_page_by_page(size: int, segment: Source, store: Store, ada: Customer) -> None:
    noon = timezone.now() - timedelta(days=1)
    money = {"source": "file", "told_at": noon, "subtotal": "1.000", "total": "1.000", "currency": "EUR"}
    for number in range(9):
        when = noon + timedelta(seconds=number % 3)
        segment.track(track())
        Event.objects.create_for(
            store, customer=ada, name="Tapped", occurred_at=when, message_key=str(number), properties={}
        )
        Order.objects.create_for(store, customer=ada, external_id=str(number), placed_at=when, **money)
    set_aside()
    for number, arrival in enumerate(Arrival.everywhere.filter(state=ArrivalState.POISON).order_by("pk")):
        Arrival.everywhere.filter(pk=arrival.pk).update(received_at=noon + timedelta(seconds=number % 3))
    whole = page_of(ada, beyond=None, size=100).entries
    assert len(whole) == 28
    told, token = [], ""
    while True:
        one = page_of(ada, beyond=Position.read(token), size=size)
        told += one.entries
        if not (token := one.next):
            break
    assert told == whole


def test_staff_who_may_mend_it_see_how_many(
    segment: Source, owner: User, viewer: User, client_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def words(user: User, path: str) -> str:
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", client_of(user).get(path).content.decode()))

    assert "could not be taken in" not in words(owner, "/s/maple/")
    segment.track(track())
    set_aside()
    assert "1 request could not be taken in" in words(owner, "/s/maple/")
    assert "1 request could not be taken in" in words(owner, "/s/maple/customers/data-sources/")
    assert "could not be taken in" not in words(viewer, "/s/maple/")
    segment.track(track())
    set_aside()
    assert "2 requests could not be taken in" in words(owner, "/s/maple/")
    monkeypatch.setattr("customers.ingest.looking.COUNTED_AT_MOST", 1)
    assert "More than 1 requests could not be taken in" in words(owner, "/s/maple/")
