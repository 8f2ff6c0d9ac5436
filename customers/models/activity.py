"""What customers do: events, and by what names those who do them are known."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from customers.activity_names import CAMPAIGN
from customers.models.people import Customer
from portal.tenancy import BulkStoreModel

NAME_LENGTH = 255
DIGEST_LENGTH = 32


class EventTime(models.IntegerChoices):
    """What was done to the time that came with an event."""

    AS_SENT = 0, "As sent"
    CORRECTED = 1, "Corrected by the clock of the sender"
    FUTURE = 2, "Lay ahead, so that the time of arrival stands for it"
    MISSING = 3, "Was not sent, so that the time of arrival stands for it"


class Event(BulkStoreModel):
    """Something that happened, once: `message_key` is made of what its source knows it by.

    `visitor` is who did it, as a digest of the source's own name for the person; the customer is not known until that
    name is. Two indexes beside the primary key, and those of few rows: each costs more than the writing of the row.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    visitor = models.CharField(max_length=DIGEST_LENGTH, blank=True, default="")
    name = models.CharField(max_length=NAME_LENGTH)
    occurred_at = models.DateTimeField(help_text="When it happened, as far as is known; what metrics count by.")
    received_at = models.DateTimeField(default=timezone.now)
    time_is = models.PositiveSmallIntegerField(choices=EventTime.choices, default=EventTime.AS_SENT)
    session_id = models.BigIntegerField(null=True, help_text="The start of the session in ms, where one was told.")
    properties = models.JSONField(default=dict)
    message_key = models.CharField(max_length=DIGEST_LENGTH)
    way_in = models.ForeignKey(
        "customers.WayIn", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )

    class Meta(BulkStoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "message_key"], name="event_once")]
        indexes = [
            models.Index(
                fields=["store", "customer", "name", "occurred_at"],
                condition=Q(customer__isnull=False),
                name="event_of_customer",
            ),
            models.Index(fields=["store", "visitor"], condition=Q(customer__isnull=True), name="event_of_visitor"),
            models.Index(
                fields=["store", "customer"],
                condition=Q(customer__isnull=False, properties__has_key=CAMPAIGN),
                name="event_with_campaign",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Visitor(BulkStoreModel):
    """A name that a source has for somebody (a digest of kind and value), and who that is."""

    digest = models.CharField(max_length=DIGEST_LENGTH)
    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    same_as = models.CharField(
        max_length=DIGEST_LENGTH, blank=True, default="", help_text="The name that this one goes by since."
    )
    known_at = models.DateTimeField(default=timezone.now)

    class Meta(BulkStoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "digest"], name="visitor_once")]
        indexes = [
            models.Index(fields=["store", "customer"], name="visitor_of_customer"),
            models.Index(fields=["store", "same_as"], condition=~Q(same_as=""), name="visitor_of_name"),
        ]

    def __str__(self) -> str:
        return self.digest


class TouchedCustomer(BulkStoreModel):
    """A customer of whom something changed that metrics are made of. Rows are only added, and taken away once the
    metrics were made anew: the same customer may stand here many times."""

    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta(BulkStoreModel.Meta):
        indexes = [models.Index(fields=["store", "id"], name="touched_in_order")]

    def __str__(self) -> str:
        return f"customer {self.customer_id}"
