"""The Segment-compatible API: what is answered, and what comes of it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.ingest import keys
from customers.models import Arrival, Event, EventTime, Rejection, TouchedCustomer
from portal.models import Store, User
from tests.conftest import make_customer
from tests.customers.ingest.conftest import Source, identify, track

pytestmark = pytest.mark.django_db(transaction=True)
TakeIn = Callable[[], int]


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def test_a_batch_is_kept_and_taken_in(segment: Source, take_in: TakeIn) -> None:
    answer = segment.track(track(messageId="m1", properties={"size": 3}), track("Bought", messageId="m2"))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert answer["Content-Type"] == "application/json"
    assert not answer.cookies
    assert not segment.events()
    take_in()
    assert [(event.name, event.properties) for event in segment.events()] == [("Tapped", {"size": 3}), ("Bought", {})]
    assert segment.counts() == {
        "received": 2, "stored": 2, "duplicate": 0, "invalid": 0, "ignored": 0, "unmatched": 2,
    }  # fmt: skip
    assert Arrival.everywhere.get().body == ""


@pytest.mark.parametrize("prefix", ["/segment/v1/", "/v1/"])
@pytest.mark.parametrize(
    ("call", "said", "name"),
    [
        ("identify", {"traits": {"plan": "pro"}}, "$identify"),
        ("track", {"event": "Tapped"}, "Tapped"),
        ("page", {"name": "Home"}, "Page Viewed"),
        ("screen", {"name": "Home", "category": "Top"}, "Screen Viewed"),
        ("group", {"groupId": "g", "traits": {}}, "$group"),
        ("alias", {"previousId": "old"}, "$alias"),
    ],
)
def test_every_call_at_both_addresses(
    segment: Source, take_in: TakeIn, prefix: str, call: str, said: dict[str, Any], name: str
) -> None:
    answer = segment.post(f"{prefix}{call}", {"userId": "u", **said}, Authorization=basic(segment.key))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    take_in()
    assert [event.name for event in segment.events()] == [name]


def test_gzip(segment: Source, take_in: TakeIn) -> None:
    packed = gzip.compress(json.dumps({"batch": [track(messageId="m")]}).encode())
    given = {"Authorization": basic(segment.key), "Content-Encoding": "gzip"}
    assert segment.post("/v1/batch", packed, **given).status_code == 200
    assert segment.post("/v1/batch", packed[:-9], **given).json()["code"] == "invalid_encoding"
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    answer = segment.post("/v1/batch", bomb, **given)
    assert (answer.status_code, answer.json()["code"]) == (400, "payload_too_large")
    take_in()
    assert len(segment.events()) == 1


@pytest.mark.parametrize("key", ["", "nonsense", "cw_" + "x" * 43, "ÿ" * 10, "k" * 5_000])
def test_a_key_that_nobody_has(segment: Source, key: str) -> None:
    answer = segment.post("/v1/batch", {"batch": [track()], "writeKey": key})
    assert answer.status_code == 401
    assert set(answer.json()) == {"code", "message"}
    assert not Arrival.everywhere.exists()


def test_a_key_in_the_address_is_no_key(segment: Source) -> None:
    assert segment.post(f"/v1/batch?writeKey={segment.key}", {"batch": [track()]}).status_code == 401


def test_keys_end(segment: Source, owner: User) -> None:
    former, segment.key = segment.key, keys.rotate(segment.way_in, actor=owner)
    assert [segment.post("/v1/t", track(), Authorization=basic(key)).status_code for key in (former, segment.key)] == [
        200,
        200,
    ]
    segment.way_in.refresh_from_db()
    segment.way_in.former_until = timezone.now() - timedelta(seconds=1)
    segment.way_in.save()
    assert segment.post("/v1/t", track(), Authorization=basic(former)).status_code == 401
    assert segment.post("/v1/t", track(), Authorization=basic(segment.key)).status_code == 200
    keys.revoke(segment.way_in, actor=owner)
    assert segment.post("/v1/t", track(), Authorization=basic(segment.key)).status_code == 401


def test_a_key_is_kept_nowhere(segment: Source, store: Store) -> None:
    segment.track(track())
    escaped = json.dumps({"writeKey": segment.key, "batch": [track()]}).replace("cw_", "\\u0063w_")
    assert segment.post("/v1/batch", escaped).status_code == 200
    assert [segment.key in arrival.body for arrival in Arrival.everywhere.all()] == [False, False]
    assert segment.key not in str(list(type(segment.way_in).everywhere.values_list()))


def test_the_same_message_is_stored_once(segment: Source, take_in: TakeIn) -> None:
    segment.track(track(messageId="a"), track(messageId="b"), track(messageId="a"))
    segment.track(track(messageId="b"), track(messageId="c"))
    take_in()
    segment.track(track(messageId="c"), track(), track())
    take_in()
    assert len(segment.events()) == 5
    counts = segment.counts()
    assert (counts["received"], counts["stored"], counts["duplicate"]) == (8, 5, 3)


def test_what_is_wrong_in_a_batch_is_told_and_the_rest_is_kept(segment: Source, take_in: TakeIn) -> None:
    answer = segment.track(
        track(messageId="ok"), {"type": "track", "event": "X"}, track(event=""), 7, {"type": "nonsense", "userId": "u"}
    )
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert [(each["index"], each["code"]) for each in answer.json()["rejected"]] == [
        (1, "no_user_anon_id"),
        (2, "event_missing"),
        (3, "invalid_event"),
        (4, "unknown_type"),
    ]
    take_in()
    counts = segment.counts()
    assert (counts["received"], counts["stored"], counts["invalid"]) == (5, 1, 4)
    assert list(Rejection.everywhere.order_by("pk").values_list("position", flat=True)) == [1, 2, 3, 4]


def test_a_single_call_that_is_wrong_is_refused_and_counted(segment: Source) -> None:
    answer = segment.segment("track", event="X")
    assert (answer.status_code, answer.json()["code"]) == (400, "no_user_anon_id")
    assert segment.counts()["invalid"] == segment.counts()["received"] == 1


def test_times(segment: Source, take_in: TakeIn) -> None:
    now = timezone.now()
    fast = now + timedelta(days=3)
    batch = [
        track("Skewed", messageId="1", timestamp=(fast - timedelta(minutes=10)).isoformat()),
        track("Missing", messageId="2"),
    ]
    segment.track(*batch, sentAt=fast.isoformat())
    segment.track(
        track("As sent", messageId="3", timestamp="2024-05-01T10:00:00.123Z"),
        track("Ahead", messageId="4", timestamp=(now + timedelta(hours=2)).isoformat()),
    )
    take_in()
    found = {event.name: event for event in segment.events()}
    assert abs(found["Skewed"].occurred_at - (now - timedelta(minutes=10))) < timedelta(seconds=5)
    assert found["Skewed"].time_is == EventTime.CORRECTED
    assert found["Missing"].occurred_at == found["Missing"].received_at
    assert found["As sent"].occurred_at.isoformat() == "2024-05-01T10:00:00.123000+00:00"
    assert (found["Ahead"].occurred_at, found["Ahead"].time_is) == (found["Ahead"].received_at, EventTime.FUTURE)


@pytest.mark.parametrize(
    "said",
    ["2024-05-01T10:00:00", "1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "nonsense",
     "2016-12-31T23:59:60Z", 1700000000, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"],
)  # fmt: skip
def test_times_that_cannot_be_meant(segment: Source, said: Any) -> None:
    answer = segment.track(track(timestamp=said))
    assert [each["code"] for each in answer.json()["rejected"]] == ["invalid_timestamp"]


def test_events_join_their_customer(segment: Source, take_in: TakeIn, store: Store) -> None:
    customer = make_customer(store, "anna@maple.example")
    segment.track(track("Before", user=None, anonymousId="a1"), track("Nobody", user=None, anonymousId="a2"))
    take_in()
    assert [event.customer_id for event in segment.events()] == [None, None]
    segment.track(identify("u1", "ANNA@maple.example", anonymousId="a1"))
    take_in()
    segment.track(track("After", user=None, anonymousId="a1"), track("Known", user="u1"))
    take_in()
    mine = {event.name: event.customer_id for event in segment.events()}
    assert mine == {
        "Before": customer.pk, "Nobody": None, "$identify": customer.pk, "After": customer.pk, "Known": customer.pk,
    }  # fmt: skip
    assert set(TouchedCustomer.everywhere.values_list("customer_id", flat=True)) == {customer.pk}


def test_the_campaign_is_kept(segment: Source, take_in: TakeIn) -> None:
    context = {"campaign": {"source": "google"}, "page": {"referrer": "https://example.com/"}, "ip": "10.0.0.1"}
    segment.track(track(context=context))
    segment.track(track(), context=context)
    take_in()
    kept = {"$campaign": {"source": "google"}, "$referrer": "https://example.com/"}
    assert [event.properties for event in segment.events()] == [kept, kept]


def test_browsers_may_ask_from_anywhere_without_cookies(segment: Source) -> None:
    answer = Client().options("/v1/t")
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Access-Control-Allow-Credentials" not in answer
    assert Client().get("/v1/t").json() == {"code": "method_not_allowed", "message": "Send it by POST."}


def test_an_empty_batch_is_nothing(segment: Source) -> None:
    assert segment.track().json() == {"success": True}
    assert not Arrival.everywhere.exists()
    assert not Event.everywhere.exists()
