"""Limits on guessing: strangers get nowhere, and the owner gets in all the while."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core import mail
from django.test import RequestFactory
from django.utils import timezone

from portal import throttle
from portal.models import SecurityEvent, TryBudget, User
from portal.throttle import OF_ACCOUNT, OF_ACCOUNT_AND_ADDRESS, OF_ACCOUNT_IN_A_ROW, OF_ADDRESS, OF_DEVICE, Purpose
from tests.conftest import PASSWORD
from tests.portal.counting import at_once
from tests.portal.visitors import Visitor

pytestmark = pytest.mark.django_db
WRONG = "The e-mail address or the password is not right."
LIMITED = "Too many tries that failed."


def addresses() -> Any:
    return (f"198.51.{a}.{b}" for a, b in itertools.product(range(100, 200), range(1, 255)))


def said(answer: Any) -> str:
    """What the page answers, without what differs each time."""
    return re.sub(r'(value|data-csrf)="[^"]*"', "", answer.content.decode())


def pass_time(**much: float) -> None:
    """Move every budget into the past."""
    for budget in TryBudget.objects.all():
        budget.until -= timedelta(**much)
        budget.save()


def hammer(email: str, tries: int, ips: Any = None) -> list[str]:
    """Guess from ever new addresses, or from `ips`; what was answered."""
    answers = []
    for ip in itertools.islice(ips or addresses(), tries):
        page = Visitor(ip).sign_in(email, "a wrong guess").content.decode()
        answers.append("wrong" if WRONG in page else "limited" if LIMITED in page else page)
    return answers


def pay(account: str, tries: int) -> int:
    """Guess past the form, which takes its time; how many tries were let through."""
    factory, paid = RequestFactory(), 0
    for ip in itertools.islice(addresses(), tries):
        try:
            throttle.begin(factory.get("/", REMOTE_ADDR=ip), Purpose.PASSWORD, account=account, device=None)
        except throttle.TooMany:
            continue
        paid += 1
    return paid


def test_one_address_has_five_tries_at_an_account_and_then_the_right_one_is_refused_too(owner: User) -> None:
    thief = Visitor("198.51.100.66")
    for _ in range(OF_ACCOUNT_AND_ADDRESS.most):
        assert WRONG in thief.sign_in(owner.email, "wrong").content.decode()
    assert LIMITED in thief.sign_in(owner.email, "wrong").content.decode()
    assert LIMITED in thief.sign_in(owner.email, PASSWORD).content.decode()
    assert not thief.is_in()
    pass_time(minutes=5, seconds=1)
    assert thief.sign_in(owner.email, PASSWORD).status_code == 302


def test_many_addresses_share_what_an_account_allows_strangers(owner: User) -> None:
    assert hammer(owner.email, OF_ACCOUNT.most + 2) == ["wrong"] * OF_ACCOUNT.most + ["limited"] * 2
    assert LIMITED in Visitor("192.0.2.1").sign_in(owner.email, PASSWORD).content.decode()


def test_one_address_cannot_try_many_accounts(owner: User) -> None:
    thief = Visitor("198.51.100.66")
    pages = [thief.sign_in(f"someone{number}@maple.example", "wrong").content.decode() for number in range(32)]
    assert [WRONG in page for page in pages] == [True] * OF_ADDRESS.most + [False] * 2
    assert LIMITED in thief.sign_in(owner.email, PASSWORD).content.decode()
    assert Visitor("198.51.100.67").sign_in(owner.email, PASSWORD).status_code == 302


def test_neighbours_in_an_ipv6_network_are_one_address(owner: User) -> None:
    ips = (f"2001:db8:1:2::{number:x}" for number in range(1, 50))
    assert hammer(owner.email, 10, ips) == ["wrong"] * 5 + ["limited"] * 5
    assert WRONG in Visitor("2001:db8:1:3::1").sign_in(owner.email, "wrong").content.decode()


def test_an_owner_at_a_known_browser_gets_in_while_strangers_hammer(owner: User) -> None:
    mine = Visitor("192.0.2.1")
    mine.sign_in(owner.email)
    mine.post("/accounts/logout/")
    pay(owner.email, OF_ACCOUNT.most)
    # Beside them, at the same address.
    hammer(owner.email, 6, itertools.repeat("192.0.2.1"))
    assert not mine.is_in()
    assert WRONG in mine.sign_in(owner.email, "mistyped").content.decode()
    assert mine.sign_in(owner.email, PASSWORD).status_code == 302
    assert mine.is_in()


@pytest.mark.teeth
@pytest.mark.xfail(strict=True)
def test_teeth_without_knowing_browsers_strangers_keep_the_owner_out(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.devices.known", lambda request, user: None)
    test_an_owner_at_a_known_browser_gets_in_while_strangers_hammer(owner)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True)
def test_teeth_without_payment_guessing_has_no_end(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_pay", lambda limit, key: True)
    test_many_addresses_share_what_an_account_allows_strangers(owner)


def test_a_known_browser_that_is_stolen_has_its_limit_too(owner: User) -> None:
    stolen = Visitor("192.0.2.1")
    stolen.sign_in(owner.email)
    stolen.post("/accounts/logout/")
    pages = [stolen.sign_in(owner.email, "wrong").content.decode() for _ in range(OF_DEVICE.most + 1)]
    assert [WRONG in page for page in pages] == [True] * OF_DEVICE.most + [False]
    assert LIMITED in stolen.sign_in(owner.email, PASSWORD).content.decode()
    assert Visitor("198.51.100.7").sign_in(owner.email, PASSWORD).status_code == 302


@pytest.mark.parametrize("forged", ["", "x", "eyJ4IjoxfQ:abc:def", "[[1,'d','s']]"])
def test_a_forged_mark_of_a_known_browser_is_none(owner: User, forged: str) -> None:
    thief = Visitor("198.51.100.66")
    for _ in range(6):
        thief.cookies["device"] = forged
        page = thief.sign_in(owner.email, "wrong").content.decode()
    assert LIMITED in page


def test_a_browser_known_to_one_is_a_stranger_to_another(owner: User, viewer: User) -> None:
    shared = Visitor("192.0.2.1")
    shared.sign_in(viewer.email)
    shared.post("/accounts/logout/")
    pay(owner.email, OF_ACCOUNT.most)
    assert LIMITED in shared.sign_in(owner.email, PASSWORD).content.decode()
    assert shared.sign_in(viewer.email).status_code == 302


def test_a_change_of_the_password_makes_strangers_of_other_browsers(owner: User) -> None:
    old = Visitor("192.0.2.1")
    old.sign_in(owner.email)
    owner.set_password("another long password")
    owner.save()
    pay(owner.email, OF_ACCOUNT.most)
    assert LIMITED in old.sign_in(owner.email, "another long password").content.decode()


def test_a_hundred_in_a_row_want_the_link_in_an_email(owner: User) -> None:
    for _ in range(OF_ACCOUNT_IN_A_ROW.most // OF_ACCOUNT.most):
        assert pay(owner.email, OF_ACCOUNT.most) == OF_ACCOUNT.most
        pass_time(minutes=6)
    newcomer = Visitor("192.0.2.77")
    assert LIMITED in newcomer.sign_in(owner.email, PASSWORD).content.decode()
    newcomer.post("/accounts/password/reset/", {"email": owner.email})
    [letter] = mail.outbox
    link = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", str(letter.body))
    assert link
    there = newcomer.get(link.group(1))["Location"]
    chosen = {"password1": "another long password", "password2": "another long password"}
    newcomer.post(there, chosen)
    assert newcomer.sign_in(owner.email, "another long password").status_code == 302
    assert Visitor("192.0.2.78").sign_in(owner.email, "another long password").status_code == 302


def test_a_right_password_begins_the_row_anew(owner: User) -> None:
    hammer(owner.email, 10)
    Visitor("192.0.2.5").sign_in(owner.email)
    pass_time(minutes=6)
    key = throttle._key(Purpose.PASSWORD, OF_ACCOUNT_IN_A_ROW, owner.email)
    assert TryBudget.objects.get(key=key).spent == 0


def test_signing_in_again_and_again_costs_nothing(owner: User) -> None:
    for _ in range(OF_ACCOUNT.most + 5):
        assert Visitor("192.0.2.5").sign_in(owner.email).status_code == 302


@pytest.mark.parametrize("spelling", [" Owner@Maple.example ", "OWNER@MAPLE.EXAMPLE", "owner@maple.example"])
def test_however_an_address_is_written_it_is_one_account(owner: User, spelling: str) -> None:
    hammer(spelling, OF_ACCOUNT.most)
    assert hammer(owner.email, 1) == ["limited"]


def test_an_address_without_an_account_hears_the_same(owner: User) -> None:
    for tries in (1, 5, 1):
        pages = []
        for email in (owner.email, "nobody@maple.example"):
            thief = Visitor("198.51.100.66" if email == owner.email else "198.51.100.67")
            for _ in range(tries):
                answer = thief.sign_in(email, "wrong")
            pages.append((answer.status_code, said(answer)))
        assert pages[0] == pages[1]


def test_an_address_without_an_account_costs_as_much(owner: User, settings: Any) -> None:
    """The hash is what takes the time, and what could be told apart by it."""
    settings.PASSWORD_HASHERS = ["tests.portal.test_throttle.CountingHasher"]
    owner.set_password(PASSWORD)
    owner.save()
    hashed: dict[str, list[int]] = {owner.email: [], "nobody@maple.example": []}
    for ip in itertools.islice(addresses(), 5):
        for email, counts in hashed.items():
            before = CountingHasher.hashed
            Visitor(ip).sign_in(email, "wrong")
            counts.append(CountingHasher.hashed - before)
    assert list(hashed.values()) == [[1] * 5, [1] * 5]


class CountingHasher(PBKDF2PasswordHasher):
    iterations = 1
    hashed = 0

    def encode(self, *args: Any, **kwargs: Any) -> str:
        CountingHasher.hashed += 1
        return super().encode(*args, **kwargs)


@pytest.mark.django_db(transaction=True)
def test_any_number_of_tries_at_the_same_moment_cannot_pass_a_limit(owner: User) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="198.51.100.66")

    def guess() -> int:
        paid = 0
        for _ in range(40):
            try:
                throttle.begin(request, Purpose.PASSWORD, account=owner.email, device=None)
                paid += 1
            except throttle.TooMany:
                pass
        return paid

    assert sum(at_once(*[guess] * 6)) == OF_ACCOUNT_AND_ADDRESS.most


def test_thousands_of_tries_from_thousands_of_addresses(owner: User) -> None:
    mine = Visitor("192.0.2.1")
    mine.sign_in(owner.email)
    assert pay(owner.email, 1000) == OF_ACCOUNT.most
    mine.post("/accounts/logout/")
    assert mine.sign_in(owner.email).status_code == 302


def test_what_is_over_is_forgotten_and_no_address_stands_in_the_table(owner: User) -> None:
    hammer(owner.email, 3)
    assert owner.email not in str(list(TryBudget.objects.values()))
    assert "198.51" not in str(list(TryBudget.objects.values()))
    pass_time(minutes=6)
    throttle.forget()
    assert TryBudget.objects.count() == 1  # what counts in a row
    pass_time(days=31)
    throttle.forget()
    assert not TryBudget.objects.exists()


def test_failed_tries_are_written_down_also_for_nobody(owner: User) -> None:
    hammer(owner.email, 2)
    hammer("nobody@maple.example", 1)
    assert SecurityEvent.objects.filter(user=owner, kind="sign_in_failed").count() == 2
    [of_nobody] = SecurityEvent.objects.filter(user=None)
    assert "nobody" not in str(vars(of_nobody))
    assert of_nobody.at <= timezone.now()
