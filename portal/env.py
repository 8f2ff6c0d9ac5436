"""Typed readers of environment variables; each refuses what it cannot understand, by name."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def _refuse(name: str, value: str, wanted: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}={value!r} is not {wanted}.")


def text(name: str, default: str | None = None) -> str:
    """The value of `name`, or of the file named by `name`_FILE (for secrets); without either, `default` or an error."""
    if (path := os.environ.get(f"{name}_FILE")) is not None:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise _refuse(f"{name}_FILE", path, f"a readable file ({error.strerror})") from error
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} must be set; deploy/example.env explains it.")
    return value


def boolean(name: str, default: bool) -> bool:
    value = text(name, "1" if default else "0").strip().lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise _refuse(name, value, "a yes or a no (use 1 or 0)")


def integer(name: str, default: int, *, least: int, most: int) -> int:
    value = text(name, str(default)).strip()
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise _refuse(name, value, f"a whole number from {least} to {most}")
    return int(value)


def choice(name: str, default: str, values: set[str]) -> str:
    """One of `values`, in whatever case."""
    value = text(name, default).strip().upper()
    if value not in values:
        raise _refuse(name, value, f"one of {', '.join(sorted(values))}")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list, empty parts dropped."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def url(name: str, default: str, *, schemes: set[str]) -> str:
    value = text(name, default).strip()
    scheme = urlsplit(value).scheme
    if scheme not in schemes:
        raise _refuse(name, value.split("@")[-1], f"an address that begins with one of {', '.join(sorted(schemes))}")
    return value
