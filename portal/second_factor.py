"""Two-step sign-in: who has it, who must have it, and that a code counts once.

allauth keeps the keys of authenticator apps and the recovery codes; here they are sealed, and each code is spent.
"""

from __future__ import annotations

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from portal import vault
from portal.models import Staff, Store, User

SPENT = "last_counter"
"""In an authenticator's data: the half minute of the latest code that was taken."""


def has(user: Any) -> bool:
    """Whether `user` signs in by two steps; asked of the database once a request."""
    if not user.is_authenticated:
        return False
    if not hasattr(user, "_has_second_factor"):
        user._has_second_factor = ids_with([user.pk]) != set()
    return bool(user._has_second_factor)


def ids_with(user_ids: list[int]) -> set[int]:
    """Those of `user_ids` who sign in by two steps."""
    apps = Authenticator.objects.filter(user_id__in=user_ids, type=Authenticator.Type.TOTP)
    return set(apps.values_list("user_id", flat=True))


def stores_that_ask(user: User) -> list[Store]:
    """The stores in which `user` works that let nobody in without two steps."""
    return [place.store for place in Staff.places_of(user).filter(store__requires_second_factor=True)]


def admin_asks(user: Any) -> bool:
    """Whether the admin keeps `user` out until they sign in by two steps."""
    return settings.ADMIN_REQUIRES_2FA and not has(user)


def is_needed(user: Any) -> bool:
    """Whether `user` cannot do without: two-step sign-in may not be turned off then."""
    return bool(stores_that_ask(user)) or (user.is_staff and settings.ADMIN_REQUIRES_2FA)


def lead_to_it(request: HttpRequest) -> HttpResponse:
    """Instead of a page that wants two steps: the one that says why, and how to have them."""
    here = reverse("account_second_step_needed")
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": here})
    return HttpResponseRedirect(here)


def counter_of(secret: str, code: str) -> int | None:
    """The half minute whose code this is, of those that count now."""
    for counter in totp.yield_hotp_counters_from_time():
        if totp.compare_user_code(actual=code, expected=totp.format_hotp_value(totp.hotp_value(secret, counter))):
            return counter
    return None


def spend(app: Authenticator, code: str) -> bool:
    """Take the code of an authenticator app; False when it is wrong, or not later than the last one that was taken."""
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=app.pk)
        counter = counter_of(vault.unseal(row.data["secret"]), code)
        if counter is None or counter <= row.data.get(SPENT, 0):
            return False
        row.data[SPENT] = counter
        row.save(update_fields=["data"])
    return True


def note_first(request: Any, app: Authenticator) -> None:
    """The code that turned two-step sign-in on is spent by that."""
    app.data[SPENT] = getattr(request, "totp_counter", 0)
    app.save(update_fields=["data"])


def remove(user: User) -> bool:
    """Turn two-step sign-in off for somebody who has lost it; whether it was on."""
    return bool(Authenticator.objects.filter(user_id=user.pk).delete()[0])


def _reseal(reseal: vault.Reseal) -> int:
    count = 0
    for pk in Authenticator.objects.values_list("pk", flat=True):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().get(pk=pk)
            for name in {"secret", "seed"} & set(row.data):
                row.data[name] = reseal(row.data[name])
                count += 1
            row.save(update_fields=["data"])
    return count


vault.register("two-step sign-in", _reseal)


class MfaAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is not right, or it was used before. Wait for the next one.",
        "cannot_delete_authenticator": "You need two-step sign-in where you work, so it cannot be turned off.",
    }

    def encrypt(self, text: str) -> str:
        return vault.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return vault.unseal(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return not is_needed(authenticator.user)
