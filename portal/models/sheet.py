from __future__ import annotations

import uuid
from pathlib import PurePath
from typing import Any

from django.db import models
from django.utils import timezone

from portal.tenancy import BulkStoreModel, StoreModel

FOLDER = "sheets"


def stored_name(upload: Any, filename: str) -> str:
    """Where an uploaded file is kept: a random name, so that nothing of what the person typed reaches the disk."""
    return f"{FOLDER}/{uuid.uuid4().hex}{PurePath(filename).suffix.lower()[:8]}"


class SheetUpload(StoreModel):
    """A file of people that was uploaded: checked first, imported when confirmed, reported row by row.

    Whether it is being checked or imported is told by its jobs; the times here say what has been completed.
    """

    file = models.FileField(upload_to=stored_name, max_length=200)
    filename = models.CharField(max_length=255, help_text="As the person's computer called it.")
    size = models.BigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    format = models.JSONField(default=dict, help_text="How the file is read: kind, encoding, delimiter, description.")
    headers = models.JSONField(default=list)
    mapping = models.JSONField(default=dict, help_text="Field → index of the file's column.")
    row_count = models.BigIntegerField(null=True)
    applied_to = models.BigIntegerField(default=0, help_text="The line up to which the import has come.")
    counts = models.JSONField(default=dict, help_text="Rows by verdict: of the check, then of the import.")
    judged_in = models.JSONField(
        null=True,
        help_text="The versions of all that the check's verdicts rest on; null if these changed meanwhile.",
    )
    refusal = models.TextField(blank=True, help_text="Why the file was refused whole.")
    form_token = models.CharField(
        max_length=32, null=True, help_text="Of the form that sent it: sent twice, kept once."
    )
    created_by = models.ForeignKey("portal.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(StoreModel.Meta):
        abstract = True

    def __str__(self) -> str:
        return self.filename

    @property
    def has_nothing_valid(self) -> bool:
        """Whether the file was checked and has no row that could be imported."""
        return self.row_count == self.counts.get("invalid", 0)


class SheetRow(BulkStoreModel):
    """A row of an uploaded file: what it said and what became of it. It is staging while the file is worked on, and
    the report afterwards."""

    line = models.BigIntegerField(help_text="Line of the file, or row of the sheet, counted from 1.")
    email = models.CharField(max_length=255, blank=True, help_text="As in the file.")
    email_key = models.CharField(max_length=254, blank=True)
    customer_id = models.BigIntegerField(null=True)
    verdict = models.CharField(max_length=20)
    reason = models.CharField(max_length=255, blank=True)

    class Meta(BulkStoreModel.Meta):
        abstract = True
