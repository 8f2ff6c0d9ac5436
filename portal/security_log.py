"""What happens to people's accounts: written down for them, and told by e-mail when it matters.

Listens to allauth, so that whatever way leads to a change, it is noted; and does what has to follow from a change:
sessions elsewhere end, and this one gets another key.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from allauth.account import signals as account_signals
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import signals as auth_signals
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from portal import clients, devices, second_factor, sessions, throttle
from portal.models import OpenSession, SecurityEvent, SecurityKind, User

log = structlog.get_logger(__name__)


def record(request: HttpRequest | None, user: User | None, kind: SecurityKind, note: str = "") -> None:
    """Write that `kind` happened to `user`, from the browser of `request`. The log gets it without personal data."""
    SecurityEvent.objects.create(
        user=user,
        kind=kind,
        note=note[:200],
        ip=clients.address(request) if request else None,
        browser=clients.browser(request) if request else "",
    )
    log.info("security_event", user=user.pk if user else None, kind=kind.value)


def of_user(user: User, most: int) -> list[SecurityEvent]:
    """The latest events of the person's account."""
    return list(SecurityEvent.objects.filter(user=user)[:most])


def forget() -> None:
    """Delete events that are older than they are kept."""
    oldest = timezone.now() - timedelta(days=settings.SECURITY_EVENT_DAYS)
    SecurityEvent.objects.filter(at__lt=oldest).delete()


@receiver(auth_signals.user_logged_in)
def note_session(request: Any, user: User, **_: Any) -> None:
    sessions.begin(request, user)


@receiver(auth_signals.user_logged_out)
def note_end(request: Any, user: User | None, **_: Any) -> None:
    OpenSession.objects.filter(session_key=request.session.session_key).delete()


@receiver([account_signals.password_changed, account_signals.password_set])
def after_password_change(request: Any, user: User, **_: Any) -> None:
    """Django has given this session another key, and the sessions elsewhere do not fit the new password."""
    sessions.follow(request, getattr(request, "session_key_before", None))
    record(request, user, SecurityKind.PASSWORD_CHANGED)
    devices.remember(request, user)


@receiver(account_signals.password_reset)
def after_password_reset(request: Any, user: User, **_: Any) -> None:
    """Whoever has the mailbox has the account: all sessions end, and the limits of unknown browsers begin anew."""
    sessions.end_all(user)
    record(request, user, SecurityKind.PASSWORD_RESET)
    throttle.forgive(throttle.account_key(user.email), code_account=code_account(user))
    devices.remember(request, user)


@receiver(mfa_signals.authenticator_added)
def after_second_step_added(request: Any, user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type != Authenticator.Type.TOTP:
        return
    second_factor.note_first(request, authenticator)
    sessions.rotate(request)
    # They were opened by the password alone.
    sessions.end_all(user, but=request.session.session_key)
    record(request, user, SecurityKind.SECOND_STEP_ADDED)


@receiver(mfa_signals.authenticator_removed)
def after_second_step_removed(request: Any, user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type != Authenticator.Type.TOTP:
        return
    sessions.rotate(request)
    record(request, user, SecurityKind.SECOND_STEP_REMOVED)


@receiver(mfa_signals.authenticator_reset)
def after_new_recovery_codes(request: Any, user: User, **_: Any) -> None:
    record(request, user, SecurityKind.RECOVERY_CODES_RENEWED)


@receiver(mfa_signals.authenticator_used)
def after_recovery_code(request: Any, user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        record(request, user, SecurityKind.RECOVERY_CODE_USED)


def code_account(user: User) -> str:
    """What the limits on guessing codes are counted for."""
    return f"user {user.pk}"
