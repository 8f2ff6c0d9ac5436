"""The addresses to which programs send, with a key of one's own: whatever is sent there is answered in order, says and
changes nothing of another store, and sets no field that is not asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from customers.ingest import amplitude, pace
from customers.ingest.taking_in import take_in
from customers.models import Arrival, Event, WayInKind
from customers.sandbox.bodies import recharge_customer, shopify_customer
from portal import wall
from portal.models import Store, User
from portal.tenancy import StoreManager, StoreQuerySet
from tests.attacks.test_mass_assignment import DAY, NUMBER, PLANTED, TEXT, contents
from tests.attacks.test_parameters import NAMES, VALUES
from tests.attacks.test_smuggling import KEYS, crossing, ids_of
from tests.conftest import is_postgresql
from tests.customers.ingest.conftest import identify, make_source, track
from tests.customers.providers.conftest import Shop, at, connected
from tests.test_access_matrix import SENTINEL, Furnished, body, fingerprint

pytestmark = pytest.mark.django_db
OK = {200, 204, 400, 401, 404, 405, 413, 415, 429}
"""What programs are answered with; never an error of ours."""


@dataclass
class Door:
    """An address, what is sent to it by somebody who may, and how that is signed."""

    path: str
    said: dict[str, Any]
    sign: Callable[[bytes], dict[str, str]]

    def post(self, said: Any, *, query: str = "", **headers: str) -> Any:
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        given = {**self.sign(data), **{name.replace("_", "-"): value for name, value in headers.items()}}
        return Client().post(self.path + query, data, content_type="application/json", headers=given)


def doors_of(store: Store, actor: User) -> dict[str, Door]:
    """A door of each kind, with its key."""
    segment, amplitude = make_source(store, actor), make_source(store, actor, WayInKind.AMPLITUDE)

    def hook(kind: WayInKind, topic: str, said: dict[str, Any]) -> Door:
        shop: Shop = connected(store, actor, kind)
        return Door(shop.path(topic), said, lambda data: shop.headers(topic, data))

    calls = [identify("u1", "mine@maple.example"), track(messageId="m")]
    event = {"event_type": "Tapped", "user_id": "user-1"}
    buyer = shopify_customer(77, "mine@maple.example", at(0))
    return {
        "segment": Door("/v1/batch", {"writeKey": segment.key, "batch": calls}, lambda _: {}),
        "segment call": Door("/segment/v1/track", {"writeKey": segment.key, **track()}, lambda _: {}),
        "amplitude": Door("/2/httpapi", {"api_key": amplitude.key, "events": [event]}, lambda _: {}),
        "shopify": hook(WayInKind.SHOPIFY, "customers/create", buyer),
        "recharge": hook(
            WayInKind.RECHARGE, "customer/created", {"customer": recharge_customer(5, "mine@maple.example", at(0))}
        ),
    }


@pytest.fixture
def doors(mine: Furnished, stranger: User) -> dict[str, Door]:
    pace.forget()
    return doors_of(mine.store, stranger)


DOORS = ["segment", "segment call", "amplitude", "shopify", "recharge"]
each_door = pytest.mark.parametrize("name", DOORS)


def in_order(answer: Any) -> None:
    assert answer.status_code in OK, (answer.status_code, body(answer))
    assert answer["Content-Type"].startswith("application/json")
    assert not answer.cookies
    assert SENTINEL not in body(answer) + str(answer.headers)


@each_door
def test_odd_values_are_answered_in_order(name: str, doors: dict[str, Door], settings: Any) -> None:
    settings.INGEST_RECORDS_PER_SECOND = 1_000_000
    door = doors[name]
    for at_, value in enumerate(VALUES):
        for said in (
            {**door.said, NAMES[at_ % len(NAMES)]: value},
            dict.fromkeys(door.said, value),
            {key: [value, {"a": value}] for key in door.said},
            {key: {value: value} for key in door.said},
        ):
            in_order(door.post(said))
        header = value.encode("ascii", "replace").decode().replace("\r\n", " ").replace("\x00", "")
        for field in ("Content_Encoding", "Authorization", "X_Shopify_Topic", "X_Recharge_Topic", "X_Forwarded_For"):
            in_order(door.post(door.said, **{field: header}))
        in_order(door.post(door.said, query=f"?writeKey={at_}&topic={at_}&store={at_}"))


@each_door
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "X" * 300])
def test_odd_methods_do_nothing(name: str, method: str, doors: dict[str, Door]) -> None:
    before, door = Arrival.everywhere.count(), doors[name]
    data = json.dumps(door.said).encode()
    answer = Client().generic(method, door.path, data, content_type="application/json", headers=door.sign(data))
    assert answer.status_code == 405
    overridden = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}
    assert Client().get(f"{door.path}?_method=POST", headers=overridden).status_code == 405
    assert Arrival.everywhere.count() == before


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nonsense", "/v1/batch/x", "/segment/v1/", "/v1/%62atch%00", "/webhooks/shopify/%2e%2e/orders/create",
        "/webhooks/SHOPIFY/cw_x/orders/create", "/webhooks/shopify/cw_x/", "/webhooks/shopify//orders/create",
        "/webhooks/recharge/cw_x/" + "x" * 5_000, "/webhooks/recharge/" + "x" * 5_000 + "/a", "/2/httpapi/x",
        "/webhooks/shopify/cw_x/../../admin/", "/webhooks/shopify/cw_x/orders%0acreate", "/batch/../admin/",
    ],
    ids=lambda path: path[:40],
)  # fmt: skip
def test_odd_paths_lead_nowhere(path: str, doors: dict[str, Door]) -> None:
    for method in ("GET", "POST"):
        answer = Client().generic(method, path, b"{}", content_type="application/json")
        assert answer.status_code in (301, 302, 400, 401, 404, 405), (method, answer.status_code)
        assert SENTINEL not in body(answer)


@each_door
def test_another_host_is_refused(name: str, doors: dict[str, Door]) -> None:
    door, before = doors[name], Arrival.everywhere.count()
    for host in ("evil.example", "testserver.evil.example", "[::1", ""):
        assert door.post(door.said, Host=host).status_code == 400
    assert Arrival.everywhere.count() == before


def planted_at_once() -> Iterator[dict[str, Any]]:
    """The telling values, as many at a time as a record may have, but for what the APIs themselves ask for."""
    named = {"name", "type", "event", "properties", "topic", "session_id", "time", "email", "phone", "tags", "price"}
    named |= {
        "first_name",
        "last_name",
        "user_properties",
        "event_properties",
        "body",
        "created_at",
        "state",
        "revenue",
    }
    named |= set(amplitude._OF_SALES)
    fields = [(field, value) for field, value in PLANTED.items() if field not in named]
    for start in range(0, len(fields), 100):
        yield dict(fields[start : start + 100])


@each_door
def test_nothing_is_set_that_is_not_asked_for(name: str, doors: dict[str, Door], mine: Furnished) -> None:
    door = doors[name]
    for at_, fields in enumerate(planted_at_once()):
        said = json.loads(json.dumps(door.said))
        for place in (said, *said.get("batch", []), *said.get("events", []), said.get("customer", {})):
            for field, value in fields.items():
                place.setdefault(field, value)
            place["messageId"] = f"{at_} {len(place)}"
        answer = door.post(said, query=f"?store_id={NUMBER}&way_in_id={NUMBER}")
        assert (answer.status_code, answer.json().get("rejected")) == (200, None), (body(answer), fields)
    work(mine.store)
    rows = contents()
    assert not [value for value in (str(NUMBER), DAY, TEXT) if value in rows]
    assert crossing() == []


def work(store: Store) -> None:
    """Take in what waits in the store."""
    while take_in(store):
        pass


def test_ids_of_another_store_bind_nothing(doors: dict[str, Door], victim: Furnished, mine: Furnished) -> None:
    """Every name that a key goes by, in all places of what is sent, with ids of the other store."""
    before = fingerprint(victim.store)
    for theirs in sorted(ids_of(victim)):
        sprayed = dict.fromkeys(sorted(KEYS - {"id"}), theirs)
        for name, door in doors.items():
            said = {**door.said, **sprayed, "context": sprayed}
            for place in ("batch", "events"):
                if place in said:
                    said[place] = [{**sprayed, **one, "messageId": f"{name} {theirs}"} for one in said[place]]
            in_order(door.post(said))
    work(mine.store)
    assert fingerprint(victim.store) == before
    assert crossing() == []


def test_a_key_opens_its_own_store_alone(doors: dict[str, Door], victim: Furnished, owner: User) -> None:
    """What is signed or sent with one store's key never comes to another's address, or under another's name."""
    theirs = doors_of(victim.store, owner)
    after_making = Arrival.objects.for_store(victim.store).count()
    for name in ("shopify", "recharge"):
        data = json.dumps(doors[name].said).encode() + b" "
        answer = Client().post(
            theirs[name].path, data, content_type="application/json", headers=doors[name].sign(b"{}")
        )
        assert answer.status_code == 401
    assert Arrival.objects.for_store(victim.store).count() == after_making


