"""Who is at the other end of a request: the address, and the browser in words."""

from __future__ import annotations

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

IPV6_PREFIX = 64
"""What one household or machine is given: whoever has one address has all of them."""

_BROWSERS = (
    ("Edge", r"\bEdgA?/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(Firefox|FxiOS)/"),
    ("Chrome", r"\b(Chrome|CriOS|HeadlessChrome)/"),
    ("Safari", r"\bSafari/"),
)
_SYSTEMS = (
    ("Android", r"\bAndroid\b"),
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMacintosh\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Linux", r"\b(Linux|X11)\b"),
)


def address(request: HttpRequest) -> str | None:
    """The client's IP address; None where there is none. X-Forwarded-For counts behind our own proxies alone: each of
    them adds an entry at the end, and what stands before those is the visitor's own invention."""
    found = str(request.META.get("REMOTE_ADDR", ""))
    if settings.PROXY_COUNT:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        if len(forwarded) >= settings.PROXY_COUNT:
            found = forwarded[-settings.PROXY_COUNT]
    return _clean(found)


def _clean(text: str) -> str | None:
    text = text.strip()
    if bracketed := re.fullmatch(r"\[([^\]]+)\](:\d+)?", text):
        text = bracketed[1]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(found, "ipv4_mapped", None) or found)


def neighbourhood(ip: str | None) -> str:
    """The addresses that are taken for one client: a single IPv4 address, an IPv6 network of /64."""
    if ip is None or ":" not in ip:
        return ip or "unknown"
    return str(ipaddress.ip_network(f"{ip}/{IPV6_PREFIX}", strict=False))


def browser(request: HttpRequest) -> str:
    """The browser and system in words, such as "Firefox on Windows"; from the User-Agent, so it may be invented."""
    agent = request.headers.get("User-Agent", "")[:500]
    name = next((name for name, sign in _BROWSERS if re.search(sign, agent)), "")
    system = next((system for system, sign in _SYSTEMS if re.search(sign, agent)), "")
    if name and system:
        return f"{name} on {system}"
    return name or (f"A browser on {system}" if system else "An unknown browser")
