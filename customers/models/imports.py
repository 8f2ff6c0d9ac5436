"""The files that customers were imported from."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from portal.models import SheetRow, SheetUpload


class ImportKind(models.TextChoices):
    """What the rows of a file are."""

    CUSTOMERS = "customers", "Customers"
    ORDERS = "orders", "Orders"
    SUBSCRIPTIONS = "subscriptions", "Subscriptions"
    EVENTS = "events", "Events"


class CustomerImport(SheetUpload):
    """A file of customers, which creates those who are new and updates those who are here; or of what customers
    bought, subscribed to or did."""

    Kind = ImportKind

    kind = models.CharField(max_length=20, choices=ImportKind.choices, default=ImportKind.CUSTOMERS)
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
    OLDER = "older", "Older than what is known"
    UNMATCHED = "unmatched", "Nobody's here"
    JOINED = "joined", "More of a row above"
    ERASED = "erased", "Erased person"
    REPEATED = "repeated", "Again later in the file"
    INVALID = "invalid", "Invalid"


class CustomerImportRow(SheetRow):
    """A row of a customer file, its cells typed; NULL or '' where the cell was empty.

    What it says of an order, a subscription or an event stands in `said`, and `key` is what that is known by in the
    file: rows of one order bear the same.
    """

    Verdict = ImportVerdict

    upload = models.ForeignKey(
        CustomerImport, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    first_name = models.CharField(max_length=150, blank=True, db_default="")
    last_name = models.CharField(max_length=150, blank=True, db_default="")
    phone = models.CharField(max_length=50, blank=True, db_default="")
    signed_up_at = models.DateTimeField(null=True)
    acquisition_channel = models.CharField(max_length=50, blank=True, db_default="")
    tags = models.JSONField(null=True)
    attributes = models.JSONField(null=True)
    shopify_id = models.CharField(max_length=50, blank=True, db_default="")
    recharge_id = models.CharField(max_length=50, blank=True, db_default="")
    marketing_consent = models.CharField(max_length=20, blank=True, db_default="")
    key = models.CharField(max_length=100, blank=True, db_default="")
    said = models.JSONField(null=True)

    class Meta(SheetRow.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "upload", "line"], name="import_row_line_once")]
        indexes = [
            models.Index(fields=["store", "upload", "email_key", "line"], name="import_row_person"),
            models.Index(fields=["store", "upload", "key", "line"], condition=~models.Q(key=""), name="import_row_key"),
        ]
