"""The files that segments were filled from."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from portal.models import SheetRow, SheetUpload
from segments.models.groups import Segment


class Upload(SheetUpload):
    """A CSV of customers to add to a segment."""

    segment = models.ForeignKey(Segment, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    include_removed = models.BooleanField(
        default=False, help_text="Also add customers who were removed from the segment by hand."
    )
    undone_at = models.DateTimeField(null=True)
    undone_to = models.BigIntegerField(default=0, help_text="The line up to which the import was taken back.")

    class Meta(SheetUpload.Meta):
        indexes = [models.Index(fields=["store", "segment", "-id"], name="upload_latest")]
        constraints = [models.UniqueConstraint(fields=["store", "segment", "form_token"], name="upload_form_once")]

    def get_absolute_url(self) -> str:
        return reverse("segments:upload_detail", args=(self.store.slug, self.segment_id, self.pk))


class UploadVerdict(models.TextChoices):
    """What became of a row of an upload; before the import, what will."""

    PENDING = "pending", "Not looked at yet"
    MATCHED = "matched", "Matched"
    ADDED = "added", "Added"
    ALREADY = "already", "Already in the segment"
    KEPT_OUT = "kept_out", "Removed by hand before"
    UNMATCHED = "unmatched", "No customer with this e-mail"
    ERASED = "erased", "Erased person"
    REPEATED = "repeated", "Again later in the file"
    INVALID = "invalid", "Invalid"


class UploadRow(SheetRow):
    Verdict = UploadVerdict

    upload = models.ForeignKey(
        Upload, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    name = models.CharField(max_length=255, blank=True)
    phone = models.CharField(max_length=50, blank=True)

    class Meta(SheetRow.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "upload", "line"], name="upload_row_line_once")]
        indexes = [models.Index(fields=["store", "upload", "email_key", "line"], name="upload_row_person")]
