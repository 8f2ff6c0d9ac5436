"""How people come to have an account, by invitation only, and how they sign in."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from portal import clients, devices, security_log, sessions, throttle
from portal.models import SecurityKind, User

log = structlog.get_logger(__name__)

TOO_MANY = (
    "Too many tries that failed. Wait five minutes, use a browser that you have signed in with before, "
    "or choose a new password by e-mail under “Forgot password?”."
)
_ONE_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def is_own_path(url: str) -> bool:
    """Whether `url` is a path on this host, and cannot be read as anything else by any browser."""
    return bool(_ONE_PATH.fullmatch(url)) and url_has_allowed_host_and_scheme(url, allowed_hosts=None)


def public_address(path: str) -> str:
    """The whole address of a path, at the installation's own name and never at that of a request's Host header."""
    return urljoin(f"{settings.PUBLIC_URL}/", path)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The e-mail address or the password is not right.",
        "too_many_login_attempts": TOO_MANY,
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your current password.",
        "rate_limited": "Too many tries. Wait a minute, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return "/"

    def is_safe_url(self, url: str | None) -> bool:
        return bool(url) and is_own_path(str(url))

    def get_client_ip(self, request: HttpRequest) -> str:
        return clients.neighbourhood(clients.address(request))

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return public_address(reverse("account_reset_password_from_key", args=(uid, token)))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Who signs in by two steps also confirms by the second one: a password alone could be stolen."""
        methods = super().get_reauthentication_methods(user)
        return [method for method in methods if method["id"] == "mfa_reauthenticate"] or methods

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        email = str(credentials.get("email", ""))
        user = User.objects.filter(email__iexact=email.strip()).first()
        account, device = throttle.account_key(email), devices.known(request, user)
        try:
            tried = throttle.begin(request, throttle.Purpose.PASSWORD, account=account, device=device)
        except throttle.TooMany:
            raise self.validation_error("too_many_login_attempts") from None
        found: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if found is None:
            security_log.record(request, user, SecurityKind.SIGN_IN_FAILED)
            return None
        tried.was_right()
        if device is not None and isinstance(found, User):
            # An older hash of the password was renewed just now, and the browser's mark goes by the hash.
            devices.remember(request, found)
        return found

    def login(self, request: HttpRequest, user: Any) -> None:
        is_first = user.last_login is None
        is_new = devices.known(request, user) is None and not is_first
        super().login(request, user)
        devices.remember(request, user)
        kind = SecurityKind.SIGNED_IN_NEW_DEVICE if is_new else SecurityKind.SIGNED_IN
        security_log.record(request, user, kind)
        if is_new:
            self.send_notification_mail("account/email/new_device", user)

    def set_password(self, user: Any, password: str) -> None:
        super().set_password(user, password)
        self.request.session_key_before = self.request.session.session_key
        sessions.end_all(user, but=self.request.session.session_key)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Any,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        told = {"ip": clients.address(self.request), "user_agent": clients.browser(self.request)}
        super().send_notification_mail(template_prefix, user, {**told, **(context or {})}, email)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a letter. What it tells of has happened: a mail server that is away does not undo it."""
        more = {
            "public_url": settings.PUBLIC_URL,
            "reset_url": public_address(reverse("account_reset_password")),
            "sessions_url": public_address(reverse("account_sessions")),
        }
        try:
            super().send_mail(template_prefix, email, {**context, **more})
        except (OSError, ValueError) as error:
            log.warning("mail_failed", letter=template_prefix, error=type(error).__name__)
