"""Template tags of the pages: icons, times, numbers, people; see `ui_blocks` for tags that wrap content."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from portal.markup import fill

register = template.Library()

SPRITE = "vendor/tabler-icons-3.48.0/tabler-icons.svg"
AVATAR_TONES = 6
MINUS = "\N{MINUS SIGN}"
STATE_LOOKS = {
    "queued": ("neutral", "hourglass"),
    "running": ("accent", "loader-2"),
    "succeeded": ("good", "circle-check"),
    "failed": ("bad", "alert-circle"),
    "cancelled": ("neutral", "ban"),
}


@register.simple_tag
def icon(name: str, *, label: str = "", css: str = "") -> SafeString:
    """An icon of the sprite; decoration unless `label` gives it a name that is read out."""
    return _icon(name, label, css)


@lru_cache(maxsize=500)
def _icon(name: str, label: str, css: str) -> SafeString:
    spoken = format_html('aria-hidden="{}"', "true")
    if label:
        spoken = format_html('role="img" aria-label="{}"', label)
    return format_html(
        '<svg class="icon{}" width="24" height="24" {}><use href="{}#{}"></use></svg>',
        f" {css}" if css else "",
        spoken,
        static(SPRITE),
        name,
    )


@register.simple_tag
def when(value: datetime | None, empty: str = "Never") -> SafeString | str:
    """How long ago or when, in the current time zone, with the exact time on hover; `empty` stands for None."""
    if not value:
        return empty
    local = timezone.localtime(value)
    return _time(local, humane(local, now=timezone.now()))


@register.simple_tag
def exact_time(value: datetime | None, empty: str = "Never") -> SafeString | str:
    """Day and minute in the current time zone, with second and zone on hover."""
    if not value:
        return empty
    local = timezone.localtime(value)
    return _time(local, f"{_day(local)}, {local:%H:%M}")


def humane(value: datetime, *, now: datetime) -> str:
    """`value` in words relative to `now`: minutes and hours when close, else the day in the current time zone."""
    gap = now - value
    if timedelta(0) <= gap < timedelta(seconds=60):
        return "Just now"
    if timedelta(0) <= gap < timedelta(hours=1):
        return f"{gap.seconds // 60} min ago"
    local = timezone.localtime(value)
    if abs(gap) < timedelta(days=3) and (name := _NEAR.get((local.date() - timezone.localtime(now).date()).days)):
        return f"{name}, {local:%H:%M}"
    return _day(local)


_NEAR = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}


def _time(local: datetime, text: str) -> SafeString:
    exact = f"{_day(local)}, {local:%H:%M:%S} ({timezone.get_current_timezone_name()})"
    return fill('<time datetime="{}" title="{}">{}</time>', local.isoformat(timespec="seconds"), exact, text)


def _day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


@register.filter
def grouped(value: int | None) -> str:
    """A whole number with its thousands set apart; a dash for None."""
    return "\N{EN DASH}" if value is None else f"{value:,}"


@register.filter
def signed(value: int | None) -> str:
    """A change with its sign: +12, −3, 0; a dash for None."""
    if value is None:
        return "\N{EN DASH}"
    sign = "+" if value > 0 else MINUS if value < 0 else ""
    return f"{sign}{abs(value):,}"


@register.filter
def plain(value: int | None) -> str:
    """A number for an attribute, never grouped; empty for None."""
    return "" if value is None else str(value)


@register.filter
def counted(value: int, nouns: str) -> str:
    """`1 customer`, `1,200 customers`; `nouns` is "customer" or, for odd plurals, "person,people"."""
    one, _, many = nouns.partition(",")
    return f"{value:,} {one if value == 1 else many or one + 's'}"


@register.filter
def lasting(value: timedelta | None) -> str:
    """A length of time in its two largest parts: 4 s, 2 min 5 s, 3 h 12 min; a dash for None."""
    if value is None:
        return "\N{EN DASH}"
    minutes, seconds = divmod(int(value.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


@register.filter
def file_size(value: int) -> str:
    """Bytes in the unit people read: 812 bytes, 4.2 KB, 1.1 GB (powers of 1,000)."""
    if value < 1000:
        return f"{value:,} bytes"
    size = float(value)
    for unit in ("KB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} TB"


def initials(name: str) -> str:
    """One or two capitals that stand for a person's name or e-mail address."""
    words = re.findall(r"\w+", name.split("@", maxsplit=1)[0])
    letters = [word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)]
    return "".join(letters).upper() or "?"


@register.simple_tag
def avatar(name: str, *, css: str = "") -> SafeString:
    """A round badge with a person's initials, always in the same tone for the same name; decoration only."""
    tone = sum(name.casefold().encode()) % AVATAR_TONES + 1
    return fill(
        '<span class="avatar avatar-tone-{}{}" aria-hidden="true">{}</span>',
        tone,
        f" {css}" if css else "",
        initials(name),
    )


@register.filter
def highlight(text: str, query: str) -> SafeString | str:
    """`text` escaped, with every occurrence of `query` marked regardless of case."""
    if not query:
        return conditional_escape(text)
    parts = re.split(f"({re.escape(query)})", str(text), flags=re.IGNORECASE)
    return format_html_join("", "{}", ((_marked(part, at),) for at, part in enumerate(parts)))


def _marked(part: str, at: int) -> SafeString | str:
    return format_html("<mark>{}</mark>", part) if at % 2 else part


@register.inclusion_tag("components/job_state.html")
def job_state(job: Any) -> dict[str, str]:
    """The badge of a job's state, by `job.state` and `job.get_state_display`."""
    tone, icon_name = STATE_LOOKS.get(job.state, ("neutral", "circle-dashed"))
    return {"tone": tone, "icon_name": icon_name, "text": job.get_state_display(), "state": job.state}
