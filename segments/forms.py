"""Forms of segments: naming one, filling it, bringing a file, deleting."""

from __future__ import annotations

import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html

from portal.forms_base import CustomerEmailField, StoreForm
from portal.sheet_pages import SheetForm
from segments import queries
from segments.models import Segment

NAME_LENGTH = Segment._meta.get_field("name").max_length


def name_taken(segment: Segment | None) -> str:
    """What to say when `segment` holds the wished name already."""
    if segment is None:
        return "There is a segment with this name already. Choose another name."
    link = format_html('<a href="{}">{}</a>', segment.get_absolute_url(), segment.name)
    return format_html("There is a segment with this name already: {}. Choose another name.", link)


class SegmentNameForm(StoreForm):
    name = forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the segment a name."},
    )

    def __init__(self, *args: Any, segment: Segment | None = None, **kwargs: Any) -> None:
        self.segment = segment
        super().__init__(*args, **kwargs)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if not any(unicodedata.category(character)[0] not in "CZM" for character in name):
            raise ValidationError("Give the segment a name that can be seen.")
        if any(unicodedata.category(character) == "Cc" for character in name):
            raise ValidationError("The name holds a character that cannot be shown.")
        other = queries.by_name(self.store, name)
        if other is not None and other != self.segment:
            raise ValidationError(name_taken(other))
        return name


class DescribeForm(SegmentNameForm):
    """Name and description, with what they were when the form was opened, so that nobody's change is lost."""

    description = forms.CharField(
        required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3}), help_text="What the segment is for."
    )
    seen_name = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)
    seen_description = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    @classmethod
    def of(cls, segment: Segment, data: Any = None) -> DescribeForm:
        now = {"name": segment.name, "description": segment.description}
        seen = {f"seen_{field}": value for field, value in now.items()}
        return cls(data, store=segment.store, segment=segment, initial=now | seen)

    @property
    def seen(self) -> tuple[str, str]:
        # A browser sends line breaks its own way.
        return self.cleaned_data["seen_name"], self.cleaned_data["seen_description"].replace("\r\n", "\n")

    def tell_conflict(self, now: Segment, editor: str) -> None:
        """Say what the segment is by now, and take that as seen: saving once more replaces it knowingly."""
        said = f"It is called “{now.name}” now"
        said += f", with the description “{now.description}”." if now.description else ", without a description."
        self.add_error(None, f"{editor} changed this segment meanwhile. {said} Save again to replace that.")
        self.data = {**dict(self.data.items()), "seen_name": now.name, "seen_description": now.description}

    def clean_description(self) -> str:
        description: str = self.cleaned_data["description"].replace("\r\n", "\n")
        return description


class AddCustomerForm(StoreForm):
    email = CustomerEmailField(
        label="Customer's email address", help_text="Only people who are customers already can be added to a segment."
    )


class UploadForm(SheetForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            "file"
        ].help_text = "CSV or Excel (.xlsx), with a column of e-mail addresses. Names and phone numbers are read too."


class ImportForm(StoreForm):
    include_removed = forms.BooleanField(
        required=False, label="Also add those who were removed from this segment by hand before"
    )
