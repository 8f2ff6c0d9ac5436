"""Template tags that draw Django forms with labels, help and errors tied to their controls."""

from __future__ import annotations

from typing import Any

from django import forms, template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()

_CHOICES = (forms.RadioSelect, forms.CheckboxSelectMultiple)


def _kind(widget: forms.Widget) -> str:
    if isinstance(widget, _CHOICES):
        return "choices"
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    if isinstance(widget, forms.FileInput):
        return "file"
    return "control"


def _control_class(widget: forms.Widget, *, invalid: bool) -> str:
    base = "form-control"
    if isinstance(widget, forms.CheckboxInput):
        base = "form-check-input"
    elif isinstance(widget, forms.Select):
        base = "form-select"
    return " ".join(filter(None, (base, widget.attrs.get("class", ""), "is-invalid" if invalid else "")))


def control_of(bound: BoundField, **attrs: Any) -> SafeString:
    """The control of `bound` alone, in the portal's look; `attrs` are further attributes of it."""
    widget = bound.field.widget
    look = {"class": _control_class(widget, invalid=bool(bound.errors))}
    return bound.as_widget(attrs=look | {name.replace("_", "-"): value for name, value in attrs.items()})


def _set_help(bound: BoundField, given: str | None) -> None:
    # Django ties the help to the control by aria-describedby, so it has to know which help is shown.
    if given is not None:
        bound.help_text = given


@register.inclusion_tag("components/field.html")
def field(
    bound: BoundField,
    *,
    label: str = "",
    help: str | None = None,  # noqa: A002 - reads as help="…" in templates
    hide_label: bool = False,
    switch: bool = False,
    **attrs: Any,
) -> dict[str, Any]:
    """One field with label, control, help and errors; `attrs` go on the control, `_` in their names becomes `-`.

    `label` and `help` take the place of the form's own; an empty `help` leaves it out.
    """
    _set_help(bound, help)
    kind = _kind(bound.field.widget)
    return {
        "bound": bound,
        "kind": kind,
        "label": label or bound.label,
        "help_text": bound.help_text,
        "hide_label": hide_label,
        "switch": switch,
        "optional": not bound.field.required and kind == "control",
        "control": None if kind == "choices" else control_of(bound, **attrs),
        "options": list(bound) if kind == "choices" else [],
    }


@register.inclusion_tag("components/dropzone.html")
def file_drop(
    bound: BoundField,
    *,
    label: str = "",
    help: str | None = None,  # noqa: A002
    most_bytes: int | None = None,
) -> dict[str, Any]:
    """A file field as a place to drop a file on; a file above `most_bytes` is refused before it is sent."""
    _set_help(bound, help)
    return {
        "bound": bound,
        "label": label or bound.label,
        "help_text": bound.help_text,
        "most_bytes": most_bytes,
        "control": control_of(bound),
    }


@register.inclusion_tag("components/combobox.html")
def suggest_field(
    bound: BoundField,
    url: str,
    *,
    label: str = "",
    help: str | None = None,  # noqa: A002
) -> dict[str, Any]:
    """A text field with suggestions from `url` (asked with ?q=), to be picked by keyboard or pointer."""
    _set_help(bound, help)
    listbox = f"{bound.auto_id}_suggestions"
    control = control_of(
        bound,
        role="combobox",
        autocomplete="off",
        autocapitalize="none",
        spellcheck="false",
        aria_autocomplete="list",
        aria_expanded="false",
        aria_controls=listbox,
        data_suggest_url=url,
    )
    return {
        "bound": bound,
        "label": label or bound.label,
        "help_text": bound.help_text,
        "listbox": listbox,
        "control": control,
    }


@register.inclusion_tag("components/fields.html")
def fields(form: forms.BaseForm) -> dict[str, Any]:
    """Everything of `form`: its own errors, hidden fields and every visible field in order."""
    return {"form": form}


@register.inclusion_tag("components/form_errors.html")
def form_errors(form: forms.BaseForm) -> dict[str, Any]:
    """The errors of `form` that belong to no single field."""
    return {"errors": form.non_field_errors()}
