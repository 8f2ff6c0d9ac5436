"""Forms of outside segments: connecting an account, how a segment is synced, deciding, unlinking."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal.forms_base import EditForm, StoreForm
from segments.external import schedule
from segments.models import ExternalLink
from segments.sources import source_of
from segments.sources.base import Credential

LONGEST_CREDENTIAL = 500
_TYPABLE = re.compile(r"[\x21-\x7e]+")


class ConnectForm(StoreForm):
    """The credentials that a source asks for. What is secret is never shown again, not even after a mistake."""

    def __init__(self, *args: Any, source: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.credentials = source_of(source).credentials
        for credential in self.credentials:
            self.fields[credential.name] = _field(credential)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        for credential in self.credentials:
            text = values.get(credential.name, "")
            if text and not _TYPABLE.fullmatch(text):
                said = f"No {credential.label} holds a space or a letter with an accent. Copy it once more, whole."
                self.add_error(credential.name, ValidationError(said))
        return values


def _field(credential: Credential) -> forms.Field:
    attrs = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    return forms.CharField(
        label=credential.label,
        max_length=LONGEST_CREDENTIAL,
        help_text=credential.help_text,
        widget=(forms.PasswordInput if credential.is_secret else forms.TextInput)(attrs=attrs),
        error_messages={"required": f"Paste the {credential.label} here."},
    )


class SyncSettingsForm(EditForm):
    daily = forms.BooleanField(required=False, label="Sync daily")
    brake_percent = forms.IntegerField(
        label="Hold a sync that removes more than this share of members (%)",
        min_value=0,
        max_value=100,
        error_messages=dict.fromkeys(("min_value", "max_value", "invalid"), "Use a whole number from 0 to 100."),
    )
    brake_people = forms.IntegerField(
        label="… and more than this many members",
        min_value=0,
        max_value=1_000_000_000,
        error_messages=dict.fromkeys(("min_value", "max_value", "invalid"), "Use a whole number, 0 or more."),
    )

    @classmethod
    def of(cls, link: ExternalLink, data: Any = None) -> SyncSettingsForm:
        """The form of a link, which stands at how it is synced now."""
        now = {
            "daily": link.is_synced_daily,
            "brake_percent": link.brake_percent,
            "brake_people": link.brake_people,
        }
        form = cls(data, store=link.store, initial=now)
        at = f"{schedule.time_of_day(link.connection):%H:%M} ({link.store.time_zone})"
        form.fields["daily"].help_text = f"Once on each day of the store, at about {at}."
        return form


class ApproveForm(StoreForm):
    """The second step of approving: one has to say that one means it."""

    meant = forms.BooleanField(error_messages={"required": "Tick this first, if you mean it."})

    def __init__(self, *args: Any, said: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["meant"].label = said


KEEP, LET_GO = "keep", "let-go"


class UnlinkForm(StoreForm):
    members = forms.ChoiceField(
        choices=[(KEEP, "Keep"), (LET_GO, "Let go")],
        error_messages={"required": "Choose one of these.", "invalid_choice": "Choose one of these."},
    )
