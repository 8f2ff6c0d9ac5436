"""Two-step sign-in: setting it up, signing in with it, codes that count once, and turning it off."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail

from portal import second_factor
from portal.models import SecurityEvent, SecurityKind, Store, User
from tests.portal.counting import at_once
from tests.portal.visitors import SAFARI, Phone, Visitor, confirm, give_app, recovery_codes, set_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_commits")]


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Phone:
    return Phone(monkeypatch)


@pytest.fixture
def at_desk(owner: User) -> Visitor:
    browser = Visitor()
    browser.sign_in(owner.email)
    return browser


def kinds(user: User) -> list[str]:
    return list(SecurityEvent.objects.filter(user=user).order_by("pk").values_list("kind", flat=True))


def test_setting_it_up_asks_for_the_password_first(at_desk: Visitor) -> None:
    answer = at_desk.get("/accounts/2fa/app/")
    assert (answer.status_code, answer["Location"]) == (
        302,
        "/accounts/reauthenticate/?next=%2Faccounts%2F2fa%2Fapp%2F",
    )
    refused = at_desk.post("/accounts/reauthenticate/", {"password": "wrong", "next": "/accounts/2fa/app/"})
    assert "This is not your password." in refused.content.decode()
    assert at_desk.get("/accounts/2fa/app/").status_code == 302
    confirm(at_desk)
    assert at_desk.get("/accounts/2fa/app/").status_code == 200


def test_the_page_shows_picture_and_key_and_keeps_to_the_policy(at_desk: Visitor) -> None:
    confirm(at_desk)
    page = at_desk.get("/accounts/2fa/app/").content.decode()
    assert re.search(r'<img class="code-picture" src="data:image/svg\+xml;base64,[\w+/=]+"', page)
    assert re.search(r'id="totp-secret">[A-Z2-7]{32}<', page)
    assert "style=" not in page


def test_a_wrong_code_turns_nothing_on(at_desk: Visitor, phone: Phone, owner: User) -> None:
    confirm(at_desk)
    phone.read(at_desk.get("/accounts/2fa/app/").content.decode())
    answer = at_desk.post("/accounts/2fa/app/", {"code": phone.code(later=9)})
    assert "This code is not right" in answer.content.decode()
    assert not second_factor.ids_with([owner.pk])


def test_from_password_to_code_to_the_portal(at_desk: Visitor, phone: Phone, owner: User) -> None:
    codes = set_up(at_desk, phone)
    assert len(set(codes)) == 10
    assert [letter.subject for letter in mail.outbox] == ["Two-step sign-in is on"]
    elsewhere = Visitor("198.51.100.9", SAFARI)
    answer = elsewhere.sign_in(owner.email, next="/s/maple/segments/")
    assert answer["Location"] == "/accounts/2fa/code/"
    assert not elsewhere.is_in()
    assert elsewhere.get("/s/maple/").status_code == 302
    answer = elsewhere.post("/accounts/2fa/code/", {"code": phone.next_code()})
    assert answer["Location"] == "/s/maple/segments/"
    assert elsewhere.is_in()
    assert "A new device signed in" in mail.outbox[-1].subject


def test_neither_key_nor_codes_stand_in_the_database(at_desk: Visitor, phone: Phone) -> None:
    codes = set_up(at_desk, phone)
    kept = str(list(Authenticator.objects.values()))
    assert phone.secret not in kept
    assert not [code for code in codes if code in kept]


def test_the_key_waits_sealed_until_it_is_used(at_desk: Visitor, phone: Phone) -> None:
    confirm(at_desk)
    phone.read(at_desk.get("/accounts/2fa/app/").content.decode())
    assert phone.secret not in str(dict(at_desk.session.items()))
    at_desk.post("/accounts/2fa/app/", {"code": phone.code(later=9)})
    assert phone.secret not in str(dict(at_desk.session.items()))
    assert at_desk.post("/accounts/2fa/app/", {"code": phone.code()}).status_code == 302


def test_who_asked_to_stay_signed_in_stays_after_the_second_step_too(owner: User, phone: Phone) -> None:
    give_app(owner, phone)
    browser = Visitor()
    browser.sign_in(owner.email, remember="on")
    browser.post("/accounts/2fa/code/", {"code": phone.code()})
    assert browser.cookies["coterie"]["max-age"] == 14 * 24 * 3600


def signed_in_with(owner: User, code: str, ip: str = "198.51.100.9") -> bool:
    browser = Visitor(ip)
    browser.sign_in(owner.email)
    browser.post("/accounts/2fa/code/", {"code": code})
    return browser.is_in()


def test_a_code_counts_once_also_from_elsewhere_and_later(owner: User, phone: Phone) -> None:
    give_app(owner, phone)
    code = phone.code()
    assert signed_in_with(owner, code)
    assert not signed_in_with(owner, code)
    phone.now += 29  # still within the time that it would count for
    assert not signed_in_with(owner, code)


def test_a_code_before_the_last_one_taken_does_not_count(owner: User, phone: Phone) -> None:
    give_app(owner, phone)
    earlier = phone.code()
    assert signed_in_with(owner, phone.next_code())
    assert not signed_in_with(owner, earlier)


@pytest.mark.parametrize(("later", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_that_is_half_a_minute_off_does_no_harm(owner: User, phone: Phone, later: int, counts: bool) -> None:
    give_app(owner, phone)
    assert signed_in_with(owner, phone.code(later)) is counts


def test_the_code_that_turned_it_on_is_spent(at_desk: Visitor, phone: Phone, owner: User) -> None:
    set_up(at_desk, phone)
    assert not signed_in_with(owner, phone.code())
    assert signed_in_with(owner, phone.next_code())


@pytest.mark.teeth
@pytest.mark.xfail(strict=True)
def test_teeth_without_our_mark_a_code_counts_twice(owner: User, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_factor, "spend", lambda app, code: second_factor.counter_of(phone.secret, code))
    test_a_code_counts_once_also_from_elsewhere_and_later(owner, phone)


@pytest.mark.django_db(transaction=True)
def test_a_code_that_is_sent_twice_at_once_counts_once(owner: User, phone: Phone) -> None:
    app = give_app(owner, phone)
    code = phone.code()
    assert sorted(at_once(*[lambda: second_factor.spend(app, code)] * 4)) == [False, False, False, True]


def test_recovery_codes_are_shown_once_and_work_once(at_desk: Visitor, phone: Phone, owner: User) -> None:
    codes = set_up(at_desk, phone)
    again = at_desk.post("/accounts/2fa/confirm/", {"code": phone.next_code()})
    assert again.status_code == 302
    page = at_desk.get("/accounts/2fa/recovery-codes/").content.decode()
    assert "not shown again" in page
    assert not [code for code in codes if code in page]
    assert signed_in_with(owner, codes[0])
    assert not signed_in_with(owner, codes[0])
    assert "recovery_code_used" in kinds(owner)


def test_new_recovery_codes_end_the_earlier_ones(at_desk: Visitor, phone: Phone, owner: User) -> None:
    earlier = set_up(at_desk, phone)
    at_desk.post("/accounts/2fa/confirm/", {"code": phone.next_code()})
    at_desk.post("/accounts/2fa/recovery-codes/new/")
    codes = recovery_codes(at_desk.get("/accounts/2fa/recovery-codes/").content.decode())
    assert len(codes) == 10
    assert not set(codes) & set(earlier)
    assert not signed_in_with(owner, earlier[1])
    assert signed_in_with(owner, codes[1])
    assert mail.outbox[1].subject == "New recovery codes were made"


def test_who_has_two_steps_confirms_by_the_second(owner: User, phone: Phone, at_desk: Visitor) -> None:
    give_app(owner, phone)
    answer = at_desk.get("/accounts/2fa/app/off/")
    assert answer["Location"].startswith("/accounts/2fa/confirm/")
    assert at_desk.get("/accounts/reauthenticate/")["Location"].startswith("/accounts/2fa/confirm/")
    confirm(at_desk)
    assert at_desk.post("/accounts/2fa/app/off/").status_code == 302
    assert second_factor.ids_with([owner.pk])


def test_turning_it_off(owner: User, phone: Phone, at_desk: Visitor) -> None:
    give_app(owner, phone)
    at_desk.post("/accounts/2fa/confirm/", {"code": phone.code()})
    before = at_desk.key
    at_desk.post("/accounts/2fa/app/off/")
    assert not second_factor.ids_with([owner.pk])
    assert at_desk.key != before
    assert kinds(owner)[-1] == SecurityKind.SECOND_STEP_REMOVED
    assert mail.outbox[-1].subject == "Two-step sign-in is off"


def test_it_cannot_be_turned_off_while_a_store_asks_for_it(
    owner: User, phone: Phone, at_desk: Visitor, store: Store
) -> None:
    give_app(owner, phone)
    Store.objects.filter(pk=store.pk).update(requires_second_factor=True)
    at_desk.post("/accounts/2fa/confirm/", {"code": phone.code()})
    answer = at_desk.post("/accounts/2fa/app/off/")
    assert "cannot be turned off" in answer.content.decode()
    assert second_factor.ids_with([owner.pk])


def test_turning_it_on_signs_out_other_browsers_and_changes_the_key(
    at_desk: Visitor, phone: Phone, owner: User
) -> None:
    elsewhere = Visitor("198.51.100.9")
    elsewhere.sign_in(owner.email)
    before = at_desk.key
    set_up(at_desk, phone)
    assert not elsewhere.is_in()
    assert at_desk.is_in()
    assert at_desk.key != before


def test_guessing_codes_is_limited_and_the_right_one_is_refused_then(owner: User, phone: Phone) -> None:
    give_app(owner, phone)
    thief = Visitor("198.51.100.66")
    thief.sign_in(owner.email)
    for number in range(5):
        page = thief.post("/accounts/2fa/code/", {"code": f"{number:06}"}).content.decode()
        assert "This code is not right" in page
    assert "Too many tries" in thief.post("/accounts/2fa/code/", {"code": phone.code()}).content.decode()
    assert not thief.is_in()
    assert signed_in_with(owner, phone.next_code())
