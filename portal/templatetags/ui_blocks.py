"""Template tags that wrap content: cards, menus, dialogs, empty states. Each renders `components/<name>.html`."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


def _render(name: str, **context: Any) -> SafeString:
    return render_to_string(f"components/{name}.html", context)


@register.simple_block_tag
def card(
    content: str,
    *,
    title: str = "",
    subtitle: str = "",
    icon: str = "",
    flush: bool = False,
    css: str = "",
    level: int = 2,
    anchor: str = "",
) -> SafeString:
    """A card; `flush` leaves out the inner space (for tables), `level` is that of its heading, and `anchor` what leads
    to it in an address."""
    given = {"title": title, "subtitle": subtitle, "icon": icon, "css": css, "level": level, "anchor": anchor}
    return _render("card", content=content, flush=flush, **given)


@register.simple_block_tag
def empty(content: str, *, title: str, icon: str = "inbox", level: int = 2) -> SafeString:
    """What a page says while there is nothing to show: the content tells what to do next."""
    return _render("empty", content=content, title=title, icon=icon, level=level)


@register.simple_block_tag
def menu(content: str, *, label: str, icon: str = "", css: str = "btn", end: bool = True) -> SafeString:
    """A button that opens a menu of `.dropdown-item` links and buttons, each in its own `<li>`."""
    return _render("menu", content=content, label=label, icon=icon, css=css, end=end)


@register.simple_block_tag
def row_menu(content: str, *, subject: str) -> SafeString:
    """The Action menu of a table row about `subject`; it shows on hover, focus and touch."""
    return _render("row_menu", content=content, subject=subject)


@register.simple_block_tag
def dialog(content: str, *, id: str, title: str) -> SafeString:  # noqa: A002 - it is the element's id
    """A native dialog that a `<button data-opens="id">` opens; its content holds the form with its buttons."""
    return _render("dialog", content=content, id=id, title=title)


@register.simple_block_tag
def notice(content: str, *, tone: str = "info", title: str = "", icon: str = "") -> SafeString:
    """A standing remark on the page; `tone` is info, success, warning or danger."""
    icons = {"info": "info-circle", "success": "circle-check", "warning": "alert-triangle", "danger": "alert-circle"}
    return _render("notice", content=content, tone=tone, title=title, icon=icon or icons[tone])


@register.simple_block_tag
def disclosure(content: str, *, summary: str, opened: bool = False) -> SafeString:
    """Content that opens below its `summary` line."""
    return _render("disclosure", content=content, summary=summary, opened=opened)


@register.simple_block_tag
def toolbar(content: str) -> SafeString:
    """A row of buttons that wraps on narrow screens."""
    return _render("toolbar", content=content)
