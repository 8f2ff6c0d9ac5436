"""What a shop noted with its orders tells how their customers came."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from customers.metrics.recompute import recompute
from customers.models import CustomerMetrics, Order
from customers.sandbox.bodies import shopify_customer, shopify_order
from portal.models import Store
from tests.customers.providers.conftest import Shop, at

pytestmark = pytest.mark.django_db
ADA = shopify_customer(1, "ada@maple.example", at(0))
SILENT: dict[str, Any] = {"landing_site": None, "referring_site": None}


def noted(**attributes: Any) -> dict[str, Any]:
    return {"note_attributes": [{"name": name, "value": value} for name, value in attributes.items()]}


def test_the_first_order_tells_the_channel_of_the_customer(store: Store, shopify: Shop) -> None:
    first = noted(gift_note="For Ada", utm_source="facebook", utm_medium="cpc", utm_campaign="spring")
    shopify.tell("orders/create", shopify_order(1001, ADA, at(1), **SILENT, **first))
    shopify.tell("orders/create", shopify_order(1002, ADA, at(2), **SILENT, **noted(utm_medium="email")))
    channels = Order.objects.for_store(store).order_by("external_id").values_list("channel", flat=True)
    assert list(channels) == ["paid social", "e-mail"]
    recompute(store, None, timezone.now())
    assert CustomerMetrics.objects.for_store(store).get().acquisition_channel == "paid social"


@pytest.mark.parametrize(
    "attributes",
    [
        None,
        "utm_source: google",
        {"utm_source": "google"},
        [None, 7, [], {"name": None, "value": "x"}, {"name": "utm_source"}, {"name": "utm_source", "value": {}}],
        [{"name": "utm_source", "value": None}, {"name": 5, "value": 5}],
    ],
)
def test_notes_of_no_use_hold_up_no_order(store: Store, shopify: Shop, attributes: Any) -> None:
    arrival = shopify.tell("orders/create", shopify_order(1001, ADA, at(1), **SILENT, note_attributes=attributes))
    assert (arrival.state, arrival.reason) == ("done", "")
    assert Order.objects.for_store(store).get().channel == ""
