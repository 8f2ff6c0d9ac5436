"""Taking in the webhooks of Shopify and Recharge that were kept: what they say goes the way of all that is told of
customers, orders and subscriptions; what is of no use stays to be seen, with the reason."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from customers.commerce.records import Outcome as Told
from customers.commerce.records import Unkeepable
from customers.ingest.taking_in import Outcome, handles
from customers.models import Arrival, WayIn, WayInKind
from customers.providers import privacy, recharge, shopify
from customers.providers.basket import Basket, Became
from customers.providers.gone import let_go, subscription_deleted
from customers.providers.people import WAS_ERASED
from customers.providers.reading import Ignored, loads, word
from portal.models import Store

UNKNOWN_TOPIC = "This topic is not used here."
WORDS = {
    Told.CREATED: Outcome(stored=1),
    Told.UPDATED: Outcome(stored=1),
    Told.UNCHANGED: Outcome(duplicate=1),
    Told.OLDER: Outcome(ignored=1),
}


class _Taking:
    """One kind of provider. Nothing is kept here between portions."""

    source: str

    def take_in(self, store: Store, way_in: WayIn, arrivals: Sequence[Arrival]) -> list[Outcome]:
        basket, said = Basket(store, self.source, way_in), dict[int, Outcome]()
        afterwards: list[tuple[int, Arrival, dict[str, Any]]] = []
        for place, arrival in enumerate(arrivals):
            try:
                body = loads(arrival.body)
                if self.is_for_afterwards(arrival.topic):
                    afterwards.append((place, arrival, body))
                else:
                    self.put(basket, place, arrival.topic, body)
            except (Ignored, Unkeepable) as error:
                said[place] = Outcome(ignored_because=str(error))
        for place, became in basket.write().items():
            said.setdefault(place, _outcome(became))
        for place, arrival, body in afterwards:
            said[place] = self.do(store, way_in, arrival, body)
        return [said.get(place, Outcome(duplicate=1)) for place in range(len(arrivals))]

    @abstractmethod
    def put(self, basket: Basket, place: int, topic: str, body: dict[str, Any]) -> None:
        """Put into the basket what the webhook says. Raises Ignored and Unkeepable; nothing is in it then."""

    @abstractmethod
    def is_for_afterwards(self, topic: str) -> bool:
        """Whether the topic wants something done once what the others say is written."""

    @abstractmethod
    def do(self, store: Store, way_in: WayIn, arrival: Arrival, body: dict[str, Any]) -> Outcome:
        """Do that."""


def _outcome(became: Became) -> Outcome:
    if became.main == Told.GONE:
        because = became.reason or "Whom it is about is not known here."
        return Outcome(ignored_because=because, names_erased=because == WAS_ERASED)
    return WORDS[became.main]


@handles(WayInKind.SHOPIFY)
class FromShopify(_Taking):
    source = shopify.SOURCE

    def put(self, basket: Basket, place: int, topic: str, body: dict[str, Any]) -> None:
        if topic in shopify.CUSTOMER_TOPICS:
            basket.person(place, shopify.customer(body))
        elif topic in shopify.ORDER_TOPICS:
            basket.sale(place, shopify.sale(body))
        else:
            raise Ignored(UNKNOWN_TOPIC)

    def is_for_afterwards(self, topic: str) -> bool:
        return topic in (*shopify.PRIVACY_TOPICS, shopify.CUSTOMER_DELETED)

    def do(self, store: Store, way_in: WayIn, arrival: Arrival, body: dict[str, Any]) -> Outcome:
        if arrival.topic == shopify.CUSTOMER_DELETED:
            if not shopify.is_of_deletion(body):
                return Outcome(ignored_because=shopify.NOT_A_CUSTOMER)
            return _gone(let_go(store, self.source, word(body, "id"), arrival.received_at))
        if not shopify.asks_for_privacy(arrival.topic, body):
            return Outcome(ignored_because=privacy.NOT_ITS_SHAPE)
        return privacy.see_to(store, way_in, arrival.topic, body)


@handles(WayInKind.RECHARGE)
class FromRecharge(_Taking):
    source = recharge.SOURCE

    def put(self, basket: Basket, place: int, topic: str, body: dict[str, Any]) -> None:
        if topic not in recharge.TOPICS:
            raise Ignored(UNKNOWN_TOPIC)
        said = recharge.unwrapped(topic, body)
        if topic in recharge.CUSTOMER_TOPICS:
            basket.person(place, recharge.customer(said))
        elif topic in recharge.ORDER_TOPICS:
            basket.sale(place, recharge.order(said))
        elif topic in recharge.CHARGE_TOPICS:
            basket.happened(place, recharge.charge(topic, said))
        else:
            self._put_subscription(basket, place, topic, said)

    def _put_subscription(self, basket: Basket, place: int, topic: str, said: dict[str, Any]) -> None:
        subscribed = recharge.subscription(said, basket.store.currency)
        happened = None
        if topic in recharge.HAPPENINGS:
            happened = recharge.happening(topic, said, subscribed.subscription)
        basket.subscribed(place, subscribed)
        if happened is not None:
            basket.happened(place, happened)

    def is_for_afterwards(self, topic: str) -> bool:
        return topic in (recharge.CUSTOMER_DELETED, recharge.SUBSCRIPTION_DELETED)

    def do(self, store: Store, way_in: WayIn, arrival: Arrival, body: dict[str, Any]) -> Outcome:
        try:
            said = recharge.unwrapped(arrival.topic, body)
        except Ignored as error:
            return Outcome(ignored_because=str(error))
        if set(said) - {"id"}:
            return Outcome(ignored_because=recharge.NOT_WRAPPED)
        if arrival.topic == recharge.CUSTOMER_DELETED:
            return _gone(let_go(store, self.source, word(said, "id"), arrival.received_at))
        return _gone(subscription_deleted(store, self.source, word(said, "id"), arrival.received_at))


def _gone(was_known: bool) -> Outcome:
    return Outcome(stored=1) if was_known else Outcome(duplicate=1)
