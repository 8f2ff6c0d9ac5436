"""Who the customers are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Concat, Lower
from django.urls import reverse
from django.utils import timezone

from portal.emails import display_email, email_key
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
            models.Index(fields=["store", "shopify_id"], condition=~Q(shopify_id=""), name="customer_at_shopify"),
            models.Index(fields=["store", "recharge_id"], condition=~Q(recharge_id=""), name="customer_at_recharge"),
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


class PersonTold(BulkStoreModel):
    """A person as a source knows them, and which customer that is; `told_at` is when the source changed them last, so
    that what it said before changes nothing any more."""

    source = models.CharField(max_length=20)
    external_id = models.CharField(max_length=50)
    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    told_at = models.DateTimeField()

    class Meta(BulkStoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "source", "external_id"], name="person_told_once")]
        indexes = [models.Index(fields=["store", "customer"], name="person_told_of_customer")]

    def __str__(self) -> str:
        return f"{self.source} {self.external_id}"
