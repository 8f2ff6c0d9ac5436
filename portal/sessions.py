"""In which browsers people are signed in, and when that ends.

A session ends after SESSION_COOKIE_AGE whatever happens, and after SESSION_IDLE_SECONDS without use unless the person
asked to stay signed in; then its key opens nothing any more, wherever it was copied to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, logout
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from portal import clients, devices
from portal.models import OpenSession, User

BEGAN, SEEN = "began", "seen"
HEALTH = "/healthz"
"""Asked by machines, which have no session to look at."""
SEEN_EVERY = 300
"""Seconds between two notes that a session is in use: a write for each page would cost more than it tells."""


def begin(request: HttpRequest, user: User) -> None:
    """Note the session that `user` has just signed in with."""
    now = time.time()
    request.session[BEGAN] = request.session[SEEN] = now
    if request.session.session_key is None:
        request.session.create()
    OpenSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={"user": user, "ip": clients.address(request), "browser": clients.browser(request)},
    )
    User.objects.filter(pk=user.pk).update(last_seen_at=timezone.now())


def rotate(request: HttpRequest) -> None:
    """Give the session another key: the person's rights have changed, and whoever knew the old key is out."""
    before = request.session.session_key
    request.session.cycle_key()
    OpenSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def follow(request: HttpRequest, before: str | None) -> None:
    """The session had the key `before`, and was given another one elsewhere."""
    if before != request.session.session_key:
        OpenSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def end(session: OpenSession) -> None:
    """End it: the next request under its key is a stranger's."""
    import_module(settings.SESSION_ENGINE).SessionStore().delete(session.session_key)
    session.delete()


def end_all(user: User, *, but: str | None = None) -> int:
    """End all sessions of `user`, except the one under the key `but`; how many."""
    sessions = [session for session in OpenSession.objects.filter(user=user) if session.session_key != but]
    for session in sessions:
        end(session)
    return len(sessions)


def of_user(user: User) -> list[OpenSession]:
    """Where `user` is signed in, latest used first."""
    mine = list(OpenSession.objects.filter(user=user))
    alive = Session.objects.filter(session_key__in=[each.session_key for each in mine], expire_date__gt=timezone.now())
    kept = {session.session_key: session.get_decoded() for session in alive}
    return [each for each in mine if _opens(kept.get(each.session_key), user)]


def _opens(data: Any, user: User) -> bool:
    """Whether a session with this `data` would let `user` in."""
    if data is None or _is_over(data):
        return False
    return constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())


def forget() -> None:
    """Delete what is left of sessions that have ended."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    oldest = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    OpenSession.objects.filter(began_at__lt=oldest).delete()


def _is_over(data: Any) -> bool:
    now = time.time()
    if now - data.get(BEGAN, now) > settings.SESSION_COOKIE_AGE:
        return True
    stays_signed_in = data.get("_session_expiry", 0) != 0
    return not stays_signed_in and now - data.get(SEEN, now) > settings.SESSION_IDLE_SECONDS


class SessionLimitsMiddleware:
    """Ends sessions whose time is over, notes those in use, and remembers browsers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path != HEALTH and request.user.is_authenticated:
            self._look(request, request.user)
        response = self.get_response(request)
        devices.write(request, response)
        return response

    def _look(self, request: HttpRequest, user: User) -> None:
        if BEGAN not in request.session:
            begin(request, user)
        elif _is_over(request.session):
            OpenSession.objects.filter(session_key=request.session.session_key).delete()
            logout(request)
        elif time.time() - request.session[SEEN] >= SEEN_EVERY:
            request.session[SEEN] = time.time()
            now = timezone.now()
            mine = OpenSession.objects.filter(session_key=request.session.session_key)
            mine.update(seen_at=now, ip=clients.address(request), browser=clients.browser(request))
            User.objects.filter(pk=user.pk).update(last_seen_at=now)
