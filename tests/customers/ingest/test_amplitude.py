"""The Amplitude-compatible API: exact replies, as its libraries read them, and what comes of the events."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from customers.ingest import amplitude as api
from customers.models import Arrival
from portal.models import Store, User
from tests.conftest import make_customer
from tests.customers.ingest.conftest import Source, make_source

pytestmark = pytest.mark.django_db(transaction=True)
TakeIn = Callable[[], int]
NOW_MS = int(time.time() * 1000)


def event(name: str = "Tapped", **fields: Any) -> dict[str, Any]:
    return {"event_type": name, "user_id": "user-1", **fields}


@pytest.mark.parametrize("path", ["/2/httpapi", "/batch"])
def test_events_are_kept_and_taken_in(amplitude: Source, take_in: TakeIn, path: str) -> None:
    answer = amplitude.amplitude(event(time=NOW_MS, insert_id="i", session_id=NOW_MS), event("Bought"), path=path)
    said = answer.json()
    assert (answer.status_code, said["code"], said["events_ingested"]) == (200, 200, 2)
    assert set(said) == {"code", "events_ingested", "payload_size_bytes", "server_upload_time"}
    assert all(type(value) is int for value in said.values())
    take_in()
    first, second = amplitude.events()
    assert (first.name, first.session_id, int(first.occurred_at.timestamp() * 1000)) == ("Tapped", NOW_MS, NOW_MS)
    assert (second.name, second.session_id) == ("Bought", None)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"events": []}, 400, {"error": "Request missing required field", "missing_field": "api_key"}),
        ({"api_key": "KEY"}, 400, {"error": "Request missing required field", "missing_field": "events"}),
        ({"api_key": "nobody's", "events": []}, 400, {"error": "Invalid API key: nobody's"}),
        ({"api_key": "KEY", "events": 7}, 400, {"error": "Request missing required field", "missing_field": "events"}),
        ("", 400, {"error": "Missing request body"}),
        ("[]", 400, {"error": "Invalid JSON request body"}),
        ("{", 400, {"error": "Invalid JSON request body"}),
        ({"api_key": "KEY", "events": [{}] * 2_001}, 413, {"error": "Payload too large"}),
        ({"api_key": "KEY", "events": ["x" * 1_000_000]}, 413, {"error": "Payload too large"}),
    ],
)
def test_refusals(amplitude: Source, body: Any, status: int, said: dict[str, Any]) -> None:
    if isinstance(body, dict) and body.get("api_key") == "KEY":
        body = {**body, "api_key": amplitude.key}
    answer = amplitude.post("/2/httpapi", body)
    assert (answer.status_code, answer.json()) == (status, {"code": status, **said})
    assert not Arrival.everywhere.exists()


def test_wrong_events_are_named_by_field_and_position(amplitude: Source) -> None:
    answer = amplitude.amplitude(
        event(time="yesterday"),
        event(),
        {"user_id": "user-1"},
        event(user_id="null"),
        event(user_id=None),
        event(device_id="00000000-0000-0000-0000-000000000000"),
        event(time=-5),
        7,
        event(event_properties=[]),
    )
    assert answer.status_code == 400
    assert answer.json() == {
        "code": 400,
        "error": "Invalid field values on some events",
        "events_with_invalid_fields": {
            "time": [0, 6], "user_id": [3], "device_id": [5], "event": [7], "event_properties": [8],
        },
        "events_with_missing_fields": {"event_type": [2], "user_id": [4]},
    }  # fmt: skip
    assert not Arrival.everywhere.exists()
    assert amplitude.counts()["invalid"] == amplitude.counts()["received"] == 8


@pytest.mark.parametrize("name", sorted(api.FORBIDDEN))
def test_ids_that_nobody_has(amplitude: Source, name: str) -> None:
    answer = amplitude.amplitude(event(user_id=name.upper()), options={"min_id_length": 1})
    assert answer.json()["events_with_invalid_fields"] == {"user_id": [0]}


def test_short_ids_are_left_out(amplitude: Source, take_in: TakeIn) -> None:
    assert amplitude.amplitude(event(user_id="abcd")).json()["events_with_missing_fields"] == {"user_id": [0]}
    assert amplitude.amplitude(event(user_id="abcd", device_id="device-1")).status_code == 200
    assert amplitude.amplitude(event(user_id="abcd"), options={"min_id_length": 4}).status_code == 200
    take_in()
    assert len({each.visitor for each in amplitude.events()}) == 2


def test_the_same_event_is_stored_once_for_each_device(amplitude: Source, take_in: TakeIn) -> None:
    same = event(insert_id="i", device_id="device-1")
    amplitude.amplitude(same, same, event(insert_id="i", device_id="device-2"))
    take_in()
    counts = amplitude.counts()
    assert (counts["stored"], counts["duplicate"]) == (2, 1)


def test_devices_join_who_is_identified(amplitude: Source, take_in: TakeIn, store: Store) -> None:
    anna = make_customer(store, "anna@maple.example")
    amplitude.amplitude(event("Before", user_id=None, device_id="device-1"))
    take_in()
    told = {"$set": {"email": "anna@maple.example"}}
    amplitude.amplitude(event("$identify", device_id="device-1", user_properties=told), event("After"))
    take_in()
    assert [(each.name, each.customer_id) for each in amplitude.events()] == [
        ("Before", anna.pk), ("$identify", anna.pk), ("After", anna.pk),
    ]  # fmt: skip


def test_a_key_of_the_other_kind_opens_nothing(amplitude: Source, store: Store, owner: User) -> None:
    other = make_source(store, owner)
    answer = amplitude.post("/2/httpapi", {"api_key": other.key, "events": [event()]})
    assert answer.json()["error"].startswith("Invalid API key: ")
    assert other.post("/v1/t", {"writeKey": amplitude.key, "userId": "u", "event": "x"}).status_code == 401


def test_sales_and_campaigns(amplitude: Source, take_in: TakeIn) -> None:
    amplitude.amplitude(
        event(revenue=3.5, productId="p", user_properties={"utm_source": "google", "utm_campaign": "x"})
    )
    take_in()
    (kept,) = amplitude.events()
    assert kept.properties == {"revenue": 3.5, "productId": "p", "$campaign": {"source": "google", "name": "x"}}
