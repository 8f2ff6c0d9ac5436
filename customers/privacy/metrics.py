"""What is measured of a person, as a place in which the person is found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from customers.models import CustomerMetrics, MetricsState
from customers.privacy import registry
from customers.privacy.person import Person
from customers.privacy.registry import Portion, classify, place
from portal import sets


class Metrics:
    """The person's row of metrics. Nobody who was erased is measured again: those who measure ask who was, and hold
    the store's state as this does."""

    name = "Metrics"
    covers: tuple[str, ...] = ("customers.CustomerMetrics",)

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        for row in CustomerMetrics.objects.for_store(person.store).filter(customer_id=person.number):
            left_out = {"id", "store", "customer"}
            yield {field.name: getattr(row, field.name) for field in row._meta.fields if field.name not in left_out}

    def erase(self, person: Person, after: int) -> Portion:
        list(registry.hold(MetricsState.objects.for_store(person.store).order_by("pk")))
        return Portion(
            sets.delete_matching(CustomerMetrics.objects.for_store(person.store).filter(customer_id=person.number))
        )


classify("customers.MetricsSettings", nothing="store mid_from premium_from discount_responsive_from")
classify(
    "customers.MetricsState",
    nothing=(
        "store seen_in next_full_at last_due_at last_due_on time_zone currency full_at full_on measured_at cuts fit "
        "coverage"
    ),
)
classify(
    "customers.CustomerMetrics",
    nothing="id store computed_at",
    by_id=(
        "customer customer_since orders_count order_days total_spent average_order_value first_order_at last_order_at "
        "usual_gap_days discount_share price_behaviour preferred_category active_subscriptions active_products "
        "monthly_price plan_tier delivery_interval_days assortment subscribed_since next_charge_on skips pauses "
        "cancels last_cancelled_at last_cancellation_reason last_seen_at last_login_at logins_7d logins_30d logins_90d "
        "sessions_7d sessions_30d sessions_90d session_minutes_7d session_minutes_30d session_minutes_90d "
        "features_used_90d emails_opened_90d emails_clicked_90d acquisition_channel recency_score frequency_score "
        "monetary_score rfm_group alive_probability expected_orders_90d expected_order_value expected_value_90d"
    ),
)
place(Metrics())
