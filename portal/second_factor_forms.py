"""The forms that take codes: each try is paid for, and each code counts once."""

from __future__ import annotations

import contextlib
from typing import Any

from allauth.account.adapter import get_adapter as account_adapter
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY

from portal import devices, second_factor, security_log, throttle, vault
from portal.models import SecurityKind, User


class CodeCheck:
    """Takes the code of an authenticator app or a recovery code, within the limits on guessing."""

    user: User
    authenticator: Authenticator
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        request, user = context.request, self.user
        account, device = security_log.code_account(user), devices.known(request, user)
        try:
            tried = throttle.begin(request, throttle.Purpose.CODE, account=account, device=device)
        except throttle.TooMany:
            raise account_adapter().validation_error("too_many_login_attempts") from None
        for app in Authenticator.objects.filter(user=user):
            if self._takes(app, code):
                tried.was_right()
                app.user = user
                self.authenticator = app
                return code
        security_log.record(request, user, SecurityKind.CODE_REFUSED)
        raise get_adapter().validation_error("incorrect_code")

    def _takes(self, app: Authenticator, code: str) -> bool:
        if app.type == Authenticator.Type.TOTP:
            return second_factor.spend(app, code)
        return bool(app.wrap().validate_code(code))


class SignInForm(CodeCheck, AuthenticateForm):
    pass


class ConfirmForm(CodeCheck, ReauthenticateForm):
    pass


class ActivateForm(ActivateTOTPForm):
    """The key waits in the session, sealed, until its first code was entered; that code is spent by it."""

    secret: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with contextlib.suppress(vault.Unreadable):  # a new key, which allauth has just made
            self.secret = vault.unseal(self.secret)
        context.request.session[SECRET_SESSION_KEY] = vault.seal(self.secret)

    def clean_code(self) -> str:
        code = super().clean_code()
        context.request.totp_counter = second_factor.counter_of(self.secret, code)
        return code
