"""The worker's side: portions, poison, others at work, pace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from customers.ingest import inbox, pace, replaying, sweeping, taking_in, tracking
from customers.models import Arrival, ArrivalState, Event, Intake, WayInKind
from portal.actions import Refusal
from portal.invariants import broken
from portal.models import AuditEntry, Store, User
from tests.conftest import is_postgresql, make_store, make_user
from tests.customers.ingest.conftest import Source, make_source, track
from tests.holding import others_hold

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _the_data_is_whole() -> Iterator[None]:
    yield
    assert broken() == {}


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have whatever holds this text fail, until another text is given."""
    import_module("customers.views.tracking")  # it keeps what it imports, and is to keep the real one
    texts = {"now": ""}
    real = tracking.read_each

    def failing(records: Any, read: Any) -> Any:
        if texts["now"] and texts["now"] in str(records):
            raise ZeroDivisionError
        return real(records, read)

    monkeypatch.setattr(tracking, "read_each", failing)
    return lambda text: texts.update(now=text)


def test_a_poison_request_is_set_aside_and_the_rest_goes_on(
    segment: Source, take_in: Callable[[], int], poisoned: Callable[[str], None], owner: User
) -> None:
    poisoned("arsenic")
    for number in range(20):
        segment.track(track("arsenic" if number == 13 else "Tapped", messageId=str(number)))
    for _ in range(20):
        take_in()
    assert len(segment.events()) == 19
    left = Arrival.everywhere.get(state=ArrivalState.POISON)
    assert (left.attempts, "ZeroDivisionError" in left.reason, bool(left.body)) == (taking_in.TRIES, True, True)
    assert Intake.everywhere.get().most in (0, 1, 2, 4, 8, 16, 32)
    poisoned("")
    assert replaying.replay(segment.way_in, left.pk, actor=owner) == 1
    take_in()
    assert len(segment.events()) == 20
    assert segment.counts()["received"] == 20
    assert AuditEntry.everywhere.filter(verb="replayed").exists()
    with pytest.raises(Refusal):
        replaying.replay(segment.way_in, actor=owner)


def test_who_died_of_a_portion_is_found_out_by_its_row(segment: Source, store: Store) -> None:
    for number in range(4):
        segment.track(track(messageId=str(number)))
    begun = taking_in._begin(store)
    assert begun is not None
    assert taking_in.take_in(store) == 0, "Somebody may be about to go on with it."
    for _ in range(30):
        Intake.everywhere.update(begun_at=timezone.now() - timedelta(minutes=1))
        if (begun := taking_in._begin(store)) is None:
            break
    assert Arrival.everywhere.filter(state=ArrivalState.POISON).count() == 4
    assert set(Arrival.everywhere.values_list("reason", flat=True)) == {taking_in.DIED}


