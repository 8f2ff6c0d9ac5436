"""What customers buy: products, orders with their lines, and subscriptions, as the systems that sell them tell it.

A row is known by its id at its source. The newest word of the source holds: `told_at` is when the source last changed
the row, and what was said before that changes nothing any more.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from customers.models.people import Customer
from portal.tenancy import BulkStoreModel

ID_LENGTH = 100
TITLE_LENGTH = 255


def money(**options: Any) -> models.DecimalField[Any, Any]:
    """An amount in the currency of the row; three places are what the most exact of the common currencies has."""
    return models.DecimalField(max_digits=15, decimal_places=3, **options)


class Told(BulkStoreModel):
    """A row that another system keeps, and tells of."""

    source = models.CharField(max_length=20, help_text="Who keeps it: shopify, recharge, file or demo.")
    external_id = models.CharField(max_length=ID_LENGTH)
    told_at = models.DateTimeField(help_text="When the source changed it last, as the source says.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(BulkStoreModel.Meta):
        abstract = True


class Product(Told):
    title = models.CharField(max_length=TITLE_LENGTH)
    category = models.CharField(max_length=100, blank=True, default="")
    is_box = models.BooleanField("build-a-box", default=False)
    active_subscriptions = models.BigIntegerField(default=0, db_default=0, editable=False)
    recent_orders = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="Paid ones with this product, of the last 90 days."
    )
    buyers = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="Customers who bought it or subscribed to it."
    )
    counted_at = models.DateTimeField(null=True, editable=False, help_text="When the three were counted.")

    class Meta(Told.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "source", "external_id"], name="product_once")]
        indexes = [models.Index(fields=["store", "title", "id"], name="product_by_title")]

    def __str__(self) -> str:
        return self.title


class OrderKind(models.TextChoices):
    ONE_OFF = "one_off", "One-off"
    CHECKOUT = "checkout", "First of a subscription"
    RECURRING = "recurring", "Recurring"


class OrderStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    PAID = "paid", "Paid"
    PARTIALLY_REFUNDED = "partially_refunded", "Partially refunded"
    REFUNDED = "refunded", "Refunded"
    CANCELLED = "cancelled", "Cancelled"


COUNTED = (OrderStatus.PAID, OrderStatus.PARTIALLY_REFUNDED)
"""The orders that count as bought: paid, and not given back whole."""


class Order(Told):
    Kind = OrderKind
    Status = OrderStatus

    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    number = models.CharField(max_length=ID_LENGTH, blank=True, default="", help_text="As the customer knows it.")
    kind = models.CharField(max_length=20, choices=OrderKind.choices, default=OrderKind.ONE_OFF)
    status = models.CharField(max_length=20, choices=OrderStatus.choices, default=OrderStatus.PAID)
    placed_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    subtotal = money(help_text="Of the lines, before discounts.")
    discount = money(default=0)
    total = money(help_text="Paid, with shipping and taxes.")
    refunded = money(default=0)
    discount_codes = models.CharField(max_length=255, blank=True, default="")
    channel = models.CharField(
        max_length=50, blank=True, default="", help_text="Where the customer came from, as customers.channels tells."
    )

    class Meta(Told.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "source", "external_id"], name="order_once")]
        indexes = [
            models.Index(fields=["store", "customer", "placed_at"], name="order_of_customer"),
            models.Index(fields=["store", "placed_at", "id"], name="order_by_time"),
        ]

    def __str__(self) -> str:
        return self.number or self.external_id


class OrderLine(BulkStoreModel):
    order = models.ForeignKey(Order, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    position = models.PositiveSmallIntegerField(help_text="Counted from 1.")
    product = models.ForeignKey(
        Product, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    title = models.CharField(max_length=TITLE_LENGTH)
    quantity = models.PositiveIntegerField(default=1)
    price = money(help_text="Of one, before discounts.")
    discount = money(default=0, help_text="On the whole line.")
    is_subscription = models.BooleanField(default=False)

    class Meta(BulkStoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "order", "position"], name="line_once_an_order")]
        indexes = [models.Index(fields=["store", "product", "order"], name="line_of_product")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title}"


class SubscriptionStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


class IntervalUnit(models.TextChoices):
    DAY = "day", "Days"
    WEEK = "week", "Weeks"
    MONTH = "month", "Months"
    YEAR = "year", "Years"


class Subscription(Told):
    Status = SubscriptionStatus
    IntervalUnit = IntervalUnit

    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    product = models.ForeignKey(
        Product, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    title = models.CharField(max_length=TITLE_LENGTH)
    status = models.CharField(max_length=20, choices=SubscriptionStatus.choices, default=SubscriptionStatus.ACTIVE)
    quantity = models.PositiveIntegerField(default=1)
    price = money(help_text="Of one delivery of one.")
    currency = models.CharField(max_length=3)
    interval_unit = models.CharField(max_length=10, choices=IntervalUnit.choices, default=IntervalUnit.MONTH)
    interval_count = models.PositiveSmallIntegerField(default=1, help_text="A delivery each so many units.")
    started_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancellation_reason = models.CharField(max_length=255, blank=True, default="")
    next_charge_on = models.DateField(null=True, blank=True)

    class Meta(Told.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "source", "external_id"], name="subscription_once")]
        indexes = [
            models.Index(fields=["store", "customer"], name="subscription_of_customer"),
            models.Index(fields=["store", "product"], name="subscription_of_product"),
            models.Index(fields=["store", "started_at", "id"], name="subscription_by_start"),
        ]

    def __str__(self) -> str:
        return self.title
