"""People who were taken out for good, and what keeps them from coming back unasked."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils import timezone

from portal.tenancy import StoreModel


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
