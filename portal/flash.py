"""What an action says on the page after it, on its way there in a cookie that no other host can set."""

from __future__ import annotations

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class Storage(CookieStorage):
    """The cookie alone: what is said may name a person, and must not stay behind in a session."""

    cookie_name = "__Host-messages" if settings.SECURE else "messages"
