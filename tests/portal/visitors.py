"""People at the public door: browsers that sign in by the form, and phones that tell codes."""

from __future__ import annotations

import re
import types
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.test import Client

from portal import vault
from portal.models import SecurityEvent, User
from tests.conftest import PASSWORD

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
HALF_MINUTE = 30


class Visitor(Client):
    """A browser at an address of its own; its cookies stay."""

    def __init__(self, ip: str = "203.0.113.7", agent: str = FIREFOX, **defaults: Any) -> None:
        super().__init__(REMOTE_ADDR=ip, HTTP_USER_AGENT=agent, **defaults)

    def sign_in(self, email: str, password: str = PASSWORD, **more: Any) -> Any:
        return self.post("/accounts/login/", {"login": email, "password": password, **more})

    def is_in(self) -> bool:
        """Whether it is signed in."""
        return self.get("/accounts/sessions/").status_code == 200

    @property
    def key(self) -> str:
        return str(self.session.session_key)


class Phone:
    """An authenticator app, and the clock that the portal goes by too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.secret = 1_800_000_000.0, ""
        monkeypatch.setattr(totp, "time", types.SimpleNamespace(time=lambda: self.now))

    def code(self, later: int = 0) -> str:
        """The code that is shown `later` half minutes from now."""
        counter = int(self.now) // HALF_MINUTE + later
        return totp.format_hotp_value(totp.hotp_value(self.secret, counter))

    def next_code(self) -> str:
        """Wait for the next code."""
        self.now += HALF_MINUTE
        return self.code()

    def read(self, page: str) -> None:
        """Take the key from the page that shows it."""
        found = re.search(r'id="totp-secret">(\w+)<', page)
        assert found, page
        self.secret = found.group(1)


def confirm(browser: Visitor, password: str = PASSWORD) -> None:
    browser.post("/accounts/reauthenticate/", {"password": password})


def set_up(browser: Visitor, phone: Phone) -> list[str]:
    """Turn two-step sign-in on by the pages; the recovery codes."""
    confirm(browser)
    phone.read(browser.get("/accounts/2fa/app/").content.decode())
    answer = browser.post("/accounts/2fa/app/", {"code": phone.code()})
    assert answer["Location"] == "/accounts/2fa/recovery-codes/", answer.content.decode()
    return recovery_codes(browser.get("/accounts/2fa/recovery-codes/").content.decode())


def recovery_codes(page: str) -> list[str]:
    return re.findall(r"<li>(\d{8})</li>", page)


def give_app(user: User, phone: Phone) -> Authenticator:
    """The person has an authenticator app already."""
    phone.secret = totp.generate_totp_secret()
    return Authenticator.objects.create(user=user, type="totp", data={"secret": vault.seal(phone.secret)})


def latest_event(user: User) -> SecurityEvent:
    """What happened last to the person's account."""
    event = SecurityEvent.objects.filter(user=user).first()
    assert event is not None
    return event
