"""A sync that would empty a segment, or take many away at once, waits for a person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.actions import Refusal
from portal.models import AuditEntry, Store, User
from segments import dependants
from segments.external import difference, links
from segments.models import Segment, Sync
from segments.models.external import SyncOutcome
from tests.segments.conftest import make_customers
from tests.segments.external.conftest import Follower
from tests.segments.external.test_follow import address

pytestmark = pytest.mark.django_db
HELD, APPLIED, DISCARDED = SyncOutcome.HELD, SyncOutcome.APPLIED, SyncOutcome.DISCARDED


@pytest.fixture
def followed(follower: Follower, store: Store) -> Follower:
    """A segment that follows a list of 400."""
    make_customers(store, 600)
    follower.follow(address(number) for number in range(400))
    return follower


def of(first: int, last: int) -> list[str]:
    return [address(number) for number in range(first, last)]


@pytest.mark.parametrize(
    ("left", "outcome"),
    [
        (0, HELD),  # empty
        (200, HELD),  # half of them
        (279, HELD),  # 121 of 400
        (280, APPLIED),  # 30 %, not more
        (399, APPLIED),
    ],
)
def test_a_list_that_lost_many_is_held(followed: Follower, left: int, outcome: SyncOutcome) -> None:
    followed.has(*of(0, left))
    sync = followed.again()
    assert sync.outcome == outcome
    assert followed.counts("going", "before") == {"going": 400 - left, "before": 400}
    assert len(followed.members) == (400 if outcome == HELD else left)


@pytest.mark.parametrize(("left", "outcome"), [(0, HELD), (1, APPLIED), (40, APPLIED)])
def test_a_small_segment_may_lose_most_but_not_all(
    follower: Follower, store: Store, left: int, outcome: SyncOutcome
) -> None:
    make_customers(store, 100)
    follower.follow(of(0, 100))
    follower.has(*of(0, left))
    assert follower.again().outcome == outcome


def test_a_list_that_was_exchanged_altogether_is_held(followed: Follower) -> None:
    followed.has(*of(400, 600))
    assert followed.again().outcome == HELD


def test_a_person_approves_what_was_held(followed: Follower, owner: User, store: Store) -> None:
    followed.has(*of(390, 410))
    sync = followed.again()
    links.decide(sync, approve=True, actor=owner)
    followed.work()
    sync.refresh_from_db()
    assert (sync.outcome, sync.decided_by) == (APPLIED, owner)
    assert followed.members == set(of(390, 410))
    entry = AuditEntry.objects.for_store(store).filter(verb="approved a sync of").get()
    assert entry.changes == {"would leave": [None, 390], "would enter": [None, 10]}
    with pytest.raises(Refusal, match="no decision"):
        links.decide(sync, approve=False, actor=owner)


def test_a_person_discards_what_was_held_and_the_next_sync_asks_again(followed: Follower, owner: User) -> None:
    followed.has()
    sync = followed.again()
    links.decide(sync, approve=False, actor=owner)
    followed.work()
    sync.refresh_from_db()
    assert sync.outcome == DISCARDED
    assert len(followed.members) == 400
    assert followed.again().outcome == HELD


def test_a_later_sync_takes_the_place_of_one_that_is_held(followed: Follower, owner: User) -> None:
    followed.has()
    held = followed.again()
    followed.has(*of(1, 401))
    assert followed.again().outcome == APPLIED
    held.refresh_from_db()
    assert held.outcome == DISCARDED
    assert followed.members == set(of(1, 401))
    with pytest.raises(Refusal):
        links.decide(held, approve=True, actor=owner)


def test_what_is_held_stays_until_the_next_reading_has_come_to_its_end(followed: Follower, owner: User) -> None:
    followed.has(*of(390, 410))
    held = followed.again()
    newer = followed.again(work=False)
    held.refresh_from_db()
    assert held.outcome == HELD
    with pytest.raises(Refusal, match=r"being read anew, since \d\d:\d\d"):
        links.decide(held, approve=True, actor=owner)
    followed.klaviyo.faults.add("loop", path="/profiles")
    followed.list.join(*(f"new{number}@x.example" for number in range(100)))
    followed.work()
    newer.refresh_from_db()
    held.refresh_from_db()
    assert (newer.outcome, held.outcome) == ("", HELD)
    links.decide(held, approve=True, actor=owner)
    followed.work()
    held.refresh_from_db()
    assert held.outcome == APPLIED
    assert followed.members == set(of(390, 410))


def test_what_is_held_can_be_let_go_of_while_the_list_is_read(followed: Follower, owner: User) -> None:
    followed.has()
    held = followed.again()
    newer = followed.again(work=False)
    links.decide(held, approve=False, actor=owner)
    followed.work()
    held.refresh_from_db()
    newer.refresh_from_db()
    assert (held.outcome, held.decided_by, newer.outcome) == (DISCARDED, owner, HELD)


def test_what_is_held_gives_way_to_what_is_held_later(followed: Follower) -> None:
    followed.has()
    held, newer = followed.again(), followed.again()
    held.refresh_from_db()
    assert (held.outcome, held.decided_by, newer.outcome) == (DISCARDED, None, HELD)
    assert held.decided_at == newer.read_at


def test_what_a_link_holds_is_its_own_choice(followed: Follower, owner: User) -> None:
    followed.set(daily=True, brake_percent=5, brake_people=10)
    followed.has(*of(0, 375))
    assert followed.again().outcome == HELD
    followed.set(daily=True, brake_percent=100, brake_people=0)
    followed.has(*of(0, 10))
    assert followed.again().outcome == APPLIED


@pytest.fixture
def listener() -> Iterator[None]:
    """Something acts on whoever enters a segment."""

    def asks(segment: Segment) -> list[str]:
        return ["Welcome letters"]

    dependants.register_listener(asks)
    yield
    dependants._listening.remove(asks)


@pytest.mark.usefixtures("listener")
def test_many_who_enter_what_others_act_on_are_held_too(follower: Follower, store: Store, owner: User) -> None:
    make_customers(store, 400)
    sync = follower.follow(of(0, 200))
    assert sync.outcome == HELD
    assert follower.members == set()
    links.decide(sync, approve=True, actor=owner)
    follower.work()
    assert len(follower.members) == 200
    follower.has(*of(0, 290))
    assert follower.again().outcome == APPLIED
    follower.has(*of(0, 400))
    assert follower.again().outcome == HELD


def test_many_who_enter_a_segment_that_nothing_acts_on_just_enter(follower: Follower, store: Store) -> None:
    make_customers(store, 400)
    assert follower.follow(of(0, 400)).outcome == APPLIED


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="without the brake everybody leaves")
def test_without_the_brake_nobody_is_asked(followed: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segments.external.outcome.is_held_back", lambda *_, **__: False)
    followed.has()
    followed.again()
    assert len(followed.members) == 400


def test_the_difference_counts_people_and_not_profiles(followed: Follower, store: Store) -> None:
    followed.has(*of(1, 400), ("Z", address(1).upper()), address(450), "nobody@x.example")
    sync: Sync = followed.again()
    sync.store = sync.segment.store = store
    assert followed.counts("coming", "going", "before") == {"coming": 1, "going": 1, "before": 400}
    again = difference.difference(sync)
    assert (again.coming, again.going) == (0, 0)
