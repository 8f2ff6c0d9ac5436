"""The published description is valid, and the addresses keep to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from customers.models import WayInKind
from customers.views import tracking
from portal.models import Store, User
from tests.customers.ingest.conftest import Source, identify, make_source, track

pytestmark = pytest.mark.django_db(transaction=True)
FIT = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def description() -> Any:
    return Client().get("/ingest/openapi.json").json()


def is_as_described(description: Any, path: str, answer: Any) -> None:
    said = description["paths"][path]["post"]["responses"][str(answer.status_code)]
    schema = said["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": description["components"]}).validate(answer.json())


def test_it_is_valid(description: Any) -> None:
    validate(description)


def test_it_names_every_address(description: Any) -> None:
    for path in description["paths"]:
        assert resolve(path).func in (tracking.segment_call, tracking.amplitude_call)


def test_answers_are_as_described(
    description: Any, segment: Source, amplitude: Source, settings: Any, take_in: Callable[[], int]
) -> None:
    for path in ("/segment/v1/batch", "/v1/batch"):
        for body in ({"batch": [track(), {}]}, {"batch": 7}, {"batch": [], "writeKey": "x"}):
            is_as_described(description, path, segment.post(path, {"writeKey": segment.key, **body}))
        is_as_described(description, path, segment.post(path, "{"))
        is_as_described(description, path, Client().get(path))
    is_as_described(description, "/v1/identify", segment.segment("identify", **identify("u")))
    given: list[list[Any]] = [[{"event_type": "x", "user_id": "user-1"}], [{}], [7]]
    for events in given:
        is_as_described(description, "/2/httpapi", amplitude.amplitude(*events))
        is_as_described(description, "/batch", amplitude.amplitude(*events, path="/batch"))
    bodies: list[Any] = ["", "[]", {"api_key": "x", "events": []}, {"events": []}]
    for data in bodies:
        is_as_described(description, "/2/httpapi", amplitude.post("/2/httpapi", data))
    keyed: dict[str, dict[str, Any]] = {
        "/v1/batch": {"writeKey": segment.key, "batch": [track()]},
        "/batch": {"api_key": amplitude.key, "events": given[0]},
    }
    for path, sent in keyed.items():
        for body, status in ((sent, 200), ({**sent, "context": {}}, 422)):
            answer = segment.post(path, body, **{"Idempotency-Key": "k"})
            assert answer.status_code == status
            is_as_described(description, path, answer)
    settings.INGEST_RECORDS_PER_SECOND = 1
    for _ in range(3):
        is_as_described(
            description, "/v1/batch", segment.post("/v1/batch", {"writeKey": segment.key, "batch": [track()]})
        )
        is_as_described(
            description, "/batch", amplitude.amplitude({"event_type": "x", "user_id": "u-1234"}, path="/batch")
        )


SAID = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["type", "userId", "anonymousId", "event", "properties", "traits", "context", "timestamp", "messageId",
          "sentAt", "previousId", "groupId", "name", "category", "integrations"]  # fmt: skip
OF_AMPLITUDE = ["event_type", "user_id", "device_id", "time", "insert_id", "session_id", "event_properties",
                "user_properties", "group_properties", "price", "revenue"]  # fmt: skip
KINDS = st.sampled_from(["identify", "track", "page", "screen", "group", "alias"])


def record(fields: list[str], **meant: Any) -> Any:
    """Objects with some of the fields, of any value, and what is meant for some."""
    given_ = st.dictionaries(st.sampled_from(fields), SAID, max_size=6)
    return st.builds(lambda said, more: {**said, **more}, given_, st.fixed_dictionaries({}, optional=meant)) | SAID


@FIT
@given(
    batch=st.lists(
        record(
            FIELDS, type=KINDS, userId=st.text(max_size=5), event=st.text(max_size=9), timestamp=st.datetimes().map(str)
        ),
        max_size=6,
    )
)
def test_whatever_is_sent_is_answered_as_described_and_accounted_for(
    batch: list[Any], description: Any, store: Store, owner: User, take_in: Callable[[], int]
) -> None:
    source = make_source(store, owner)
    try:
        answer = source.track(*batch)
        is_as_described(description, "/v1/batch", answer)
        take_in()
        counts = source.counts()
        if answer.status_code == 200:
            assert counts["received"] == len(batch)
        assert counts["received"] == sum(counts[name] for name in ("stored", "duplicate", "invalid", "ignored"))
        # Of what cannot be read at all it is not known who sent it: the key is in it.
        assert counts["invalid"] == len(answer.json().get("rejected", []))
    finally:
        source.way_in.revoked_at = source.way_in.created_at
        source.way_in.save()


@FIT
@given(
    events=st.lists(
        record(
            OF_AMPLITUDE, event_type=st.text(max_size=9), user_id=st.text(min_size=5, max_size=9), time=st.integers()
        ),
        max_size=6,
    )
)
def test_so_it_is_at_the_other_api(
    events: list[Any], description: Any, store: Store, owner: User, take_in: Callable[[], int]
) -> None:
    source = make_source(store, owner, WayInKind.AMPLITUDE)
    try:
        answer = source.amplitude(*events)
        is_as_described(description, "/2/httpapi", answer)
        take_in()
        counts = source.counts()
        assert counts["received"] == sum(counts[name] for name in ("stored", "duplicate", "invalid", "ignored"))
        if answer.status_code == 200:
            assert (counts["received"], counts["invalid"]) == (len(events), 0)
    finally:
        source.way_in.revoked_at = source.way_in.created_at
        source.way_in.save()
