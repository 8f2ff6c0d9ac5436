"""Connecting accounts: tried at once, kept sealed, never shown; and the names of what they hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from portal import vault
from portal.actions import Refusal
from portal.models import AuditEntry, Store, User
from portal.models.job import JobState
from portal.outbound import Session
from segments.external import connections, groups, links, upkeep
from segments.models import Connection, ExternalGroup
from segments.models.external import ConnectionState
from segments.sandbox.klaviyo import KlaviyoSandbox
from tests.segments.conftest import make_customers
from tests.segments.external.conftest import KEY, Follower

pytestmark = pytest.mark.django_db


def test_the_account_is_told_by_its_name_and_the_key_is_sealed(connection: Connection, store: Store) -> None:
    row = Connection.objects.for_store(store).get()
    assert (row.account_name, row.state) == ("Little Shop", ConnectionState.CONNECTED)
    assert KEY not in row.credentials
    assert KEY in vault.unseal(row.credentials)
    with database.cursor() as cursor:
        cursor.execute("SELECT credentials FROM segments_connection")
        assert KEY not in str(cursor.fetchall())
    assert KEY not in str(list(AuditEntry.objects.for_store(store).values()))


@pytest.mark.parametrize(
    ("fault", "details", "words"),
    [
        (None, {}, "key"),
        ("error", {"status": 400}, "key"),
        ("error", {"status": 503}, "Nothing was saved"),
        ("page", {"status": 200}, "not Klaviyo"),
        ("throttle", {}, "asked too much"),
        ("challenge", {}, "turned the call away"),
        ("hang_up", {}, "Nothing was saved"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    klaviyo: KlaviyoSandbox, store: Store, fault: str | None, details: dict[str, Any], words: str
) -> None:
    key = KEY if fault else "pk_wrong"
    if fault:
        klaviyo.faults.add(fault, **details)
    with pytest.raises(Refusal, match=words) as refused:
        connections.try_out("klaviyo", {"api_key": key})
    assert key not in str(refused.value)
    assert not Connection.objects.for_store(store).exists()


def test_a_key_without_the_scope_is_told_which(klaviyo: KlaviyoSandbox) -> None:
    klaviyo.add_key(klaviyo.accounts[0], "pk_narrow", frozenset({"lists:read"}))
    with pytest.raises(Refusal, match="accounts:read"):
        connections.try_out("klaviyo", {"api_key": "pk_narrow"})


def test_an_end_of_the_interface_that_is_announced_is_a_warning(
    klaviyo: KlaviyoSandbox, store: Store, owner: User
) -> None:
    klaviyo.faults.add("sunset")
    account = connections.try_out("klaviyo", {"api_key": KEY})
    row = connections.connect(store, "klaviyo", {"api_key": KEY}, account, actor=owner)
    assert "Update Coterie" in row.warning


def test_reconnecting_takes_the_new_key(follower: Follower, store: Store, owner: User) -> None:
    follower.follow()
    follower.klaviyo.add_key(follower.klaviyo.accounts[0], "pk_new", follower.klaviyo.accounts[0].keys[KEY])
    follower.klaviyo.revoke(KEY)
    follower.again()
    assert connections.connections(store)["klaviyo"].state == ConnectionState.REFUSED
    account = connections.try_out("klaviyo", {"api_key": "pk_new"})
    connections.connect(store, "klaviyo", {"api_key": "pk_new"}, account, actor=owner)
    assert connections.connections(store)["klaviyo"].is_connected
    assert follower.link.next_sync_at is not None
    follower.work()
    assert follower.again().outcome == "applied"


def test_a_key_of_another_account_is_refused_while_segments_follow_lists(
    follower: Follower, store: Store, owner: User
) -> None:
    follower.follow()
    follower.klaviyo.account("pk_other", "Other Shop")
    account = connections.try_out("klaviyo", {"api_key": "pk_other"})
    with pytest.raises(Refusal, match="Other Shop"):
        connections.connect(store, "klaviyo", {"api_key": "pk_other"}, account, actor=owner)
    links.unlink(follower.segment, keep_members=True, actor=owner)
    connections.connect(store, "klaviyo", {"api_key": "pk_other"}, account, actor=owner)
    assert connections.connections(store)["klaviyo"].account_name == "Other Shop"


def test_disconnecting_forgets_the_key_and_keeps_the_members(follower: Follower, store: Store, owner: User) -> None:
    make_customers(store, 1)
    follower.follow(["p00000@x.example"])
    connections.disconnect(store, "klaviyo", actor=owner)
    row = connections.connections(store)["klaviyo"]
    assert (row.state, row.credentials) == (ConnectionState.DISCONNECTED, "")
    assert follower.members == {"p00000@x.example"}
    assert follower.link.next_sync_at is None
    with pytest.raises(Refusal, match="not connected"):
        follower.again()
    with pytest.raises(Refusal):
        connections.disconnect(store, "klaviyo", actor=owner)


def test_a_refused_key_is_tried_once_a_day(follower: Follower, store: Store) -> None:
    follower.follow()
    scopes = follower.klaviyo.accounts[0].keys[KEY]
    follower.klaviyo.revoke(KEY)
    follower.again()
    start, before = timezone.now(), len(follower.klaviyo.requests)
    for hours in range(24):
        upkeep.run(start + timedelta(hours=hours))
        follower.work()
    assert len(follower.klaviyo.requests) == before
    upkeep.run(start + timedelta(hours=25))
    follower.work()
    assert len(follower.klaviyo.requests) == before + 1
    assert connections.connections(store)["klaviyo"].state == ConnectionState.REFUSED
    follower.klaviyo.add_key(follower.klaviyo.accounts[0], KEY, scopes)
    upkeep.run(timezone.now() + timedelta(hours=25))
    follower.work()
    assert connections.connections(store)["klaviyo"].is_connected
    assert follower.link.next_sync_at is not None


def test_no_connection_stays_open_once_the_work_has_ended(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, closed = [], []

    class Counted(Session):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            opened.append(self)

        def close(self) -> None:
            super().close()
            closed.append(self)

    monkeypatch.setattr("segments.sources.klaviyo.Session", Counted)
    follower.follow()
    follower.klaviyo.faults.add("error", path="/profiles", status=503, times=1)
    follower.again()
    follower.come_again()
    follower.klaviyo.revoke(KEY)
    follower.again()
    upkeep.run(timezone.now() + timedelta(hours=25))
    follower.work()
    assert len(opened) >= 5
    assert closed == opened


# --- Names ---


def names(connection: Connection, kind: str = "list", words: str = "") -> list[str]:
    return [group.name for group in groups.groups(connection, kind, words)]


def test_names_of_all_pages_and_kinds_are_found_by_words(follower: Follower, owner: User) -> None:
    for number in range(25):
        follower.klaviyo.list(f"G{number}", f"Group {number:02}")
    follower.klaviyo.segment("S1", "Big Spenders of Group 07")
    follower.work()
    assert len(names(follower.connection)) == 26
    assert names(follower.connection, words="GROUP 01") == ["Group 01"]
    assert names(follower.connection, "segment", "spend 07") == ["Big Spenders of Group 07"]
    connection = connections.connections(follower.store)["klaviyo"]
    assert connection.indexed_at is not None


def test_names_that_are_gone_or_others_now_are_read_anew(follower: Follower, owner: User, store: Store) -> None:
    follower.follow()
    follower.klaviyo.list("G1", "Goes")
    connections.refresh_index(follower.connection, actor=owner)
    follower.work()
    assert names(follower.connection) == ["Goes", "Newsletter"]
    follower.klaviyo.delete("G1")
    follower.list.name = "Weekly letter"
    assert connections.refresh_index(follower.connection, actor=owner) is not None
    assert connections.refresh_index(follower.connection, actor=owner) is None
    follower.work()
    assert names(follower.connection) == ["Weekly letter"]
    assert follower.link.name == "Weekly letter"


def test_hostile_names_are_kept_as_text_that_can_be_shown(follower: Follower, owner: User) -> None:
    for number in range(12):
        follower.klaviyo.list(f"G{number}", "x")
    follower.klaviyo.faults.add("hostile_names", path="/lists")
    follower.work()
    for group in ExternalGroup.objects.for_store(follower.store):
        assert len(group.name) <= 255
        assert "\x00" not in group.name
        assert "\u202e" not in group.name
        assert group.name.strip()
    assert ExternalGroup.objects.for_store(follower.store).filter(name_is_cut=True).exists()


def test_an_index_that_fails_leaves_the_names_as_they_were(follower: Follower, owner: User) -> None:
    follower.follow()
    follower.klaviyo.faults.add("error", path="/lists", status=503)
    job = connections.refresh_index(follower.connection, actor=owner)
    assert job is not None
    for _ in range(12):
        follower.come_again()
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert names(follower.connection) == ["Newsletter"]


def test_names_are_read_anew_once_a_day(follower: Follower) -> None:
    follower.work()
    assert upkeep.run(timezone.now() + timedelta(hours=23)) == 0
    assert upkeep.run(timezone.now() + timedelta(hours=25)) == 1
