"""The official libraries of Segment and Amplitude, unchanged, against a live server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from amplitude import Amplitude, BaseEvent, Config, Identify
from amplitude.event import EventOptions
from django.db import connections
from segment.analytics import Client as Segment

from customers.models import Event
from portal.models import Store
from tests.conftest import make_customer
from tests.customers.ingest.conftest import Source

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def host(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    # A library may keep its connection to the server, which would keep its own to the database.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    return str(live_server.url)


@pytest.mark.parametrize("gzip", [False, True])
def test_segment_python(host: str, segment: Source, store: Store, take_in: Callable[[], int], gzip: bool) -> None:
    anna, errors = make_customer(store, "anna@maple.example"), []
    client = Segment(
        segment.key, host=f"{host}/segment/", gzip=gzip, max_retries=1, on_error=lambda error, _: errors.append(error)
    )
    client.track(anonymous_id="a", event="Before")
    client.identify("u", {"email": "anna@maple.example"}, anonymous_id="a")
    client.page("u", "Shop", "Home")
    client.screen("u", "Shop", "Home")
    client.group("u", "g", {"name": "Family"})
    client.alias("older", "u")
    for number in range(250):
        client.track("u", "Tapped", {"number": number})
    client.shutdown()
    take_in()
    assert errors == []
    assert Event.everywhere.filter(customer=anna).count() == 256
    assert segment.counts()["received"] == segment.counts()["stored"] == 256


def test_segment_python_is_told_of_a_wrong_key(host: str, segment: Source) -> None:
    errors: list[Any] = []
    client = Segment("wrong", host=f"{host}/segment", max_retries=2, on_error=lambda error, _: errors.append(error))
    client.track("u", "Tapped")
    client.shutdown()
    assert [(error.status, error.code) for error in errors] == [(401, "invalid_write_key")]


@pytest.mark.parametrize("path", ["/2/httpapi", "/batch"])
def test_amplitude_python(host: str, amplitude: Source, store: Store, take_in: Callable[[], int], path: str) -> None:
    anna, told = make_customer(store, "anna@maple.example"), []
    config = Config(
        server_url=host + path, flush_queue_size=50, callback=lambda event, code, message: told.append(code)
    )
    client = Amplitude(amplitude.key, config)
    told_of = Identify()
    told_of.set("email", "anna@maple.example")
    client.identify(told_of, EventOptions(user_id="user-1"))
    for number in range(120):
        client.track(BaseEvent("Tapped", user_id="user-1", event_properties={"number": number}))
    client.shutdown()
    take_in()
    assert told == [200] * 121
    assert Event.everywhere.filter(customer=anna).count() == 121


def test_amplitude_python_drops_what_is_wrong_and_sends_the_rest(
    host: str, amplitude: Source, take_in: Callable[[], int]
) -> None:
    told: list[int] = []
    config = Config(
        server_url=f"{host}/2/httpapi",
        flush_interval_millis=200,
        callback=lambda event, code, message: told.append(code),
    )
    client = Amplitude(amplitude.key, config)
    for name in ("user-1", "null", "user-2", "undefined", "user-3"):
        client.track(BaseEvent("Tapped", user_id=name))
    deadline = time.monotonic() + 20
    while len(told) < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    client.shutdown()
    take_in()
    assert sorted(told) == [200, 200, 200, 400, 400]
    assert Event.everywhere.count() == 3
