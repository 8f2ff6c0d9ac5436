"""What `manage.py check --deploy` says of this installation beside Django's own advice."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from portal.vault import LEAST_KEY_LENGTH

HINT = 'Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'


@register(Tags.security, deploy=True)
def encryption_keys(**_: Any) -> list[CheckMessage]:
    """Stored secrets have a key of their own in production, and a long one."""
    keys = settings.ENCRYPTION_KEYS
    if not keys:
        return [Error("COTERIE_ENCRYPTION_KEYS is not set.", hint=HINT, id="portal.E001")]
    if any(len(key) < LEAST_KEY_LENGTH for key in keys):
        message = f"A key in COTERIE_ENCRYPTION_KEYS has fewer than {LEAST_KEY_LENGTH} characters."
        return [Error(message, hint=HINT, id="portal.E002")]
    if settings.SECRET_KEY in keys:
        return [Error("COTERIE_ENCRYPTION_KEYS holds COTERIE_SECRET_KEY.", hint=HINT, id="portal.E003")]
    return []
