"""Typed readers of environment variables; each refuses what it cannot understand, by name."""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
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
    """An address that begins with one of `schemes`; nothing at all where that is the default."""
    value = text(name, default).strip()
    if not value and not default:
        return ""
    scheme = urlsplit(value).scheme
    if scheme not in schemes:
        raise _refuse(name, value.split("@")[-1], f"an address that begins with one of {', '.join(sorted(schemes))}")
    return value


def networks(name: str) -> list[tuple[IPv4Network | IPv6Network, int]]:
    """A comma-separated list of IP addresses or networks with a port: 10.1.2.3:443, 10.0.0.0/8:443, [fd00::1]:443."""
    return [_network(name, word) for word in words(name)]


def _network(name: str, word: str) -> tuple[IPv4Network | IPv6Network, int]:
    address, _, port = word.rpartition(":")
    try:
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(port)
        return ip_network(address.removeprefix("[").removesuffix("]")), int(port)
    except ValueError as error:
        raise _refuse(name, word, "an IP address or network with a port, like 10.1.2.3:443") from error
