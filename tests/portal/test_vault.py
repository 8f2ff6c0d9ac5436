"""Secrets at rest: sealed with the first key, opened with any, sealed anew after a change of keys."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from portal import vault
from portal.models import User
from tests.portal.visitors import Phone, Visitor, give_app

OLD, NEW = "an older key of this installation, long enough", "the newer key of this installation, long too"


def test_what_is_sealed_can_be_opened_and_not_read(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [NEW]
    sealed = vault.seal("pk_live_ünïcode")
    assert vault.unseal(sealed) == "pk_live_ünïcode"
    assert "pk_live" not in sealed
    assert vault.seal("pk_live_ünïcode") != sealed


def test_each_key_opens_and_the_first_seals(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    before = vault.seal("secret")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert vault.unseal(before) == "secret"
    after = vault.reseal(before)
    settings.ENCRYPTION_KEYS = [OLD]
    with pytest.raises(vault.Unreadable):
        vault.unseal(after)


def test_without_a_key_of_its_own_the_secret_key_seals_and_opens_later_too(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = []
    sealed = vault.seal("secret")
    settings.ENCRYPTION_KEYS = [NEW]
    assert vault.unseal(sealed) == "secret"


@pytest.mark.parametrize("sealed", ["", "secret", "gAAAAAB", "ä"])
def test_what_was_not_sealed_is_refused(sealed: str) -> None:
    with pytest.raises(vault.Unreadable):
        vault.unseal(sealed)


def test_a_changed_letter_is_noticed(settings: Any) -> None:
    sealed = vault.seal("secret")
    for at in (3, len(sealed) // 2, len(sealed) - 9):
        with pytest.raises(vault.Unreadable):
            vault.unseal(sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :])


@pytest.mark.django_db
def test_keys_are_changed_without_anybody_noticing(owner: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    give_app(owner, phone := Phone(monkeypatch))
    before = Authenticator.objects.get().data["secret"]
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    call_command("reseal_secrets")
    settings.ENCRYPTION_KEYS = [NEW]
    assert Authenticator.objects.get().data["secret"] != before
    browser = Visitor()
    browser.sign_in(owner.email)
    browser.post("/accounts/2fa/code/", {"code": phone.code()})
    assert browser.is_in()


@pytest.mark.django_db
def test_a_key_taken_away_too_early_is_told_and_nothing_is_lost(
    owner: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    app = give_app(owner, Phone(monkeypatch))
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(CommandError, match="put the key back"):
        call_command("reseal_secrets")
    assert Authenticator.objects.get().data == app.data


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], ["portal.E001"]),
        (["short"], ["portal.E002"]),
        ([NEW, "short"], ["portal.E002"]),
        (["the secret key"], ["portal.E003"]),
        ([NEW], []),
        ([NEW, OLD], []),
    ],
)
def test_the_check_before_a_deployment(settings: Any, keys: list[str], said: list[str]) -> None:
    settings.ENCRYPTION_KEYS = [settings.SECRET_KEY if key == "the secret key" else key for key in keys]
    found = run_checks(tags=["security"], include_deployment_checks=True)
    assert [each.id for each in found if str(each.id).startswith("portal.E00")] == said
