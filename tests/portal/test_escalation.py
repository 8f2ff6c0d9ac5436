"""Nobody comes to more than they were given: roles, invitations, and links that were used, lent or found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models import QuerySet
from django.test import Client

from portal.access import Role
from portal.actions import invitations as actions
from portal.models import Invitation, Staff, Store, User
from tests.conftest import make_user
from tests.portal.counting import at_once
from tests.portal.visitors import Visitor

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
NEW = {"name": "Anna Berg", "password": "several words together"}


def place(user: User, store: Store) -> Staff:
    return Staff.objects.for_store(store).get(user=user)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.VIEWER])
def test_only_owners_invite_and_raise_whoever_it_is(store: Store, owner: User, client_of: SignIn, role: Role) -> None:
    me = make_user("me@maple.example", **{role.value: store})
    friend = make_user("friend@maple.example", viewer=store)
    invitation, _ = actions.invite(store, email="anna@maple.example", role=Role.VIEWER, actor=owner)
    client, base = client_of(me), "/s/maple/settings/staff/"
    tries = {
        "invite/": {"email": "x@maple.example", "role": "owner"},
        f"{place(me, store).pk}/role/": {"role": "owner"},
        f"{place(friend, store).pk}/role/": {"role": "owner"},
        f"{place(owner, store).pk}/role/": {"role": "viewer"},
        f"{place(owner, store).pk}/remove/": {},
        f"{place(owner, store).pk}/end-sessions/": {},
        f"invitations/{invitation.pk}/renew/": {},
        f"invitations/{invitation.pk}/revoke/": {},
    }
    assert {client.post(base + path, fields).status_code for path, fields in tries.items()} == {403}
    assert [place(user, store).role for user in (me, friend, owner)] == [role, Role.VIEWER, Role.OWNER]
    assert Invitation.everywhere.count() == 1


def test_an_invitation_cannot_be_given_more_by_who_accepts_it(store: Store, owner: User) -> None:
    _, token = actions.invite(store, email="anna@maple.example", role=Role.VIEWER, actor=owner)
    more = {"role": "owner", "email": "other@maple.example", "is_superuser": "on", "is_staff": "on", "store": "1"}
    Visitor().post(f"/invitations/{token}/account/", NEW | more)
    anna = User.objects.get(email="anna@maple.example")
    assert place(anna, store).role == Role.VIEWER
    assert not anna.is_superuser
    assert not anna.is_staff


def test_somebody_else_who_is_signed_in_accepts_nothing(store: Store, owner: User, stranger: User) -> None:
    _, token = actions.invite(store, email="anna@maple.example", role=Role.OWNER, actor=owner)
    finder = Visitor()
    finder.sign_in(stranger.email)
    for path in ("join/", "account/"):
        answer = finder.post(f"/invitations/{token}/{path}", NEW)
        assert answer.status_code == 403
        assert "is for <strong>anna@maple.example</strong>" in answer.content.decode()
    assert not Staff.objects.for_store(store).filter(user=stranger).exists()
    assert Visitor().get(f"/invitations/{token}/").status_code == 200


def used_again(store: Store, owner: User) -> list[int]:
    _, token = actions.invite(store, email="anna@maple.example", role=Role.VIEWER, actor=owner)
    Visitor().post(f"/invitations/{token}/account/", NEW)
    anna = User.objects.get(email="anna@maple.example")
    Staff.objects.for_store(store).filter(user=anna).delete()
    again = Visitor()
    again.sign_in(anna.email, NEW["password"])
    answers = [again.get(f"/invitations/{token}/"), again.post(f"/invitations/{token}/join/")]
    assert not Staff.objects.for_store(store).filter(user=anna).exists()
    assert "It was used before" in answers[1].content.decode()
    return [answer.status_code for answer in answers]


def test_a_link_that_was_used_brings_nobody_back(store: Store, owner: User) -> None:
    assert used_again(store, owner) == [410, 410]


@pytest.mark.teeth
@pytest.mark.xfail(strict=True)
def test_teeth_a_link_that_is_not_used_up_brings_people_back(
    store: Store, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "_take", lambda invitation: None)
    used_again(store, owner)


@pytest.mark.django_db(transaction=True)
def test_two_browsers_that_join_at_once_join_once(store: Store, owner: User, stranger: User) -> None:
    invitation, _ = actions.invite(store, email=stranger.email, role=Role.VIEWER, actor=owner)
    outcomes = at_once(*[lambda: actions.accept(invitation, user=stranger)] * 3)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LinkClosed", "LinkClosed", "bool"]
    assert Staff.objects.for_store(store).filter(user=stranger).count() == 1


def test_a_revoked_link_and_one_whose_store_owner_left(store: Store, owner: User, client_of: SignIn) -> None:
    invitation, token = actions.invite(store, email="anna@maple.example", role=Role.OWNER, actor=owner)
    make_user("second@maple.example", owner=store)
    client_of(owner).post(f"/s/maple/settings/staff/{place(owner, store).pk}/remove/")
    assert Visitor().get(f"/invitations/{token}/").status_code == 200, "what an owner has done stays done"
    Invitation.everywhere.filter(pk=invitation.pk).delete()
    assert Visitor().post(f"/invitations/{token}/account/", NEW).status_code == 404


def test_the_link_is_kept_as_a_hash(store: Store, owner: User) -> None:
    _, token = actions.invite(store, email="anna@maple.example", role=Role.VIEWER, actor=owner)
    rows: QuerySet[Invitation] = Invitation.everywhere.all()
    assert token not in str(list(rows.values()))
    assert len(token) >= 43


def test_refusals_are_logged_without_personal_data(
    store: Store, owner: User, viewer: User, stranger: User, client_of: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    client_of(viewer).get("/s/maple/settings/staff/")
    client_of(stranger).get("/s/maple/")
    Visitor().sign_in(owner.email, "a wrong password")
    logged = " ".join(str(record.msg) for record in caplog.records)
    for word in ("access_refused", "manage_staff", "store_refused", "sign_in_failed", f"'user': {viewer.pk}"):
        assert word in logged
    for secret in (owner.email, viewer.email, stranger.email, "a wrong password"):
        assert secret not in logged