# --- Behind the second wall alone


@contextmanager
def _first_wall_is_down(patch: pytest.MonkeyPatch) -> Iterator[None]:
    with patch.context() as down:
        down.setattr(StoreQuerySet, "for_store", lambda self, store: self.all())
        down.setattr(StoreManager, "for_store", lambda self, store: self.model.everywhere.all())
        yield


def careless_taking_in(doors: dict[str, Door], victim: Furnished, owner: User, patch: pytest.MonkeyPatch) -> None:
    """The code forgets to name the store, at the doors and when it takes in; something waits in the other store."""
    if not is_postgresql():
        pytest.skip("The second wall is PostgreSQL's.")
    theirs = doors_of(victim.store, owner)["segment"]
    assert theirs.post(theirs.said).status_code == 200
    before = fingerprint(victim.store)
    with _first_wall_is_down(patch):
        for door in doors.values():
            in_order(door.post(door.said))
        mine = Arrival.everywhere.exclude(store=victim.store).latest("pk").store
        assert take_in(mine) > 0
    assert fingerprint(victim.store) == before
    assert Arrival.everywhere.filter(store=victim.store, state="waiting").exists()
    assert not Event.everywhere.filter(store=victim.store, message_key="m").exists()


def test_without_the_first_wall_nothing_crosses(
    doors: dict[str, Door], victim: Furnished, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless_taking_in(doors, victim, owner, monkeypatch)


@pytest.mark.teeth
@pytest.mark.xfail(raises=AssertionError, reason="Without the second wall it takes in what is another's.")
def test_without_both_it_does(
    doors: dict[str, Door], victim: Furnished, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def nothing(_: Store) -> Iterator[None]:
        yield

    monkeypatch.setattr(wall, "around", nothing)
    careless_taking_in(doors, victim, owner, monkeypatch)
