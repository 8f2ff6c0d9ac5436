"""Writing HTML where it is written hundreds of times a page."""

from __future__ import annotations

from html import escape
from typing import Any

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString


def fill(form: str, *values: Any, **named: Any) -> SafeString:
    """As Django's `format_html`, for the same arguments the same text, in a third of the time: most values are plain
    text or a number, or safe already, and nobody has to be asked what they are."""
    return SafeString(form.format(*map(safe, values), **{name: safe(value) for name, value in named.items()}))


def safe(value: Any) -> str:
    """As Django's `conditional_escape`."""
    kind = type(value)
    if kind is SafeString:
        text: str = value
        return text
    if kind is str:
        return escape(value)
    if kind is int:
        return str(value)
    return conditional_escape(value)
