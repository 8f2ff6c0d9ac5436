"""HTML that is written fast is the HTML that Django would write."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.functional import lazystr
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from portal.markup import fill, safe


class Drawn:
    def __html__(self) -> str:
        return "<b>drawn</b>"


VALUES = [
    "plain", "<b class='x'>&\"", mark_safe("<i>safe</i>"), "", 0, 1_234, -7, True, None, 1.5, lazystr("<lazy>"),
    Drawn(), "{not a place}", ["<list>"],
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_what_is_written_is_what_django_writes(value: Any) -> None:
    assert safe(value) == conditional_escape(value)
    assert fill('<a title="{}">{named}</a>', value, named=value) == format_html(
        '<a title="{}">{named}</a>', value, named=value
    )


def test_what_was_filled_in_is_safe_and_is_not_escaped_again() -> None:
    once = fill("<b>{}</b>", "<")
    assert isinstance(once, SafeString)
    assert fill("{}", once) == "<b>&lt;</b>"
