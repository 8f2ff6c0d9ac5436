"""Settings ▸ Staff: roles, removal, and that a store always keeps an owner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from portal.access import Role
from portal.actions import Refusal
from portal.actions import staff as actions
from portal.models import AuditEntry, Staff, Store, User
from tests.conftest import make_user
from tests.portal.counting import at_once

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


def place(user: User) -> Staff:
    return Staff.everywhere.get(user=user)


def owners(store: Store) -> list[str]:
    return sorted(Staff.objects.for_store(store).filter(role=Role.OWNER).values_list("user__email", flat=True))


def latest(store: Store) -> AuditEntry:
    entry = AuditEntry.objects.for_store(store).order_by("-pk").first()
    assert entry is not None
    return entry


def test_the_page_lists_who_works_here_and_nobody_else(
    client_of: SignIn, owner: User, viewer: User, stranger: User
) -> None:
    page = client_of(owner).get("/s/maple/settings/staff/").content.decode()
    assert owner.email in page
    assert viewer.email in page
    assert stranger.email not in page


@pytest.mark.parametrize("people", [1, 3])
def test_the_page_costs_the_same_however_many_work_here(
    client_of: SignIn, owner: User, store: Store, people: int, django_assert_num_queries: Any
) -> None:
    for number in range(people - 1):
        make_user(f"viewer{number}@maple.example", viewer=store)
    client = client_of(owner)
    with django_assert_num_queries(7):
        assert client.get("/s/maple/settings/staff/").status_code == 200


def test_an_owner_changes_a_role(client_of: SignIn, owner: User, viewer: User, store: Store) -> None:
    answer = client_of(owner).post(
        f"/s/maple/settings/staff/{place(viewer).pk}/role/", {"role": "manager"}, follow=True
    )
    assert "is manager now" in answer.content.decode()
    assert place(viewer).role == Role.MANAGER
    entry = latest(store)
    assert (entry.actor, entry.verb, entry.changes) == (owner, "changed", {"role": ["viewer", "manager"]})


def test_the_same_role_again_changes_nothing(client_of: SignIn, owner: User, viewer: User, store: Store) -> None:
    answer = client_of(owner).post(f"/s/maple/settings/staff/{place(viewer).pk}/role/", {"role": "viewer"}, follow=True)
    assert "is viewer already" in answer.content.decode()
    assert not AuditEntry.objects.for_store(store).exists()


def test_a_role_that_is_none_is_refused(client_of: SignIn, owner: User, viewer: User) -> None:
    answer = client_of(owner).post(f"/s/maple/settings/staff/{place(viewer).pk}/role/", {"role": "king"}, follow=True)
    assert "There is no such role" in answer.content.decode()
    assert place(viewer).role == Role.VIEWER


def test_the_last_owner_stays_owner(client_of: SignIn, owner: User, store: Store) -> None:
    client = client_of(owner)
    for address, fields in ((f"{place(owner).pk}/role/", {"role": "viewer"}), (f"{place(owner).pk}/remove/", {})):
        answer = client.post(f"/s/maple/settings/staff/{address}", fields, follow=True)
        assert actions.LAST_OWNER in answer.content.decode()
    assert owners(store) == [owner.email]


def test_an_owner_removes_somebody_after_being_asked(
    client_of: SignIn, owner: User, viewer: User, store: Store
) -> None:
    client, address = client_of(owner), f"/s/maple/settings/staff/{place(viewer).pk}/remove/"
    assert "can no longer open" in client.get(address).content.decode()
    assert Staff.everywhere.filter(user=viewer).exists()
    client.post(address)
    assert not Staff.everywhere.filter(user=viewer).exists()
    assert (latest(store).verb, latest(store).object_label) == ("removed", viewer.email)
    assert client_of(viewer).get("/s/maple/").status_code == 404


def test_somebody_who_gives_up_the_right_lands_where_they_may_be(client_of: SignIn, owner: User, store: Store) -> None:
    make_user("second@maple.example", owner=store)
    answer = client_of(owner).post(f"/s/maple/settings/staff/{place(owner).pk}/role/", {"role": "viewer"}, follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain[-1][0] == "/s/maple/"


def test_another_stores_staff_are_not_there(client_of: SignIn, owner: User, stranger: User) -> None:
    client, theirs = client_of(owner), place(stranger)
    assert client.post(f"/s/maple/settings/staff/{theirs.pk}/role/", {"role": "viewer"}).status_code == 404
    assert client.post(f"/s/maple/settings/staff/{theirs.pk}/remove/").status_code == 404
    assert place(stranger).role == Role.OWNER


@pytest.mark.parametrize("role", ["manager", "viewer"])
def test_nobody_but_owners_changes_staff(client_of: SignIn, owner: User, store: Store, role: str) -> None:
    person = make_user("somebody@maple.example", **{role: store})
    client = client_of(person)
    assert client.get("/s/maple/settings/staff/").status_code == 403
    assert client.post(f"/s/maple/settings/staff/{place(person).pk}/role/", {"role": "owner"}).status_code == 403
    assert client.post(f"/s/maple/settings/staff/{place(owner).pk}/remove/").status_code == 403
    assert client.post("/s/maple/settings/staff/invite/", {"email": "a@b.example", "role": "owner"}).status_code == 403
    assert place(person).role == role


def test_an_action_asks_again_whether_the_actor_may(store: Store, owner: User, viewer: User, manager: User) -> None:
    with pytest.raises(PermissionDenied):
        actions.change_role(place(viewer), Role.OWNER, actor=manager)
    with pytest.raises(PermissionDenied):
        actions.remove(place(owner), actor=viewer)


def test_somebody_who_is_gone_is_not_changed(store: Store, owner: User, viewer: User) -> None:
    gone = place(viewer)
    actions.remove(gone, actor=owner)
    with pytest.raises(Refusal, match="does not work in the store any more"):
        actions.change_role(gone, Role.MANAGER, actor=owner)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_two_owners_who_demote_each_other_at_once_leave_one(store: Store, owner: User, attempt: int) -> None:
    second = make_user("second@maple.example", owner=store)
    first_place, second_place = place(owner), place(second)
    outcomes = at_once(
        lambda: actions.change_role(second_place, Role.VIEWER, actor=owner),
        lambda: actions.change_role(first_place, Role.VIEWER, actor=second),
    )
    assert len(owners(store)) == 1
    assert outcomes.count(True) == 1
    assert [type(outcome) for outcome in outcomes if outcome is not True] == [PermissionDenied]


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_once_leave_one(store: Store, owner: User) -> None:
    second = make_user("second@maple.example", owner=store)
    first_place, second_place = place(owner), place(second)
    outcomes = at_once(
        lambda: actions.remove(first_place, actor=owner), lambda: actions.remove(second_place, actor=second)
    )
    assert len(owners(store)) == 1
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Refusal]
