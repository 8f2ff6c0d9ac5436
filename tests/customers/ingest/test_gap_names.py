"""By which names in a request that could not be taken in it is found whom it may be about."""

from __future__ import annotations

from typing import Any

import pytest

from customers.ingest import naming
from customers.models import Customer, WayInKind
from customers.sandbox.bodies import (
    recharge_customer,
    recharge_order,
    recharge_subscription,
    shopify_customer,
    shopify_order,
)
from portal.models import Store, User
from tests.customers.ingest.conftest import Source, identify, track
from tests.customers.ingest.test_gaps import TakeIn, ada, eve, gaps_of, set_aside
from tests.customers.providers.conftest import at, connected

__all__ = ["ada", "eve"]
pytestmark = pytest.mark.django_db(transaction=True)

OTHER = recharge_customer(82, "other@x.example", at(0))
NAMED: dict[str, tuple[WayInKind, str, dict[str, Any]]] = {
    "user": (WayInKind.SEGMENT, "batch", track()),
    "user in a number": (WayInKind.SEGMENT, "batch", track(user="7", anonymousId=7)),
    "former name": (WayInKind.SEGMENT, "batch", {"type": "alias", "previousId": "u1", "userId": "u9"}),
    "an address anywhere": (WayInKind.SEGMENT, "batch", track(user="u9", properties={"to": ["for Ada@x.example"]})),
    "an id among the traits": (WayInKind.SEGMENT, "batch", identify("u9", traits={"shopifyId": 71})),
    "user of Amplitude": (WayInKind.AMPLITUDE, "", {"event_type": "e", "user_id": "ada-app"}),
    "device of Amplitude": (WayInKind.AMPLITUDE, "", {"event_type": "e", "device_id": "ada-phone"}),
    "customer of Shopify": (WayInKind.SHOPIFY, "customers/update", {"id": 71}),
    "customer's id at Shopify": (WayInKind.SHOPIFY, "fulfillments/create", {"id": 1, "x": [{"customer_id": 71}]}),
    "order of Shopify": (
        WayInKind.SHOPIFY, "orders/create", shopify_order(5, shopify_customer(71, None, at(0)), at(0)),
    ),
    "subscription of Recharge": (WayInKind.RECHARGE, "subscription/updated", recharge_subscription(5, 82, at(0))),
    "order of Recharge": (WayInKind.RECHARGE, "order/created", recharge_order(5, OTHER, at(0))),
    "id at Shopify by Recharge": (
        WayInKind.RECHARGE, "customer/updated", {"id": 9, "external_customer_id": {"ecommerce": "71"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", NAMED)
def test_every_name_leads_to_the_customer(
    how: str, store: Store, owner: User, segment: Source, amplitude: Source, ada: Customer, eve: Customer,
    take_in: TakeIn,
) -> None:  # fmt: skip
    kind, topic, said = NAMED[how]
    Customer.objects.for_store(store).filter(pk=ada.pk).update(shopify_id="71", recharge_id="82")
    ada.refresh_from_db()
    ada.store = store
    traits = {"email": "ada@x.example"}
    amplitude.amplitude(
        {"event_type": "$identify", "user_id": "ada-app", "device_id": "ada-phone", "user_properties": traits}
    )
    segment.track(identify("7", "ada@x.example", anonymousId="7"))
    take_in()
    if kind == WayInKind.SEGMENT:
        assert segment.segment("batch", batch=[said, "nothing", track(user="stranger")]).status_code == 200
    elif kind == WayInKind.AMPLITUDE:
        assert amplitude.amplitude(said).status_code == 200
    else:
        assert connected(store, owner, kind).send(topic, said).status_code == 200
    assert set_aside() == 1
    assert len(gaps_of(ada)) == 1
    assert gaps_of(eve) == []


@pytest.mark.parametrize("body", ['{"events": [{"user_id": "null"}, {"user_id": 5}, {"device_id": ""}]}', "{}", "[1]"])
def test_names_that_are_none(body: str) -> None:
    assert naming.names_in(WayInKind.AMPLITUDE, "batch", body) == []


def test_no_more_names_than_a_table_bears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "NAMES_AT_MOST", 3)
    body = '{"batch": [{"userId": "b", "anonymousId": "a", "traits": {"email": "c@x.example", "shopify_id": 4}}]}'
    kinds = [kind for kind, _ in naming.names_in(WayInKind.SEGMENT, "batch", body)]
    assert kinds == ["shopify_id", "user", "email"]
