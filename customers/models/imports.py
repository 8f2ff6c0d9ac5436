"""The files that customers were imported from."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from portal.models import SheetRow, SheetUpload


class CustomerImport(SheetUpload):
    """A file of customers: creates those who are new, updates those who are here."""

    source = models.CharField(max_length=20, help_text="Whose layout the file has: template, shopify, recharge, other.")
    change_consent = models.BooleanField(
        default=False, help_text="Also change the marketing consent of customers who are here already."
    )

    class Meta(SheetUpload.Meta):
        indexes = [models.Index(fields=["store", "-id"], name="customer_import_latest")]
        constraints = [models.UniqueConstraint(fields=["store", "form_token"], name="import_form_once")]

    def get_absolute_url(self) -> str:
        return reverse("customers:import_detail", args=(self.store.slug, self.pk))


class ImportVerdict(models.TextChoices):
    """What became of a row; before the import is confirmed, what will."""

    PENDING = "pending", "Not looked at yet"
    CREATED = "created", "New customer"
    UPDATED = "updated", "Customer updated"
    UNCHANGED = "unchanged", "Nothing new"
    ERASED = "erased", "Erased person"
    REPEATED = "repeated", "Again later in the file"
    INVALID = "invalid", "Invalid"


class CustomerImportRow(SheetRow):
    """A row of a customer file, its cells typed; NULL or '' where the cell was empty."""

    Verdict = ImportVerdict

    upload = models.ForeignKey(
        CustomerImport, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    phone = models.CharField(max_length=50, blank=True)
    signed_up_at = models.DateTimeField(null=True)
    acquisition_channel = models.CharField(max_length=50, blank=True)
    tags = models.JSONField(null=True)
    attributes = models.JSONField(null=True)
    shopify_id = models.CharField(max_length=50, blank=True)
    recharge_id = models.CharField(max_length=50, blank=True)
    marketing_consent = models.CharField(max_length=20, blank=True)

    class Meta(SheetRow.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "upload", "line"], name="import_row_line_once")]
        indexes = [models.Index(fields=["store", "upload", "email_key", "line"], name="import_row_person")]
