"""Invitations: a link that works once, for one person, within seven days."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone

from portal import throttle
from portal.access import Role
from portal.actions import invitations as actions
from portal.actions.invitations import LinkClosed
from portal.models import AuditEntry, Invitation, Staff, Store, User
from tests.conftest import PASSWORD, make_user
from tests.portal.counting import at_once

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
NEW = {"name": "Anna Berg", "password": "several words together"}


def invite(
    store: Store, owner: User, email: str = "anna@maple.example", role: Role = Role.MANAGER
) -> tuple[Invitation, str]:
    return actions.invite(store, email=email, role=role, actor=owner)


def words_of(answer: Any) -> str:
    """The page, without the token that differs each time."""
    return re.sub(r'data-csrf="\w+"', "", answer.content.decode())


def link_in(page: str) -> str:
    found = re.search(r"http://testserver(/invitations/[\w-]+/)", page)
    assert found
    return found.group(1)


def verbs(store: Store) -> list[str]:
    return list(AuditEntry.objects.for_store(store).order_by("pk").values_list("verb", flat=True))


def test_inviting_sends_the_link_and_shows_it_once(client_of: SignIn, owner: User, store: Store) -> None:
    client = client_of(owner)
    page = client.post(
        "/s/maple/settings/staff/invite/", {"email": " Anna@Maple.example ", "role": "manager"}
    ).content.decode()
    link = link_in(page)
    token = link.split("/")[2]
    assert len(token) >= 43  # 256 bits
    [letter] = mail.outbox
    assert letter.to == ["anna@maple.example"]
    assert "Maple Coffee" in letter.subject
    assert link in letter.body
    invitation = Invitation.everywhere.get()
    assert token not in str(vars(invitation))
    assert invitation.expires_at - invitation.created_at == pytest.approx(timedelta(days=7), abs=timedelta(seconds=5))
    assert token not in client.get("/s/maple/settings/staff/").content.decode()
    assert "anna@maple.example" in client.get("/s/maple/settings/staff/").content.decode()
    assert verbs(store) == ["invited"]


def test_neither_the_host_header_nor_a_name_bends_the_letter(client_of: SignIn, owner: User, store: Store) -> None:
    Store.objects.filter(pk=store.pk).update(name="Maple\r\nBcc: all@maple.example")
    client_of(owner).post(
        "/s/maple/settings/staff/invite/",
        {"email": "anna@maple.example", "role": "viewer"},
        headers={"Host": "localhost"},
    )
    [letter] = mail.outbox
    assert letter.recipients() == ["anna@maple.example"]
    assert "\n" not in letter.subject
    assert "http://testserver/invitations/" in letter.body
    assert "localhost" not in letter.body


def test_a_letter_that_cannot_be_sent_loses_no_invitation(
    client_of: SignIn, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: EmailBackend, messages: Any) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    answer = client_of(owner).post("/s/maple/settings/staff/invite/", {"email": "anna@maple.example", "role": "viewer"})
    page = answer.content.decode()
    assert "The e-mail could not be sent" in page
    assert Client().get(link_in(page)).status_code == 200


def test_who_works_here_is_not_invited(client_of: SignIn, owner: User, viewer: User) -> None:
    answer = client_of(owner).post("/s/maple/settings/staff/invite/", {"email": viewer.email.upper(), "role": "viewer"})
    assert answer.status_code == 422
    assert "works in this store already" in answer.content.decode()
    assert not Invitation.everywhere.exists()
    assert mail.outbox == []


def test_who_is_invited_is_not_invited_twice_unless_the_link_has_expired(
    client_of: SignIn, owner: User, store: Store
) -> None:
    invitation, _ = invite(store, owner)
    client, fields = client_of(owner), {"email": invitation.email, "role": "viewer"}
    assert "is invited already" in client.post("/s/maple/settings/staff/invite/", fields).content.decode()
    Invitation.everywhere.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.post("/s/maple/settings/staff/invite/", fields).status_code == 200
    assert Invitation.everywhere.get().role == Role.VIEWER


def test_a_store_sends_no_flood_of_letters(
    client_of: SignIn, owner: User, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "INVITATIONS", throttle.Limit("invitations", 3, timedelta(hours=1)))
    client, base = client_of(owner), "/s/maple/settings/staff/"
    answers = [client.post(f"{base}invite/", {"email": f"a{n}@maple.example", "role": "viewer"}) for n in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 422]
    assert "invitations within an hour" in answers[3].content.decode()
    invitation = Invitation.everywhere.first()
    assert invitation is not None
    page = client.post(f"{base}invitations/{invitation.pk}/renew/", follow=True).content.decode()
    assert "invitations within an hour" in page
    assert len(mail.outbox) == 3
    fields = {"email": "a@willow.example", "role": "viewer"}
    assert client_of(stranger).post("/s/willow/settings/staff/invite/", fields).status_code == 200


@pytest.mark.parametrize("email", ["", "anna", "anna@", "a" * 250 + "@maple.example"])
def test_what_is_no_address_is_refused(client_of: SignIn, owner: User, email: str) -> None:
    answer = client_of(owner).post("/s/maple/settings/staff/invite/", {"email": email, "role": "viewer"})
    assert answer.status_code == 422
    assert not Invitation.everywhere.exists()


def test_a_newcomer_makes_an_account_and_is_signed_in(store: Store, owner: User, client: Client) -> None:
    _, token = invite(store, owner)
    assert "anna@maple.example" in client.get(f"/invitations/{token}/").content.decode()
    answer = client.post(f"/invitations/{token}/account/", NEW, follow=True)
    assert answer.redirect_chain == [("/s/maple/", 302)]
    staff = Staff.everywhere.get(user__email="anna@maple.example")
    assert (staff.store, staff.role, staff.user.name) == (store, Role.MANAGER, "Anna Berg")
    assert staff.user.check_password(NEW["password"])
    assert verbs(store) == ["invited", "accepted"]
    assert client.get(f"/invitations/{token}/").status_code == 410


@pytest.mark.parametrize("password", ["short", "1234567890", "anna@maple.example", "password123"])
def test_a_weak_password_is_refused(store: Store, owner: User, client: Client, password: str) -> None:
    _, token = invite(store, owner)
    answer = client.post(f"/invitations/{token}/account/", NEW | {"password": password})
    assert answer.status_code == 422
    assert not User.objects.filter(email="anna@maple.example").exists()
    assert client.get(f"/invitations/{token}/").status_code == 200


def test_somebody_with_an_account_signs_in_first_and_then_joins(
    store: Store, owner: User, stranger: User, client: Client
) -> None:
    _, token = invite(store, owner, email=stranger.email, role=Role.VIEWER)
    page = client.get(f"/invitations/{token}/").content.decode()
    assert f"/accounts/login/?next=/invitations/{token}/" in page
    assert client.post(f"/invitations/{token}/account/", NEW).status_code == 403
    assert client.post(f"/invitations/{token}/join/").status_code == 403
    fields = {"login": stranger.email, "password": PASSWORD, "next": f"/invitations/{token}/"}
    signed_in = client.post("/accounts/login/", fields, follow=True)
    assert "Join Maple Coffee" in signed_in.content.decode()
    assert client.post(f"/invitations/{token}/join/", follow=True).redirect_chain == [("/s/maple/", 302)]
    assert Staff.objects.for_store(store).get(user=stranger).role == Role.VIEWER


def test_the_wrong_account_is_told_so_and_does_not_join(
    store: Store, owner: User, stranger: User, client_of: SignIn
) -> None:
    _, token = invite(store, owner)
    client = client_of(stranger)
    page = client.get(f"/invitations/{token}/").content.decode()
    assert "anna@maple.example" in page
    assert "Sign out and go on" in page
    assert client.post(f"/invitations/{token}/join/").status_code == 403
    assert client.post(f"/invitations/{token}/account/", NEW).status_code == 403
    assert not Staff.objects.for_store(store).filter(user=stranger).exists()


def test_a_link_that_opens_nothing_has_one_plain_page(store: Store, owner: User, client: Client) -> None:
    expired, old = invite(store, owner)
    Invitation.everywhere.update(expires_at=timezone.now() - timedelta(seconds=1))
    answers = [client.get(f"/invitations/{token}/") for token in (old, "unknown", "x" * 300)]
    assert [answer.status_code for answer in answers] == [410, 404, 404]
    assert len({words_of(answer) for answer in answers}) == 1
    assert b"anna" not in answers[0].content
    assert client.post(f"/invitations/{old}/account/", NEW).status_code == 410
    assert not User.objects.filter(email=expired.email).exists()


def test_a_new_link_ends_the_one_before(store: Store, owner: User, client_of: SignIn, client: Client) -> None:
    invitation, old = invite(store, owner)
    page = client_of(owner).post(f"/s/maple/settings/staff/invitations/{invitation.pk}/renew/").content.decode()
    assert client.get(f"/invitations/{old}/").status_code == 404
    assert client.get(link_in(page)).status_code == 200
    assert len(mail.outbox) == 1
    assert verbs(store) == ["invited", "renewed"]


def test_a_revoked_link_opens_nothing(store: Store, owner: User, client_of: SignIn, client: Client) -> None:
    invitation, token = invite(store, owner)
    client_of(owner).post(f"/s/maple/settings/staff/invitations/{invitation.pk}/revoke/")
    assert client.get(f"/invitations/{token}/").status_code == 404
    assert verbs(store) == ["invited", "revoked"]


def test_what_was_accepted_is_neither_renewed_nor_revoked(store: Store, owner: User, client_of: SignIn) -> None:
    invitation, _ = invite(store, owner)
    actions.accept_as_new(invitation, **NEW)
    for act in (actions.renew, actions.revoke):
        with pytest.raises(LinkClosed):
            act(invitation, actor=owner)
    assert client_of(owner).post(f"/s/maple/settings/staff/invitations/{invitation.pk}/renew/").status_code == 404


def test_another_stores_invitations_are_not_there(
    owner: User, stranger: User, other_store: Store, client_of: SignIn
) -> None:
    invitation, token = invite(other_store, stranger)
    client = client_of(owner)
    assert invitation.email not in client.get("/s/maple/settings/staff/").content.decode()
    assert client.post(f"/s/maple/settings/staff/invitations/{invitation.pk}/renew/").status_code == 404
    assert client.post(f"/s/maple/settings/staff/invitations/{invitation.pk}/revoke/").status_code == 404
    assert Client().get(f"/invitations/{token}/").status_code == 200


def test_who_joined_by_another_way_keeps_the_role(store: Store, owner: User, client_of: SignIn) -> None:
    invitation, token = invite(store, owner, role=Role.VIEWER)
    anna = make_user(invitation.email, manager=store)
    answer = client_of(anna).post(f"/invitations/{token}/join/", follow=True)
    assert "your role stays as it was" in answer.content.decode()
    assert Staff.objects.for_store(store).get(user=anna).role == Role.MANAGER


@pytest.mark.django_db(transaction=True)
def test_a_link_that_is_opened_twice_at_once_works_once(store: Store, owner: User) -> None:
    invitation, _ = invite(store, owner)
    outcomes = at_once(*[lambda: actions.accept_as_new(invitation, **NEW)] * 2)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LinkClosed", "User"]
    assert Staff.objects.for_store(store).filter(user__email=invitation.email).count() == 1


@pytest.mark.django_db(transaction=True)
def test_somebody_invited_twice_at_once_gets_one_invitation(store: Store, owner: User) -> None:
    at_once(*[lambda: invite(store, owner)] * 3)
    assert Invitation.everywhere.count() == 1
