"""A request that names an Idempotency-Key: acted on once, answered as the first time."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client

from customers.ingest import idempotency, inbox, sweeping
from customers.models import Arrival, KeyedRequest, WayInKind
from portal.models import Store, User
from tests.customers.ingest.conftest import Source, make_source, track
from tests.customers.twins import Patch, Twin, twins
from tests.holding import others_hold

pytestmark = pytest.mark.django_db(transaction=True)
TakeIn = Callable[[], int]
Send = Callable[..., Any]
KEY = "order 7 of checkout 12"
GIVEN_UP = idempotency.GIVEN_UP


def of_segment(source: Source, name: str = "m1", *, key: str = KEY) -> Any:
    body = {"writeKey": source.key, "batch": [track(messageId=name)]}
    return source.post("/v1/batch", body, **{idempotency.HEADER: key})


def of_amplitude(source: Source, name: str = "m1", *, key: str = KEY) -> Any:
    event = {"event_type": "Tapped", "user_id": "user-1", "insert_id": name}
    return source.post("/2/httpapi", {"api_key": source.key, "events": [event]}, **{idempotency.HEADER: key})


@pytest.fixture(params=["segment", "amplitude"])
def send(request: pytest.FixtureRequest, store: Store, owner: User) -> Send:
    source = make_source(store, owner, WayInKind(request.param))
    post = of_segment if request.param == "segment" else of_amplitude

    def sent(*names: str, **given: Any) -> Any:
        return post(source, *names, **given)

    return sent


def words_of(answer: Any) -> str:
    """What is wrong, however its kind of program is told."""
    said = answer.json()
    return str(said.get("error", said.get("message", "")))


def grow_old(age: timedelta) -> None:
    KeyedRequest.everywhere.update(begun_at=F("begun_at") - age)


def test_the_same_request_is_acted_on_once(send: Send) -> None:
    first, second = send(), send()
    assert (first.status_code, second.status_code) == (200, 200)
    assert (first.content, "Idempotent-Replayed" in first) == (second.content, False)
    assert second.get("Idempotent-Replayed") == "true"
    assert Arrival.everywhere.count() == 1


def test_what_was_refused_of_a_batch_is_said_again(segment: Source, take_in: TakeIn) -> None:
    body = {"writeKey": segment.key, "batch": [track(), {"type": "track"}]}
    answers = [segment.post("/v1/batch", body, **{idempotency.HEADER: KEY}) for _ in range(2)]
    assert answers[0].json()["rejected"][0]["index"] == 1
    assert answers[0].content == answers[1].content
    take_in()
    assert len(segment.events()) == 1


def test_a_key_stands_for_one_request(send: Send) -> None:
    assert send("m1").status_code == 200
    answer = send("m2")
    assert (answer.status_code, "another request" in words_of(answer)) == (422, True)
    assert Arrival.everywhere.count() == 1
    assert send("m1").status_code == 200
    assert send("m2", key="another").status_code == 200


def test_a_key_stands_for_one_address(segment: Source) -> None:
    body = {"writeKey": segment.key, **track(messageId="m")}
    said = [segment.post(f"/v1/{call}", body, **{idempotency.HEADER: KEY}).status_code for call in ("track", "page")]
    assert said == [200, 422]


def test_while_somebody_is_at_it(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    receive, meanwhile = inbox.receive, []

    def slowly(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(inbox, "receive", receive)
        meanwhile.append(send())
        return receive(*given, **named)

    monkeypatch.setattr(inbox, "receive", slowly)
    assert send().status_code == 200
    (answer,) = meanwhile
    assert (answer.status_code, answer["Retry-After"]) == (409, "1")
    assert send().status_code == 200
    assert Arrival.everywhere.count() == 1


def test_many_at_once(send: Send) -> None:
    def one(_: int) -> int:
        try:
            return int(send().status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(one, range(60)))
    assert set(said) <= {200, 409}
    assert 200 in said
    assert Arrival.everywhere.count() == 1


def test_a_mistake_of_ours_is_an_answer(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*_: Any, **__: Any) -> None:
        raise ValueError("a mistake")

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "receive", mistaken)
        first = send()
    second = send()
    assert (first.status_code, second.status_code) == (500, 500)
    assert first.content == second.content
    assert not Arrival.everywhere.exists()
    assert send(key="another").status_code == 200


def test_what_could_not_be_kept_may_come_again(send: Send) -> None:
    with others_hold(Arrival):
        assert send().status_code == 503
    assert not KeyedRequest.everywhere.exists()
    assert send().status_code == 200
    assert Arrival.everywhere.count() == 1


def test_after_a_day_it_is_a_new_request(send: Send) -> None:
    assert send("m1").status_code == 200
    grow_old(idempotency.KEPT - timedelta(minutes=1))
    assert send("m2").status_code == 422
    grow_old(timedelta(minutes=2))
    answer = send("m2")
    assert (answer.status_code, "Idempotent-Replayed" in answer) == (200, False)
    assert Arrival.everywhere.count() == 2
    assert send("m1").status_code == 422


def test_kept_for_a_day(send: Send) -> None:
    send()
    sweeping.forget()
    assert KeyedRequest.everywhere.count() == 1
    grow_old(idempotency.KEPT + timedelta(minutes=1))
    sweeping.forget()
    assert not KeyedRequest.everywhere.exists()


def begun(source: Source, name: str = "m1") -> idempotency.Claim:
    """A request whose process went no further than this."""
    body = json.dumps({"writeKey": source.key, "batch": [track(messageId=name)]}).encode()
    claim = idempotency.claim(source.way_in, KEY, "batch", body)
    assert isinstance(claim, idempotency.Claim)
    return claim


def test_a_request_that_nobody_survived(segment: Source) -> None:
    begun(segment)
    assert of_segment(segment).status_code == 409
    grow_old(GIVEN_UP)
    assert of_segment(segment).status_code == 200
    assert Arrival.everywhere.count() == 1


def test_whoever_was_overtaken_keeps_nothing(segment: Source) -> None:
    slow = begun(segment)
    grow_old(GIVEN_UP)
    assert of_segment(segment).status_code == 200
    with pytest.raises(idempotency.InFlight):
        inbox.receive(segment.way_in, "batch", "{}", records=1, settle=lambda: slow.settle(200, "{}"))
    assert Arrival.everywhere.count() == 1


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb", "\x7f"])
def test_what_is_no_key(send: Send, key: str) -> None:
    assert send(key=key).status_code == 400
    assert not Arrival.everywhere.exists()
    assert send(key="k" * 255).status_code == 200


def test_what_is_refused_before_is_not_kept(segment: Source) -> None:
    given = {idempotency.HEADER: KEY}
    for body in ("{", {"batch": [track()]}, {"writeKey": segment.key, "batch": 7}):
        assert segment.post("/v1/batch", body, **given).status_code in (400, 401)
    assert not KeyedRequest.everywhere.exists()
    assert of_segment(segment).status_code == 200


def test_two_sources_may_use_the_same_key(store: Store, other_store: Store, owner: User) -> None:
    sources = [make_source(store, owner), make_source(store, owner), make_source(other_store, owner)]
    said = [of_segment(source, f"m{number}").status_code for number, source in enumerate(sources)]
    assert said == [200, 200, 200]
    assert Arrival.everywhere.count() == 3


def test_the_key_itself_stands_nowhere(send: Send) -> None:
    send()
    row = KeyedRequest.everywhere.get()
    assert not [field.name for field in row._meta.concrete_fields if KEY in str(getattr(row, field.attname))]


def test_sites_may_send_it() -> None:
    allowed = Client().options("/v1/batch")["Access-Control-Allow-Headers"]
    assert idempotency.HEADER in allowed.split(", ")


def _all_new(patch: Patch) -> None:
    numbers = iter(range(1_000))
    claim = idempotency.claim
    patch.setattr(idempotency, "claim", lambda way_in, key, *rest: claim(way_in, f"{key} {next(numbers)}", *rest))


def _nobody_looks(patch: Patch) -> None:
    patch.setattr(idempotency.Claim, "settle", lambda *_: None)


def _never_old(patch: Patch) -> None:
    patch.setattr(idempotency, "GIVEN_UP", idempotency.KEPT)


@twins(
    same=Twin(test_the_same_request_is_acted_on_once, _all_new),
    other=Twin(test_a_key_stands_for_one_request, _all_new),
    at_once=Twin(test_many_at_once, _all_new),
    answer=Twin(test_the_same_request_is_acted_on_once, _nobody_looks),
    abandoned=Twin(test_a_request_that_nobody_survived, _never_old),
    overtaken=Twin(test_whoever_was_overtaken_keeps_nothing, _nobody_looks, sees=pytest.fail.Exception),
)
@pytest.mark.parametrize("send", ["segment"], indirect=True)
def test_twins(twin: Twin, send: Send, request: pytest.FixtureRequest, monkeypatch: Patch) -> None:
    twin.told(request, monkeypatch)
