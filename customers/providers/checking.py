"""Whether a provider still has our webhooks: it takes away those that were not answered for too long. What is missing
is made again, and staff are told of that, and of what could not be made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from django.utils import timezone

from customers.models import WayIn, WayInKind
from customers.providers import shopify_hooks
from customers.providers.accounts import webhook_addresses
from customers.providers.recharge_api import RechargeApi
from customers.providers.shopify_api import ShopifyApi
from portal.outbound import CursorExpired, OutboundError, Refused, Rejected, Temporary

Ask = Callable[[Callable[[], Any]], Any]
NO_SECRET = "No signing secret is known here, so that nothing that it sends would be accepted."  # noqa: S105
PAGES_MOST = 20
_TAKEN = "already been taken"


@dataclass
class Seen:
    """Topics whose webhooks are there, those that were made again, and those that could not be, with the reason.

    `at` is when it was asked, '' where it was not; `trouble` says why nothing could be learnt; `address` tells which of
    the account's addresses were looked for.
    """

    at: str = ""
    address: str = ""
    there: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    trouble: str = ""

    def told(self) -> dict[str, Any]:
        return asdict(self)


def of_hand(kind: WayInKind) -> tuple[str, ...]:
    """The topics whose webhooks can be made by nobody but a person."""
    return shopify_hooks.BY_HAND if kind == WayInKind.SHOPIFY else ()


def look(way_in: WayIn, api: Any, ask: Ask) -> Seen:
    """Look at the provider's webhooks, and make those that are missing; `ask` waits for the turn. Raises Temporary."""
    seen = Seen(at=timezone.now().isoformat(), address=way_in.key_digest[:16])
    by_hand = of_hand(WayInKind(way_in.kind))
    wanted = {topic: address for topic, address in webhook_addresses(way_in) if topic not in by_hand}
    keeper = _Shopify(api, ask) if isinstance(api, ShopifyApi) else _Recharge(api, ask)
    try:
        found = set(keeper.kept())
    except CursorExpired:
        seen.trouble = "It lost its place while it listed them."
    except Temporary:
        raise
    except OutboundError as error:
        seen.trouble = str(error)
    else:
        missing = [
            (topic, address) for topic, address in wanted.items() if keeper.known_as(topic, address) not in found
        ]
        seen.there = [topic for topic in wanted if topic not in dict(missing)]
        for topic, address in missing:
            if why := keeper.add(topic, address) if way_in.secret else NO_SECRET:
                seen.refused[topic] = why
            else:
                seen.made.append(topic)
    return seen


class _Recharge:
    def __init__(self, api: RechargeApi, ask: Ask) -> None:
        self._api, self._ask = api, ask

    def known_as(self, topic: str, address: str) -> tuple[str, str]:
        return topic, address

    def kept(self) -> Iterable[tuple[str, str]]:
        found: list[tuple[str, str]] = self._ask(self._api.webhooks)
        return found

    def add(self, topic: str, address: str) -> str:
        """'' when it is made, or why it is not."""
        try:
            self._ask(partial(self._api.add_webhook, topic, address))
        except Refused:
            return "The API token lacks the permission to write webhooks."
        except Rejected as error:
            said = error.reply.body.decode(errors="replace").lower()
            return "" if _TAKEN in said else "Recharge does not take this topic, or this address."
        return ""


class _Shopify:
    def __init__(self, api: ShopifyApi, ask: Ask) -> None:
        self._api, self._ask = api, ask

    def known_as(self, topic: str, address: str) -> tuple[str, str]:
        return shopify_hooks.name_of(topic), address

    def kept(self) -> Iterable[tuple[str, str]]:
        cursor: str | None = None
        found: list[tuple[str, str]] = []
        for _ in range(PAGES_MOST):
            rows, cursor = self._ask(partial(shopify_hooks.page, self._api, cursor))
            found += rows
            if cursor is None:
                break
        return found

    def add(self, topic: str, address: str) -> str:
        """'' when it is made, or why it is not."""
        try:
            why: str = self._ask(partial(shopify_hooks.add, self._api, topic, address))
        except Refused:
            return shopify_hooks.NO_SCOPE.format(shopify_hooks.scope_of(topic))
        return why
