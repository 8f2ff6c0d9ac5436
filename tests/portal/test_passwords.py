"""Passwords: what may be one, how they are kept, and how somebody chooses a new one by e-mail."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from portal.models import SecurityKind, User
from tests.conftest import PASSWORD
from tests.portal.visitors import Phone, Visitor, give_app, latest_event

pytestmark = pytest.mark.django_db
NEW = "several other words"
HASHERS = ["portal.passwords.Argon2idHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]


def ask(email: str, **headers: str) -> Any:
    return Visitor().post("/accounts/password/reset/", {"email": email}, headers=headers)


def link_of(letter: Any) -> str:
    found = re.search(r"http://testserver(/accounts/password/reset/key/\S+/)", str(letter.body))
    assert found, letter.body
    return found.group(1)


def choose(browser: Visitor, link: str, password: str = NEW) -> Any:
    """Open the link, as the letter has it, and choose a password on the page that it leads to."""
    answer = browser.get(link)
    if answer.status_code != 302:
        return answer
    return browser.post(answer["Location"], {"password1": password, "password2": password})


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short one", "at least 10 characters"),
        ("password123", "too common"),
        ("owner@maple.example", "too similar"),
        ("w" * 257, "at most 256 characters"),
    ],
)
def test_what_may_not_be_a_password(owner: User, password: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        validate_password(password, owner)


@pytest.mark.parametrize("password", ["ten chars!", "correct horse battery", "ä" * 64, "two  spaces ", "x7" * 128])
def test_what_may(owner: User, password: str) -> None:
    validate_password(password, owner)
    owner.set_password(password)
    assert owner.check_password(password)


def test_passwords_are_kept_as_argon2id_of_nineteen_megabytes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = HASHERS
    assert make_password("x").startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_older_hash_is_renewed_at_sign_in_and_the_browser_stays_known(owner: User, settings: Any) -> None:
    settings.PASSWORD_HASHERS = HASHERS[::-1]
    owner.set_password(PASSWORD)
    owner.save()
    browser = Visitor()
    for hashers, prefix in ((HASHERS[::-1], "pbkdf2_sha256$"), (HASHERS, "argon2$"), (HASHERS, "argon2$")):
        settings.PASSWORD_HASHERS = hashers
        assert browser.sign_in(owner.email).status_code == 302
        owner.refresh_from_db()
        assert owner.password.startswith(prefix)
        browser.post("/accounts/logout/")
    assert mail.outbox == []


def test_the_letter_has_a_link_of_our_own_host_that_works_once(owner: User) -> None:
    ask(owner.email.upper(), Host="localhost")
    [letter] = mail.outbox
    assert letter.subject == "Choose a new password"
    assert "localhost" not in letter.body
    link = link_of(letter)
    browser = Visitor()
    assert choose(browser, link).status_code == 302
    owner.refresh_from_db()
    assert owner.check_password(NEW)
    assert "This link no longer works" in choose(Visitor(), link, "a third password").content.decode()
    assert not browser.is_in()
    assert Visitor().sign_in(owner.email, NEW).status_code == 302
    assert mail.outbox[-1].subject != letter.subject


def test_a_new_password_ends_all_sessions_and_is_told(owner: User) -> None:
    desk = Visitor()
    desk.sign_in(owner.email)
    ask(owner.email)
    choose(Visitor(), link_of(mail.outbox[-1]))
    assert not desk.is_in()
    assert mail.outbox[-1].subject == "You have a new password"
    assert latest_event(owner).kind == SecurityKind.PASSWORD_RESET


def test_the_link_dies_after_an_hour(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(owner.email)
    link, later = link_of(mail.outbox[-1]), timezone.now().replace(tzinfo=None) + timedelta(seconds=3605)
    monkeypatch.setattr("django.contrib.auth.tokens.PasswordResetTokenGenerator._now", lambda self: later)
    assert "This link no longer works" in choose(Visitor(), link).content.decode()


def test_two_steps_stay_after_a_new_password(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    give_app(owner, Phone(monkeypatch))
    ask(owner.email)
    browser = Visitor()
    choose(browser, link_of(mail.outbox[-1]))
    assert browser.sign_in(owner.email, NEW)["Location"] == "/accounts/2fa/code/"


def test_the_answer_tells_nobody_who_has_an_account(owner: User) -> None:
    answers = [ask(email) for email in (owner.email, "nobody@maple.example")]
    assert len({(answer.status_code, answer["Location"]) for answer in answers}) == 1
    assert [letter.to for letter in mail.outbox] == [[owner.email], ["nobody@maple.example"]]
    assert "no account" in mail.outbox[1].body


def test_asking_again_and_again_fills_no_mailbox(owner: User) -> None:
    answers = [
        Visitor(f"192.0.2.{number}").post("/accounts/password/reset/", {"email": owner.email}) for number in range(6)
    ]
    assert [answer.status_code for answer in answers] == [302] * 3 + [429] * 3
    assert "the one that was sent last still works" in answers[-1].content.decode()
    assert len(mail.outbox) == 3


def test_a_mail_server_that_is_away_undoes_nothing(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: EmailBackend, messages: Any) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    assert ask(owner.email).status_code == 302
    browser = Visitor()
    browser.sign_in(owner.email)
    browser.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    owner.refresh_from_db()
    assert owner.check_password(NEW)


def test_nobody_changes_the_own_address_or_signs_up(owner: User) -> None:
    browser = Visitor()
    assert "by invitation" in browser.get("/accounts/signup/").content.decode()
    browser.post("/accounts/signup/", {"email": "new@maple.example", "password1": NEW})
    assert not User.objects.filter(email="new@maple.example").exists()
    browser.sign_in(owner.email)
    assert browser.post("/accounts/email/", {"email": "other@maple.example", "action_add": ""}).status_code == 404


@pytest.mark.parametrize("field", ["password", "password1", "password2", "oldpassword"])
def test_pages_let_passwords_be_pasted_and_remembered(owner: User, field: str) -> None:
    browser = Visitor()
    pages = browser.get("/accounts/login/").content.decode()
    browser.sign_in(owner.email)
    pages += browser.get("/accounts/password/change/").content.decode()
    found = re.search(rf'<input[^>]*name="{field}"[^>]*>', pages)
    assert found
    assert re.search(r'autocomplete="(current|new)-password"', found.group())
    assert not re.search(r"onpaste|maxlength|readonly", found.group())
