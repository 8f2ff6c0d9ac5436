"""Who the customers are, and the files that they were imported from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Concat, Lower
from django.urls import reverse
from django.utils import timezone

from portal.emails import display_email, email_key
from portal.models import SheetRow, SheetUpload
from portal.tenancy import BulkStoreModel, StoreModel


class Consent(models.TextChoices):
    UNKNOWN = "unknown", "Not asked"
    SUBSCRIBED = "subscribed", "Subscribed"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"


class CustomerRegister(StoreModel):
    """All customers of a store taken together: the row that is held while any of them is added or changed.

    `version` goes up each time, so that whoever read customers can tell later that nothing has changed since; and each
    customer bears the version of the last change, so that whoever keeps up with them asks for those above the last one
    seen. Because the row is held, no change becomes visible after a later one.
    """

    store = models.OneToOneField(
        "portal.Store", on_delete=models.CASCADE, primary_key=True, related_name="+", editable=False
    )
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"customers of store {self.store_id}, version {self.version}"


class Customer(BulkStoreModel):
    """A person who buys from the store, recognised by the e-mail address."""

    Consent = Consent

    email = models.CharField("e-mail", max_length=254, help_text="As typed; email_key is what is compared.")
    email_key = models.CharField(max_length=254, editable=False)
    first_name = models.CharField(max_length=150, blank=True, default="")
    last_name = models.CharField(max_length=150, blank=True, default="")
    phone = models.CharField(max_length=50, blank=True, default="")
    signed_up_at = models.DateTimeField("signed up", default=timezone.now)
    acquisition_channel = models.CharField(max_length=50, blank=True, default="")
    tags = models.JSONField(default=list, blank=True, help_text="A list of words.")
    attributes = models.JSONField(default=dict, blank=True, help_text="Whatever else is known, by name.")
    shopify_id = models.CharField("Shopify id", max_length=50, blank=True, default="")
    recharge_id = models.CharField("Recharge id", max_length=50, blank=True, default="")
    klaviyo_id = models.CharField("Klaviyo id", max_length=50, blank=True, default="")
    marketing_consent = models.CharField(max_length=20, choices=Consent.choices, default=Consent.UNKNOWN)
    last_import = models.ForeignKey(
        "customers.CustomerImport",
        on_delete=models.DO_NOTHING,
        null=True,
        editable=False,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="The file that last created or changed this customer.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_in = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="The register's version with which it was last changed."
    )
    erased_at = models.DateTimeField(null=True, editable=False)
    sort_name = models.GeneratedField(
        expression=Lower(Concat(F("last_name"), Value(" "), F("first_name"))),
        output_field=models.CharField(max_length=301),
        db_persist=True,
    )
    search_text = models.GeneratedField(
        expression=Lower(
            Concat(F("email"), Value(" "), F("first_name"), Value(" "), F("last_name"), Value(" "), F("phone"))
        ),
        output_field=models.TextField(),
        db_persist=True,
    )

    class Meta(BulkStoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "email_key"], name="customer_email_once_a_store")]
        indexes = [
            models.Index(fields=["store", "sort_name", "id"], name="customer_by_name"),
            models.Index(fields=["store", "signed_up_at", "id"], name="customer_by_signup"),
            models.Index(fields=["store", "changed_at", "id"], name="customer_by_change"),
            models.Index(fields=["store", "changed_in"], name="customer_by_version"),
        ]

    def __str__(self) -> str:
        return self.email or f"Customer {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("customers:detail", args=(self.store.slug, self.pk))

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = display_email(self.email)
        self.email_key = email_key(self.email)
        super().save(*args, **kwargs)

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def tenure(self) -> timedelta:
        return timezone.now() - self.signed_up_at


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


class FormerAddress(BulkStoreModel):
    """An address that a customer had before: files that came then name the person by it."""

    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    email = models.CharField(max_length=254)
    email_key = models.CharField(max_length=254)
    until = models.DateTimeField(default=timezone.now)

    class Meta(BulkStoreModel.Meta):
        verbose_name_plural = "former addresses"
        indexes = [
            models.Index(fields=["store", "customer"], name="former_address_of"),
            models.Index(fields=["store", "email_key"], name="former_address_key"),
        ]

    def __str__(self) -> str:
        return self.email


class Erasure(StoreModel):
    """A person was taken out for good: who asked for it, when, and how much went. Kept as the proof, without a word on
    who it was but the number that the customer had."""

    customer_id = models.BigIntegerField(null=True, help_text="The number of the customer, if the person was one.")
    asked_by = models.ForeignKey("portal.User", on_delete=models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    lifted_at = models.DateTimeField(null=True, help_text="When the person asked to come back.")
    subject = models.JSONField(
        default=dict, help_text="What the person is looked for by while the work lasts; emptied with its end."
    )
    counts = models.JSONField(default=dict, help_text="Place → how much was taken away there.")

    class Meta(StoreModel.Meta):
        indexes = [models.Index(fields=["store", "-id"], name="erasure_latest")]

    def __str__(self) -> str:
        return f"Customer {self.customer_id}" if self.customer_id else f"Person {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("customers:erasure", args=(self.store.slug, self.pk))


class ErasedIdentity(StoreModel):
    """A keyed hash of what an erased person is recognised by, so that nothing brings the person back unasked."""

    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    digest = models.CharField(max_length=64)

    class Meta(StoreModel.Meta):
        verbose_name_plural = "erased identities"
        constraints = [models.UniqueConstraint(fields=["store", "kind", "digest"], name="erased_once_a_store")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.erasure}"
