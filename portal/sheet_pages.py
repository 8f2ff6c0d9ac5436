"""What the pages of all uploaded files share: the badge of a stage, and the choice of how a text file is read."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.forms_base import StoreForm
from portal.models import SheetUpload
from portal.sheets import Stage, read_format
from portal.tabular import DELIMITERS, ENCODINGS, EXTENSIONS
from portal.templatetags.ui import icon

STAGES = {
    Stage.CHECKING: ("accent", "loader-2", "Checking"),
    Stage.REFUSED: ("bad", "alert-circle", "Refused"),
    Stage.READY: ("accent", "file-check", "Ready to import"),
    Stage.IMPORTING: ("accent", "loader-2", "Importing"),
    Stage.FINISHED: ("good", "circle-check", "Imported"),
    Stage.UNDOING: ("accent", "loader-2", "Being undone"),
    Stage.UNDONE: ("neutral", "arrow-back-up", "Undone"),
    Stage.STOPPED: ("warn", "alert-triangle", "Stopped"),
}
NOTHING = ("neutral", "file-alert", "Nothing to import")

DELIMITER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
"""A tab does not survive in the value of a form's choice, so delimiters go by names there."""


def new_token() -> str:
    return secrets.token_hex(16)


def stage_mark(upload: SheetUpload, stage: Stage) -> SafeString:
    """The badge that says where an upload stands."""
    tone, name, text = NOTHING if stage == Stage.READY and upload.has_nothing_valid else STAGES[stage]
    return format_html('<span class="mark mark-{}" data-stage="{}">{}{}</span>', tone, stage, icon(name), text)


class SheetForm(StoreForm):
    """A file to bring; the form is told from every other, so that sent twice it is kept once."""

    file = forms.FileField(
        label="File",
        widget=forms.FileInput(attrs={"accept": ",".join(EXTENSIONS)}),
        error_messages=dict.fromkeys(("required", "missing", "invalid"), "Choose a file first.")
        | {"empty": "The file is empty."},
    )
    token = forms.RegexField(r"\A[0-9a-f]{32}\Z", required=False, widget=forms.HiddenInput, initial=new_token)

    def clean_token(self) -> str | None:
        token: str = self.cleaned_data["token"]
        return token or None


class ReadAsForm(StoreForm):
    """How a text file is read, when a person knows better."""

    encoding = forms.ChoiceField(label="Text encoding", choices=list(ENCODINGS.items()))
    delimiter = forms.ChoiceField(
        label="Columns are separated by",
        choices=[(name, DELIMITERS[delimiter]) for name, delimiter in DELIMITER_NAMES.items()],
    )

    @classmethod
    def of(cls, upload: SheetUpload, data: Any = None) -> ReadAsForm | None:
        """The form for the file, which stands at how it is read now; None for a file that leaves no choice."""
        form = read_format(upload)
        if form.kind != "csv":
            return None
        named = {delimiter: name for name, delimiter in DELIMITER_NAMES.items()}
        initial = {"encoding": form.encoding, "delimiter": named.get(form.delimiter, "comma")}
        return cls(data, store=upload.store, initial=initial)

    def clean_delimiter(self) -> str:
        return DELIMITER_NAMES[self.cleaned_data["delimiter"]]
