"""Whether a provider still has our webhooks: it takes away those that were not answered for too long. What is missing
is made again, and staff are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from customers.models import WayIn, WayInKind
from customers.providers.accounts import webhook_addresses
from customers.providers.recharge_api import RechargeApi


@dataclass
class Seen:
    """Topics whose webhooks are there, and those that were made again; `is_known` is false where it was not asked."""

    there: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    is_known: bool = False

    def told(self) -> dict[str, Any]:
        return {"there": len(self.there), "made": self.made, "is_known": self.is_known}


def look(way_in: WayIn, api: Any, ask: Callable[[Callable[[], Any]], Any]) -> Seen:
    """Look at the provider's webhooks, and make those that are missing; `ask` waits for the turn. Raises the errors of
    `portal.outbound`."""
    if way_in.kind != WayInKind.RECHARGE or not isinstance(api, RechargeApi):
        return Seen()
    wanted, found = dict(webhook_addresses(way_in)), set(ask(api.webhooks))
    seen = Seen(is_known=True)
    for topic, address in wanted.items():
        if (topic, address) in found:
            seen.there.append(topic)
        else:
            ask(partial(api.add_webhook, topic, address))
            seen.made.append(topic)
    return seen