def test_a_database_that_is_away_makes_nobody_poison(
    segment: Source, take_in: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    segment.track(track(messageId="1"))

    def away(*_: Any) -> Any:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(tracking, "write", away)
        for _ in range(5):
            assert take_in() == 0
    assert Arrival.everywhere.get().attempts == 0
    assert take_in() == 1


def test_what_is_of_no_use_is_ignored_and_may_be_replayed(
    segment: Source, take_in: Callable[[], int], owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ignoring:
        def take_in(self, store: Store, way_in: Any, arrivals: list[Any]) -> list[Any]:
            return [taking_in.Outcome(ignored_because="The topic is not known.") for _ in arrivals]

    segment.track(track(messageId="1"), track(messageId="2"))
    with monkeypatch.context() as patch:
        patch.setitem(taking_in._handlers, WayInKind.SEGMENT, Ignoring())
        take_in()
    assert (segment.counts()["received"], segment.counts()["ignored"]) == (2, 2)
    replaying.replay(segment.way_in, actor=owner)
    assert segment.counts()["received"] == 0
    take_in()
    assert (segment.counts()["received"], segment.counts()["stored"], segment.counts()["ignored"]) == (2, 2, 0)


def test_webhooks_are_known_again(segment: Source) -> None:
    given = [inbox.receive(segment.way_in, "t", "{}", records=1, dedupe_key="k") for _ in range(3)]
    assert given == ["stored", "duplicate", "duplicate"]
    assert inbox.receive(segment.way_in, "t", "{}", records=1, dedupe_key="other") == "stored"


def test_a_hundred_times_the_same_at_once(segment: Source, take_in: Callable[[], int]) -> None:
    statuses: list[int] = []

    def send() -> None:
        try:
            statuses.append(segment.track(track(messageId="same")).status_code)
        finally:
            connections.close_all()

    def take() -> None:
        try:
            take_in()
        finally:
            connections.close_all()

    takers = [threading.Thread(target=take) for _ in range(2)]
    # No more at a time than a database has room for, beside whoever else is connected.
    with ThreadPoolExecutor(25) as senders:
        for taker in takers:
            taker.start()
        for _ in range(100):
            senders.submit(send)
    for taker in takers:
        taker.join()
    take_in()
    assert statuses == [200] * 100
    assert Event.everywhere.count() == 1
    assert (segment.counts()["stored"], segment.counts()["duplicate"]) == (1, 99)


@pytest.mark.skipif(not is_postgresql(), reason="SQLite has one writer")
def test_who_looks_in_between_does_not_stop_a_portion(
    segment: Source, take_in: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    segment.track(track())
    real, others = taking_in.crash.point, ExitStack()

    def meanwhile(name: str, *said: Any) -> None:
        if name == "intake.begun":
            held = f"SELECT * FROM {Intake._meta.db_table} FOR UPDATE"
            others.enter_context(others_hold(Intake, held, seconds=0.5))
        real(name, *said)

    monkeypatch.setattr(taking_in.crash, "point", meanwhile)
    with others:
        assert take_in() == 1
    assert Arrival.everywhere.get().attempts == 0


def test_two_sources_bring_the_same_message_at_once(
    segment: Source, store: Store, owner: User, take_in: Callable[[], int]
) -> None:
    other = make_source(store, owner, label="Other")
    segment.track(track(messageId="same"))
    other.track(track(messageId="same"))
    take_in()
    assert Event.everywhere.count() == 1
    assert segment.counts()["stored"] + other.counts()["stored"] == 1
    assert segment.counts()["duplicate"] + other.counts()["duplicate"] == 1


def test_stores_know_nothing_of_each_others_messages(segment: Source, take_in: Callable[[], int]) -> None:
    elsewhere = make_store("elm")
    other = make_source(elsewhere, make_user("owner@elm.example", owner=elsewhere))
    for source in (segment, other):
        source.track(track(messageId="same"))
    take_in()
    assert Event.everywhere.count() == 2


def test_a_portion_waits_while_its_source_is_held(segment: Source, store: Store) -> None:
    """As the one who erases people holds it."""
    if not is_postgresql():
        pytest.skip("SQLite has one writer at a time.")
    segment.track(track(messageId="1"))
    holds, done = threading.Event(), threading.Event()

    def hold() -> None:
        from django.db import transaction

        with transaction.atomic():
            list(type(segment.way_in).everywhere.select_for_update(no_key=True))
            holds.set()
            done.wait(20)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait(20)
    assert taking_in.take_in(store) == 0
    done.set()
    thread.join()
    assert sweeping.take_in_all() == 1


def test_what_comes_too_fast_is_asked_to_come_later(segment: Source, store: Store, owner: User, settings: Any) -> None:
    settings.INGEST_RECORDS_PER_SECOND = 10
    calm = make_source(store, owner, label="Calm")
    answers = [segment.track(track()) for _ in range(8)]
    late = [answer for answer in answers if answer.status_code == 429]
    assert late
    assert late[0].json()["code"] == "too_many_requests"
    assert int(late[0]["Retry-After"]) >= 1
    assert calm.track(track()).status_code == 200
    assert Arrival.everywhere.count() == 8 - len(late) + 1


def test_what_comes_too_fast_is_not_looked_at(
    segment: Source, amplitude: Source, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INGEST_RECORDS_PER_SECOND = 10
    event = {"event_type": "e", "user_id": "user-1"}
    while segment.track(track()).status_code == 200 or amplitude.amplitude(event).status_code == 200:
        pass

    def looked_at(*_: Any, **__: Any) -> None:
        raise AssertionError("it was looked at")

    monkeypatch.setattr("customers.views.tracking.read_each", looked_at)
    assert segment.track(track()).status_code == 429
    assert amplitude.amplitude(event).status_code == 429


def test_a_backlog_holds_its_own_source_back(
    segment: Source, amplitude: Source, settings: Any, take_in: Callable[[], int]
) -> None:
    settings.INGEST_BACKLOG = 100
    assert amplitude.amplitude(*[{"event_type": "e", "user_id": "user-1"}] * 150).status_code == 200
    answer = amplitude.amplitude({"event_type": "e", "user_id": "user-1"})
    assert answer.status_code == 429
    assert answer.json()["throttled_events"] == [0]
    assert segment.track(track()).status_code == 200
    take_in()
    pace.forget()
    assert amplitude.amplitude({"event_type": "e", "user_id": "user-1"}).status_code == 200


def test_a_database_that_is_away_is_answered_with_503(segment: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr("customers.ingest.keys.find", away)
    answer = segment.track(track())
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "5")
    answer = segment.post("/2/httpapi", {"api_key": "k", "events": []})
    assert (answer.status_code, answer.json()["code"]) == (503, 503)


def test_a_mistake_of_ours_is_answered_in_json(segment: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customers.ingest.keys.find", lambda *_: 1 // 0)
    assert set(segment.track(track()).json()) == {"code", "message"}


def test_a_worker_that_hears_nothing_takes_in_by_itself(segment: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    import customers.tasks
    from portal.standin import StandIn

    assert customers.tasks.take_in.name == "customers.tasks.take_in"
    deaf = StandIn(["activity"])
    deaf.silence = 0
    monkeypatch.setattr(deaf, "hears", lambda: False)
    monkeypatch.setattr(deaf, "_call_itself", lambda: None)
    segment.track(track(messageId="1"))
    assert deaf.look() == 1
    assert len(segment.events()) == 1


def test_what_was_settled_long_ago_is_forgotten(segment: Source, take_in: Callable[[], int]) -> None:
    segment.track(track())
    take_in()
    segment.track(track())
    inbox.receive(segment.way_in, "t", "{}", records=1, dedupe_key="k")
    long_ago = timezone.now() - timedelta(days=2)
    Arrival.everywhere.exclude(state=ArrivalState.WAITING).update(settled_at=long_ago)
    Arrival.everywhere.filter(dedupe_key="k").update(state=ArrivalState.DONE, settled_at=long_ago, body="")
    assert sweeping.forget() == 1
    assert Arrival.everywhere.count() == 2, "A webhook that comes again is known for thirty days."
    Arrival.everywhere.filter(dedupe_key="k").update(settled_at=timezone.now() - timedelta(days=31))
    assert sweeping.forget() == 1
    assert Arrival.everywhere.get().state == ArrivalState.WAITING


def test_a_closed_store_takes_nothing(segment: Source, store: Store) -> None:
    store.closed_at = timezone.now()
    store.save()
    assert segment.track(track()).status_code == 401
