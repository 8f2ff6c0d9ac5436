"""The settings of people: how they sign in, what is asked of them, and when that ends."""

from __future__ import annotations

from portal import env

_is_for_trying = env.boolean("COTERIE_DEBUG", False) or env.boolean("COTERIE_DEMO", False)
_is_secure = env.text("COTERIE_PUBLIC_URL", "").startswith("https://")

AUTH_USER_MODEL = "portal.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["portal.passwords.Argon2idHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "portal.passwords.MaximumLengthValidator", "OPTIONS": {"max_length": 256}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
ACCOUNT_ADAPTER = "portal.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# People come by invitations, which reach them by e-mail.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_PREVENT_ENUMERATION = True
# Guessing is limited by portal/throttle.py, which lets nobody be locked out by strangers; this is what it leaves.
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_failed": None,
    "reset_password": "5/m/ip,30/h/ip,3/10m/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user,20/h/user",
    "reauthenticate": "10/m/user",
}
MFA_ADAPTER = "portal.second_factor.MfaAdapter"
MFA_SUPPORTED_TYPES = ["recovery_codes", "totp"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "Coterie"
# A code counts for its half minute and the ones beside it, and once: portal/second_factor.py.
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "activate_totp": "portal.second_factor_forms.ActivateForm",
    "authenticate": "portal.second_factor_forms.SignInForm",
    "reauthenticate": "portal.second_factor_forms.ConfirmForm",
}
ADMIN_REQUIRES_2FA = env.boolean("COTERIE_ADMIN_REQUIRES_2FA", not _is_for_trying)
SECURITY_EVENT_DAYS = 90
SESSION_IDLE_SECONDS = 12 * 3600
"""Ends a session that nobody used, unless the person asked to stay signed in; SESSION_COOKIE_AGE ends every one."""
INVITATION_DAYS = 7
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
DEVICE_COOKIE_NAME = "__Host-device" if _is_secure else "device"
ENCRYPTION_KEYS = env.words("COTERIE_ENCRYPTION_KEYS")
