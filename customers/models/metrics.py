"""What is measured of each customer, by what the store means by it, and how far the measuring is."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from customers.models.commerce import money
from customers.models.people import Customer
from portal.models import Store
from portal.tenancy import BulkStoreModel, StoreModel

WORD_LENGTH = 100


class PriceBehaviour(models.TextChoices):
    FULL_PRICE = "full_price", "Full price"
    DISCOUNT_RESPONSIVE = "discount_responsive", "Discount-responsive"


class PlanTier(models.TextChoices):
    ENTRY = "entry", "Entry"
    MID = "mid", "Mid"
    PREMIUM = "premium", "Premium"


class Assortment(models.TextChoices):
    SINGLE = "single", "Single product"
    SEVERAL = "several", "Several products"
    BOX = "box", "Build-a-box"


class RfmGroup(models.TextChoices):
    """The names that Shopify has for them."""

    CHAMPIONS = "CHAMPIONS", "Champions"
    LOYAL = "LOYAL", "Loyal"
    ACTIVE = "ACTIVE", "Active"
    NEW = "NEW", "New"
    PROMISING = "PROMISING", "Promising"
    NEEDS_ATTENTION = "NEEDS_ATTENTION", "Needs attention"
    PREVIOUSLY_LOYAL = "PREVIOUSLY_LOYAL", "Previously loyal"
    AT_RISK = "AT_RISK", "At risk"
    ALMOST_LOST = "ALMOST_LOST", "Almost lost"
    DORMANT = "DORMANT", "Dormant"
    PROSPECTS = "PROSPECTS", "Prospects"


def _word(**options: Any) -> models.CharField[Any, Any]:
    return models.CharField(max_length=options.pop("max_length", WORD_LENGTH), blank=True, default="", **options)


def _count_if_known() -> models.PositiveIntegerField[Any, Any]:
    return models.PositiveIntegerField(null=True)


class CustomerMetrics(BulkStoreModel):
    """One row a customer, written by `customers.metrics.recompute` alone; what each column means says the registry,
    `customers.metrics.registry`. What is not known is NULL, or '' in a word; 0 always means that there was none."""

    Group = RfmGroup

    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    computed_at = models.DateTimeField(default=timezone.now, help_text="When something in the row last came out new.")
    customer_since = models.DateTimeField()

    orders_count = models.PositiveIntegerField(default=0)
    order_days = models.PositiveIntegerField(default=0)
    total_spent = money(null=True)
    average_order_value = money(null=True)
    first_order_at = models.DateTimeField(null=True)
    last_order_at = models.DateTimeField(null=True)
    usual_gap_days = models.FloatField(null=True)
    discount_share = models.FloatField(null=True)
    price_behaviour = _word(max_length=20, choices=PriceBehaviour.choices)
    preferred_category = _word()

    active_subscriptions = models.PositiveIntegerField(default=0)
    active_products = models.PositiveIntegerField(default=0)
    monthly_price = money(null=True)
    plan_tier = _word(max_length=10, choices=PlanTier.choices)
    delivery_interval_days = models.PositiveIntegerField(null=True)
    assortment = _word(max_length=10, choices=Assortment.choices)
    subscribed_since = models.DateTimeField(null=True)
    next_charge_on = models.DateField(null=True)
    skips = _count_if_known()
    pauses = _count_if_known()
    cancels = models.PositiveIntegerField(default=0)
    last_cancelled_at = models.DateTimeField(null=True)
    last_cancellation_reason = _word(max_length=255)

    last_seen_at = models.DateTimeField(null=True)
    last_login_at = models.DateTimeField(null=True)
    logins_7d = _count_if_known()
    logins_30d = _count_if_known()
    logins_90d = _count_if_known()
    sessions_7d = _count_if_known()
    sessions_30d = _count_if_known()
    sessions_90d = _count_if_known()
    session_minutes_7d = models.FloatField(null=True)
    session_minutes_30d = models.FloatField(null=True)
    session_minutes_90d = models.FloatField(null=True)
    features_used_90d = _count_if_known()
    emails_opened_90d = _count_if_known()
    emails_clicked_90d = _count_if_known()

    acquisition_channel = _word(max_length=50)

    recency_score = models.PositiveSmallIntegerField(null=True)
    frequency_score = models.PositiveSmallIntegerField(null=True)
    monetary_score = models.PositiveSmallIntegerField(null=True)
    rfm_group = _word(max_length=20, choices=RfmGroup.choices)
    alive_probability = models.FloatField(null=True)
    expected_orders_90d = models.FloatField(null=True)
    expected_order_value = models.FloatField(null=True)
    expected_value_90d = models.FloatField(null=True)

    class Meta(BulkStoreModel.Meta):
        verbose_name_plural = "customer metrics"
        constraints = [models.UniqueConstraint(fields=["store", "customer"], name="metrics_once_a_customer")]

    def __str__(self) -> str:
        return f"metrics of customer {self.customer_id}"


class MetricsSettings(StoreModel):
    """What the store means by its own words; where there is no row, `customers.metrics.thresholds` has defaults."""

    store = models.OneToOneField(
        "portal.Store", on_delete=models.CASCADE, primary_key=True, related_name="+", editable=False
    )
    mid_from = money(
        validators=[MinValueValidator(0)], help_text="The monthly price from which a plan is of the mid tier."
    )
    premium_from = money(
        validators=[MinValueValidator(0)], help_text="The monthly price from which a plan is of the premium tier."
    )
    discount_responsive_from = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Percent of the spend that was discounted, from which somebody is discount-responsive.",
    )

    class Meta(StoreModel.Meta):
        verbose_name_plural = "metrics settings"

    def __str__(self) -> str:
        return f"metrics settings of store {self.store_id}"


class MetricsState(StoreModel):
    """How far the metrics of a store are; held by whoever writes some of them."""

    store = models.OneToOneField(
        "portal.Store", on_delete=models.CASCADE, primary_key=True, related_name="+", editable=False
    )
    seen_in = models.BigIntegerField(default=0, help_text="The customers' version up to which their changes are seen.")
    next_full_at = models.DateTimeField(default=timezone.now, help_text="When all are made anew next.")
    last_due_at = models.DateTimeField(null=True)
    last_due_on = models.DateField(null=True)
    time_zone = models.CharField(
        max_length=64, blank=True, default="", help_text="The store's, when all were last asked to be made anew."
    )
    currency = models.CharField(max_length=3, blank=True, default="", help_text="The same.")
    full_at = models.DateTimeField(null=True, help_text="When all had been made anew last.")
    full_on = models.DateField(null=True, help_text="The day of the store as of which all are true at least.")
    measured_at = models.DateTimeField(null=True, help_text="When scores and predictions were last fitted.")
    cuts = models.JSONField(default=dict, help_text="Where the fifths of the store's customers end.")
    fit = models.JSONField(default=dict, help_text="The parameters of the models, and what they were fitted to.")
    coverage = models.JSONField(default=dict, help_text="For how many customers each metric is known.")

    class Meta(StoreModel.Meta):
        indexes = [models.Index(fields=["next_full_at"], name="metrics_by_full")]

    def __str__(self) -> str:
        return f"metrics of store {self.store_id}"

    def fits(self, store: Store) -> bool:
        """Whether the days and amounts that were last asked for are those of the store as it is now."""
        return not self.time_zone or (self.time_zone, self.currency) == (store.time_zone, store.currency)
