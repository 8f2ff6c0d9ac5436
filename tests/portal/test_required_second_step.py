"""A store may ask everybody for two-step sign-in, and so does the administration: nothing is shown before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from customers.models import Customer
from portal import second_factor
from portal.actions.store import SET_IT_UP_FIRST
from portal.models import AuditEntry, Staff, Store, User
from tests.conftest import PASSWORD, make_customer, make_user
from tests.portal.visitors import Phone, Visitor, give_app, latest_event, set_up
from tests.test_access_matrix import STORE_ROUTES, furnish

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_commits")]
NEEDED = "/accounts/2fa/required/"
SignIn = Callable[..., Client]


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Phone:
    return Phone(monkeypatch)


@pytest.fixture
def strict(store: Store) -> Store:
    store.requires_second_factor = True
    store.save()
    return store


def settings_of(client: Client, **changed: str) -> dict[str, str]:
    """The settings form as it stands on the page, with `changed`."""
    form = client.get("/s/maple/settings/store/").context["form"]
    fields = {f"initial-{name}": str(form[name].initial) for name in form.fields}
    fields |= {name: str(form[name].initial) for name in form.fields if form[name].initial not in (False, None)}
    return fields | changed


def test_without_it_no_page_of_the_store_is_served(strict: Store, client_of: SignIn, settings: Any) -> None:
    settings.DEMO = True
    furnished = furnish(strict)
    for role in ("owner", "viewer"):
        client = client_of(make_user(f"{role}2@maple.example", **{role: strict}))
        for route in STORE_ROUTES:
            for method in ("GET", "POST", "DELETE"):
                answer = client.generic(method, furnished.url(route))
                assert (answer.status_code, answer.get("Location")) == (302, NEEDED), route.name
                assert answer.content == b""


@pytest.mark.teeth
@pytest.mark.xfail(strict=True)
def test_teeth_without_the_gate_the_store_is_open(
    strict: Store, client_of: SignIn, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_factor, "has", lambda user: True)
    test_without_it_no_page_of_the_store_is_served(strict, client_of, settings)


def test_a_request_for_a_part_of_a_page_is_led_there_whole(strict: Store, client_of: SignIn, owner: User) -> None:
    answer = client_of(owner).get("/s/maple/segments/", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == NEEDED
    assert answer.content == b""


def test_the_way_from_the_reason_to_the_store(strict: Store, owner: User, phone: Phone) -> None:
    browser = Visitor()
    browser.sign_in(owner.email)
    page = browser.get("/s/maple/", follow=True).content.decode()
    assert "Maple Coffee" in page
    assert "asks everybody who works there for it" in page
    assert "/accounts/2fa/app/" in page
    set_up(browser, phone)
    assert browser.get("/s/maple/").status_code == 200
    assert "You have two-step sign-in" in browser.get(NEEDED).content.decode()


def test_other_stores_are_as_open_as_before(strict: Store, other_store: Store, owner: User, client_of: SignIn) -> None:
    Staff.objects.create_for(other_store, user=owner, role="viewer")
    client = client_of(owner)
    assert client.get("/s/willow/").status_code == 200
    assert client.get("/s/maple/").status_code == 302


def test_a_stranger_hears_nothing_of_it(strict: Store, stranger: User, client_of: SignIn) -> None:
    assert client_of(stranger).get("/s/maple/").status_code == 404


def test_who_loses_it_is_out_at_the_next_request(strict: Store, owner: User, phone: Phone, client_of: SignIn) -> None:
    give_app(owner, phone)
    client = client_of(owner)
    assert client.get("/s/maple/").status_code == 200
    second_factor.remove(owner)
    assert client.get("/s/maple/").status_code == 302


def test_an_owner_asks_for_it_only_with_it(store: Store, owner: User, phone: Phone, client_of: SignIn) -> None:
    client = client_of(owner)
    fields = settings_of(client, requires_second_factor="on")
    answer = client.post("/s/maple/settings/store/", fields)
    assert answer.status_code == 422
    assert SET_IT_UP_FIRST in answer.content.decode()
    assert not Store.objects.get(pk=store.pk).requires_second_factor
    give_app(owner, phone)
    assert client.post("/s/maple/settings/store/", fields).status_code == 302
    assert Store.objects.get(pk=store.pk).requires_second_factor
    entry = AuditEntry.objects.for_store(store).order_by("-pk").first()
    assert entry is not None
    assert entry.changes == {"requires_second_factor": [False, True]}
    assert "two-step sign-in for all from off to on" in client.get("/s/maple/audit/").content.decode().lower()


def test_somebody_new_is_led_there_after_joining(strict: Store, owner: User, phone: Phone, client_of: SignIn) -> None:
    give_app(owner, phone)
    fields = {"email": "anna@maple.example", "role": "viewer"}
    page = client_of(owner).post("/s/maple/settings/staff/invite/", fields).content.decode()
    token = page.split("/invitations/")[1].split("/")[0]
    make_customer(strict, "secret@customers.example")
    answer = Client().post(
        f"/invitations/{token}/account/", {"name": "Anna", "password": "several words together"}, follow=True
    )
    assert answer.redirect_chain[-1][0] == NEEDED
    assert b"secret@customers.example" not in answer.content
    assert Customer.objects.for_store(strict).count() == 1


# --- The administration ---


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin@coterie.example", PASSWORD)


def test_the_admin_is_entered_by_the_portals_own_sign_in(admin: User, phone: Phone) -> None:
    give_app(admin, phone)
    browser = Visitor()
    for path in ("/admin/", "/admin/login/", "/admin/portal/user/"):
        assert browser.get(path, follow=True).redirect_chain[-1][0].startswith("/accounts/login/?next=")
    answer = browser.post("/admin/login/", {"username": admin.email, "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/")
    assert browser.sign_in(admin.email, next="/admin/")["Location"] == "/accounts/2fa/code/"
    assert browser.get("/admin/").status_code == 302
    assert browser.post("/accounts/2fa/code/", {"code": phone.code()})["Location"] == "/admin/"
    assert browser.get("/admin/").status_code == 200


def test_guessing_at_the_admins_door_has_the_same_limits(admin: User) -> None:
    thief = Visitor()
    for _ in range(6):
        page = thief.post("/admin/login/?next=/admin/", {"username": admin.email, "password": "x"}, follow=True)
        page = thief.sign_in(admin.email, "wrong")
    assert "Too many tries" in page.content.decode()


def test_the_admin_asks_for_it_where_the_installation_says_so(admin: User, phone: Phone, settings: Any) -> None:
    settings.ADMIN_REQUIRES_2FA = True
    browser = Visitor()
    browser.sign_in(admin.email)
    for path in ("/admin/", "/admin/portal/user/", "/admin/portal/store/add/", "/admin/login/"):
        answer = browser.get(path, follow=True)
        assert answer.redirect_chain[-1][0] == NEEDED
    assert "The administration asks for it" in answer.content.decode()
    set_up(browser, phone)
    assert browser.get("/admin/").status_code == 200
    browser.post("/accounts/2fa/confirm/", {"code": phone.next_code()})
    assert "cannot be turned off" in browser.post("/accounts/2fa/app/off/").content.decode()


def test_who_is_no_admin_is_refused_as_before(owner: User, client_of: SignIn, settings: Any) -> None:
    settings.ADMIN_REQUIRES_2FA = True
    assert client_of(owner).get("/admin/", follow=True).status_code == 403


def test_an_admin_helps_somebody_who_has_lost_the_phone(
    admin: User, owner: User, phone: Phone, client_of: SignIn
) -> None:
    give_app(owner, phone)
    desk = Visitor()
    desk.sign_in(owner.email)
    desk.post("/accounts/2fa/code/", {"code": phone.code()})
    fields = {"action": "turn_off_two_steps", "_selected_action": [owner.pk]}
    client_of(admin).post("/admin/portal/user/", fields)
    assert not second_factor.ids_with([owner.pk])
    assert not desk.is_in()
    assert mail.outbox[-1].to == [owner.email]
    assert latest_event(owner).note == "By an administrator, admin@coterie.example"


def test_an_address_that_an_admin_changed_no_longer_lets_in(admin: User, owner: User, client_of: SignIn) -> None:
    Visitor().post("/accounts/password/reset/", {"email": owner.email})  # allauth takes the address down
    client = client_of(admin)
    form = client.get(f"/admin/portal/user/{owner.pk}/change/").context["adminform"].form
    fields = {name: value for name, value in form.initial.items() if value not in (None, False)}
    kept = {name: "on" if value is True else value for name, value in fields.items() if isinstance(value, str | bool)}
    assert (
        client.post(f"/admin/portal/user/{owner.pk}/change/", kept | {"email": "new@maple.example"}).status_code == 302
    )
    assert not Visitor().sign_in("owner@maple.example").get("Location")
    assert Visitor().sign_in("new@maple.example").status_code == 302
    mail.outbox.clear()
    Visitor("192.0.2.9").post("/accounts/password/reset/", {"email": "owner@maple.example"})
    assert mail.outbox[0].subject == "You have no account yet"
