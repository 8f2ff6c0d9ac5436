"""Browsers that a person has signed in with before.

A signed cookie says so. It lets nobody in; it gives the browser limits of its own, so that strangers who guess at an
account cannot keep its owner out, and saves the owner a letter about a new device. A change of password ends it.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from portal.models import User

SALT = "portal.devices"
MOST_PEOPLE = 5
"""Who share a browser; the one who signed in longest ago is forgotten first."""
KEPT_SECONDS = 180 * 24 * 3600


def known(request: HttpRequest, user: User | None) -> str | None:
    """The name of the browser, if `user` has signed in with it since the password was last changed."""
    if user is None:
        return None
    for pk, device, sign in _read(request):
        if pk == user.pk and constant_time_compare(sign, _sign(user)):
            return device
    return None


def remember(request: HttpRequest, user: User) -> None:
    """Know the browser from now on: `write` puts it on the answer to this request."""
    others = [entry for entry in _read(request) if entry[0] != user.pk]
    device = known(request, user) or secrets.token_urlsafe(16)
    entries = [(user.pk, device, _sign(user)), *others][:MOST_PEOPLE]
    request.known_devices = signing.dumps(entries, salt=SALT)  # type: ignore[attr-defined]


def write(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the cookie, if `remember` was called."""
    if value := getattr(request, "known_devices", None):
        response.set_cookie(
            settings.DEVICE_COOKIE_NAME,
            value,
            max_age=KEPT_SECONDS,
            secure=settings.SECURE,
            httponly=True,
            samesite="Lax",
        )


def _sign(user: User) -> str:
    return salted_hmac(SALT, user.password, algorithm="sha256").hexdigest()


def _read(request: HttpRequest) -> list[tuple[int, str, str]]:
    value = getattr(request, "known_devices", None) or request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    try:
        entries = signing.loads(value, salt=SALT, max_age=KEPT_SECONDS)
        return [(int(pk), str(device), str(sign)) for pk, device, sign in entries]
    except (signing.BadSignature, TypeError, ValueError):
        return []
