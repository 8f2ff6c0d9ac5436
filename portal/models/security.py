from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class SecurityKind(models.TextChoices):
    SIGNED_IN = "signed_in", "Signed in"
    SIGNED_IN_NEW_DEVICE = "signed_in_new_device", "Signed in from a new device"
    SIGN_IN_FAILED = "sign_in_failed", "Sign-in refused: wrong password"
    CODE_REFUSED = "code_refused", "Sign-in refused: wrong or used code"
    RECOVERY_CODE_USED = "recovery_code_used", "Recovery code used"
    SECOND_STEP_ADDED = "second_step_added", "Two-step sign-in turned on"
    SECOND_STEP_REMOVED = "second_step_removed", "Two-step sign-in turned off"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed", "New recovery codes made"
    PASSWORD_CHANGED = "password_changed", "Password changed"
    PASSWORD_RESET = "password_reset", "Password chosen anew by e-mail"
    SESSIONS_ENDED = "sessions_ended", "Sessions ended"


class SecurityEvent(models.Model):
    """What happened to a person's account: for the person, and for admins. Kept for SECURITY_EVENT_DAYS.

    Without a person: somebody tried an address that has no account. It is written all the same, so that the answer
    takes as long as for an address that has one.
    """

    user = models.ForeignKey("portal.User", on_delete=models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    kind = models.CharField(max_length=30, choices=SecurityKind.choices)
    ip = models.GenericIPAddressField("IP address", null=True, blank=True)
    browser = models.CharField(max_length=80, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-at", "-pk")
        indexes: ClassVar = [models.Index(fields=["user", "-at", "-id"], name="security_of_user")]

    def __str__(self) -> str:
        return self.get_kind_display()


class OpenSession(models.Model):
    """A browser in which a person is signed in; the session itself is Django's, under the same key."""

    user = models.ForeignKey("portal.User", on_delete=models.CASCADE, related_name="+")
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    began_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ip = models.GenericIPAddressField("IP address", null=True, blank=True)
    browser = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ("-seen_at", "-pk")

    def __str__(self) -> str:
        return self.browser


class TryBudget(models.Model):
    """How much of a limit on guessing is used up, under the hash of what it limits; see portal/throttle.py."""

    key = models.CharField(max_length=64, unique=True)
    spent = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.spent} until {self.until}"
