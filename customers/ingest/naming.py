"""Whom a request may be about: the names that stand in it, without the reading that may have failed on it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from customers.ingest import amplitude, names, segment
from customers.ingest.tracked import OWN_NAMES
from customers.ingest.tracking import addresses_in
from customers.models import WayInKind
from customers.providers.reading import part, word
from portal import strict_json

NAMES_AT_MOST = 10_000
"""Of one request. It has 2,500 records at most; the ids of customers and their addresses are counted first."""

_ORDER = (names.SHOPIFY, names.RECHARGE, names.KLAVIYO, names.USER, names.EMAIL, names.ANONYMOUS, names.DEVICE)
_FIELDS: dict[WayInKind, dict[str, tuple[str, ...]]] = {
    WayInKind.SEGMENT: {
        "userId": (names.USER,),
        "anonymousId": (names.ANONYMOUS,),
        "previousId": (names.ANONYMOUS, names.USER),
    },
    WayInKind.AMPLITUDE: {"user_id": (names.USER,), "device_id": (names.DEVICE,)},
    WayInKind.SHOPIFY: {"customer_id": (names.SHOPIFY,)},
    WayInKind.RECHARGE: {"customer_id": (names.RECHARGE,), "external_customer_id": (names.SHOPIFY,)},
}
"""Kind of way in → field of an object anywhere in a request → what the name in it is a name of."""
_OWN = {field: (kind,) for kind, fields in OWN_NAMES.items() for field in fields}
_AT = {WayInKind.SHOPIFY: names.SHOPIFY, WayInKind.RECHARGE: names.RECHARGE}


def names_in(kind: WayInKind, topic: str, body: str) -> list[tuple[str, str]]:
    """Pairs of kind (see `names`) and value by which the request names anybody, as the intake would write them, at most
    NAMES_AT_MOST. More than it tells may be meant too: who is named beside the one who did something. Raises
    strict_json.NotStrict."""
    said = strict_json.loads(body)
    found = {(names.EMAIL, key) for key in addresses_in(said)}
    if kind in _AT and topic.startswith("customer") and (number := word(said, "id")):
        found.add((_AT[kind], number))
    for part_of_it in _objects(said):
        found.update(_named(kind, part_of_it))
    return sorted(found, key=lambda pair: (_ORDER.index(pair[0]), pair[1]))[:NAMES_AT_MOST]


def _objects(said: Any) -> Iterator[dict[str, Any]]:
    left = [said]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield value
            left += value.values()
        elif isinstance(value, list):
            left += value


def _named(kind: WayInKind, said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    fields = _OWN | _FIELDS[kind]
    for field in fields.keys() & said.keys():
        if value := _value(kind, said, field):
            yield from ((one, value) for one in fields[field])
    if kind in _AT and (number := word(part(said, "customer"), "id")):
        yield _AT[kind], number


def _value(kind: WayInKind, said: dict[str, Any], field: str) -> str:
    if kind == WayInKind.AMPLITUDE and field in _FIELDS[kind]:
        # As it is, but for what programs send for a name that they do not have.
        name = said[field]
        is_one = isinstance(name, str) and name.strip().lower() not in amplitude.FORBIDDEN
        return name if is_one and len(name) <= amplitude.ID_LENGTH else ""
    value = word(said, field) or word(part(said, field), "ecommerce")
    return value if len(value) <= segment.ID_LENGTH else ""
