"""Groups of customers, who is in them and by what, and how that changed."""

from __future__ import annotations

import unicodedata
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Concat, Lower
from django.urls import reverse
from django.utils import timezone

from portal.models.audit import AppendOnlyManager, AppendOnlyQuerySet
from portal.tenancy import BulkStoreModel, StoreModel


def name_key(name: str) -> str:
    """What two segment names are compared by: spaces, case and Unicode form do not tell them apart."""
    folded = unicodedata.normalize("NFC", " ".join(name.split())).casefold()
    return unicodedata.normalize("NFC", folded)


class Source(models.IntegerChoices):
    """What holds a customer in a segment; a membership carries the sum of those that do."""

    MANUAL = 1, "By hand"
    UPLOAD = 2, "CSV import"
    EXTERNAL = 4, "External segment"
    EXPERIENCE = 8, "Subscription Experience"
    RULE = 16, "Rule"

    @classmethod
    def labels_of(cls, sources: int) -> list[str]:
        """The names of the sources that the sum `sources` is made of."""
        return [source.label for source in cls if sources & source]


class Segment(StoreModel):
    """A named group of a store's customers.

    `member_count`, `sources` (those that ever held members), `version` and `updated_at` are written by the
    membership door alone, with the members themselves.
    A deleted segment disappears for people at once, while a job empties it.
    """

    Source = Source

    name = models.CharField(max_length=255)
    # One letter can be three when case is folded.
    name_key = models.CharField(max_length=3 * 255, editable=False)
    description = models.CharField(max_length=500, blank=True, default="")
    member_count = models.BigIntegerField(default=0, editable=False)
    sources = models.PositiveSmallIntegerField(default=0, editable=False)
    version = models.BigIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(
        "portal.User", on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    class Meta(StoreModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["store", "name_key"], condition=Q(deleted_at=None), name="segment_name_once_a_store"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name = self.name.strip()
        self.name_key = name_key(self.name)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("segments:detail", args=(self.store.slug, self.pk))

    @property
    def filled_by(self) -> list[str]:
        return Source.labels_of(self.sources)


class Membership(BulkStoreModel):
    """A customer in a segment. Written by `segments.membership` alone."""

    segment = models.ForeignKey(
        Segment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    sources = models.PositiveSmallIntegerField(help_text="The sum of the sources that hold the customer here.")
    added_at = models.DateTimeField()
    entered_in = models.BigIntegerField(help_text="The segment's version that brought the customer in.")
    added_by = models.ForeignKey(
        "portal.User", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    upload = models.ForeignKey(
        "segments.Upload", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    name = models.CharField(max_length=255, blank=True, default="", help_text="As the upload said.")
    phone = models.CharField(max_length=50, blank=True, default="", help_text="As the upload said.")
    said = models.GeneratedField(
        expression=Lower(Concat(F("name"), Value(" "), F("phone"))), output_field=models.TextField(), db_persist=True
    )

    class Meta(BulkStoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "segment", "customer"], name="member_once_a_segment")]
        indexes = [
            models.Index(fields=["store", "customer", "segment"], name="membership_of_customer"),
            models.Index(fields=["store", "segment", "added_at", "id"], name="membership_by_time"),
            models.Index(
                fields=["store", "upload", "customer"], name="membership_of_upload", condition=Q(upload__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"customer {self.customer_id} in segment {self.segment_id}"

    @property
    def held_by(self) -> list[str]:
        return Source.labels_of(self.sources)


class Exclusion(BulkStoreModel):
    """A customer removed by hand: nothing brings the person back until added by hand again."""

    segment = models.ForeignKey(
        Segment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    excluded_at = models.DateTimeField()
    excluded_by = models.ForeignKey(
        "portal.User", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )

    class Meta(BulkStoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "segment", "customer"], name="excluded_once_a_segment")]

    def __str__(self) -> str:
        return f"customer {self.customer_id} kept out of segment {self.segment_id}"


class MembershipChange(BulkStoreModel):
    """A customer entered or left a segment: by what, by whom, when. Rows are only ever added while the segment is."""

    class Kind(models.IntegerChoices):
        ENTERED = 1, "Entered"
        LEFT = 2, "Left"

    segment = models.ForeignKey(
        Segment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.PositiveSmallIntegerField(choices=Kind.choices)
    source = models.PositiveSmallIntegerField(choices=Source.choices)
    actor = models.ForeignKey(
        "portal.User", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    job = models.ForeignKey(
        "portal.Job", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    upload = models.ForeignKey(
        "segments.Upload", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    at = models.DateTimeField()

    objects: ClassVar[AppendOnlyManager] = AppendOnlyManager()
    everywhere: ClassVar[models.Manager[Any]] = models.Manager.from_queryset(AppendOnlyQuerySet)()

    class Meta(BulkStoreModel.Meta):
        indexes = [
            models.Index(fields=["store", "customer", "-at", "-id"], name="change_of_customer"),
            models.Index(fields=["store", "segment", "-at", "-id"], name="change_of_segment"),
        ]

    def __str__(self) -> str:
        return f"customer {self.customer_id} {self.get_kind_display().lower()} segment {self.segment_id}"


class SegmentDay(BulkStoreModel):
    """A segment's size at the end of a day of the store's calendar, and how many entered and left on it. Days on
    which nothing happened have no row."""

    segment = models.ForeignKey(
        Segment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    day = models.DateField()
    size = models.BigIntegerField(default=0)
    entered = models.BigIntegerField(default=0)
    left = models.BigIntegerField(default=0)

    class Meta(BulkStoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "segment", "day"], name="segment_day_once")]

    def __str__(self) -> str:
        return f"segment {self.segment_id} on {self.day}"
