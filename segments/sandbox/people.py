"""The accounts that the stand-ins open with: the demo shop's customers, in lists and segments that others made."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from portal.demo_outside import KLAVIYO_KEY, SHOPIFY_DOMAIN, SHOPIFY_TOKEN
from segments.demo.names import draw_name
from segments.demo.people import Person
from segments.demo.shops import OPENED_DAYS_AGO, customers_of
from segments.sandbox.crowd import Account, Given
from segments.sandbox.klaviyo import KlaviyoSandbox
from segments.sandbox.shopfront import furnish_shop
from segments.sandbox.shopify import ShopifySandbox

ACCOUNT, ACCOUNT_ID = "Juniper Coffee & Tea", "JnPr01"
CROWD = "The whole town"
"""A group of made-up people, as many as one likes."""
Choice = Callable[[Person], bool]
_SEED = 4_711
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def _dice(name: str) -> Random:
    return Random(f"{_SEED} {name}")  # noqa: S311 - made-up people need no secret dice


def _some(share: float, name: str) -> Choice:
    """By chance, and always the same ones."""
    return lambda person: zlib.crc32(f"{name} {person.email}".encode()) < share * 2**32


def _tagged(tag: str) -> Choice:
    return lambda person: tag in person.tags


def _likes(favourite: str) -> Choice:
    return lambda person: person.favourite == favourite


def _orders(frequency: str) -> Choice:
    return lambda person: person.frequency == frequency and person.ends_on is None


def _came_by(channel: str) -> Choice:
    return lambda person: person.channel == channel


def _has_left(person: Person) -> bool:
    return person.ends_on is not None


_COFFEES = ("Juniper House", "Ethiopia Guji", "Colombia Huila", "Sumatra Gayo", "Night Shift Espresso", "Decaf Dusk")
_TEAS = ("First Flush Darjeeling", "Jasmine Pearls", "Genmaicha", "Ceremonial Matcha")

LISTS: dict[str, tuple[Choice, int]] = {
    "Newsletter": (lambda person: person.consent == "subscribed", 420),
    "Early access": (_some(0.06, "early"), 14),
    "Wholesale enquiries": (_tagged("wholesale"), 37),
    "Footer sign-ups": (_came_by("organic"), 60),
    "Pop-up: 10 % off the first bag": (_came_by("paid social"), 240),
    "Farmers’ market, Saturdays": (_came_by("in person"), 85),
    "Tea club": (_tagged("tea"), 22),
    "Brewing course waiting list": (_some(0.012, "brewing"), 48),
    "Gift guide": (_tagged("gift"), 31),
    "SMS only": (_some(0.0, "sms"), 0),
    "Press": (_some(0.0, "press"), 18),
    "Staff and friends": (lambda person: person.is_tester, 6),
    "Moved over from the old shop": (_some(0.35, "old shop"), 510),
    "Empty list": (_some(0.0, "empty"), 0),
    **{f"Back in stock: {name}": (_some(0.02, name), 9) for name in (*_COFFEES[1:5], *_TEAS[:2])},
}
"""Name → which customers are on it, and how many others."""
SEGMENTS: dict[str, Choice] = {
    "VIP: 3+ orders": lambda person: person.orders >= 3 and person.ends_on is None,
    "Lapsed 90 days": _has_left,
    "Big spenders": lambda person: person.spent >= 90_000,
    "Engaged 30 days": _some(0.31, "engaged"),
    "Engaged 90 days": _some(0.52, "engaged"),
    "Never opened": _some(0.08, "never"),
    "Decaf drinkers": _tagged("decaf"),
    "Tea lovers": _tagged("tea"),
    "Build-a-box": _tagged("build-a-box"),
    "Referral friends": _came_by("referral"),
    "Whole bean": _tagged("whole bean"),
    "Win-back: cancelled": lambda person: person.ends_on is not None and person.orders >= 6,
    **{f"Likes {name}": _likes(name) for name in (*_COFFEES[:3], *_TEAS[2:])},
    **{f"Orders {name.lower()}": _orders(name) for name in ("Every week", "Every 2 weeks", "Every 6 weeks")},
}
SHOPIFY_SEGMENTS: dict[str, Choice] = {
    "Customers who have purchased more than once": lambda person: person.orders > 1,
    "Email subscribers": lambda person: person.consent == "subscribed",
    "Abandoned checkouts in the last 30 days": _some(0.03, "abandoned"),
    "Customers who have not purchased for 90 days": _has_left,
    "Champions": lambda person: person.spent >= 90_000 and person.ends_on is None,
    "Wholesale": _tagged("wholesale"),
    "Gift buyers": _tagged("gift"),
    "Café owners nearby": _some(0.004, "nearby"),
    "Nobody yet": _some(0.0, "nobody"),
}


def customers() -> list[Person]:
    """The customers of the demo's larger shop, with the same addresses whenever that was loaded."""
    opened_at = datetime.now(UTC) - timedelta(days=OPENED_DAYS_AGO)
    return customers_of("juniper", opened_at, ZoneInfo("America/Los_Angeles"))


def furnish_klaviyo(klaviyo: KlaviyoSandbox) -> Account:
    """Open the demo's account, with its key."""
    account = klaviyo.account(KLAVIYO_KEY, ACCOUNT, account_id=ACCOUNT_ID)
    people = customers()
    for name, (chosen, others) in LISTS.items():
        members: list[Given] = [person.email for person in people if chosen(person)]
        members += _strangers(name, others)
        if name == "Newsletter":
            members += _twins(members) + _by_telephone(name, 35)
        if name == "SMS only":
            members += _by_telephone(name, 120)
        klaviyo.list(short_id(name), name, members)
    for name, choice in SEGMENTS.items():
        klaviyo.segment(short_id(name), name, [person.email for person in people if choice(person)])
    for group in account.groups.values():
        rng = _dice(f"dates of {group.name}")
        group.created = datetime.now(UTC) - timedelta(days=rng.randrange(100, 900), minutes=rng.randrange(1440))
        group.updated = datetime.now(UTC) - timedelta(minutes=rng.randrange(90, 60 * 24 * 40))
    return account


def furnish_shopify(shopify: ShopifySandbox) -> Account:
    """Open the demo's shop, with its token."""
    scopes = ("read_customers", "read_orders")
    account = shopify.account(SHOPIFY_TOKEN, ACCOUNT, domain=SHOPIFY_DOMAIN, scopes=scopes)
    people = customers()
    furnish_shop(shopify.sold[SHOPIFY_DOMAIN], people, datetime.now(UTC))
    for number, (name, chosen) in enumerate(SHOPIFY_SEGMENTS.items()):
        members: list[Given] = [(person.shopify_id, person.email) for person in people if chosen(person)]
        if name == "Email subscribers":
            members += [(f"65{number:011d}", None) for number in range(12)]
        shopify.segment(str(410_000_000_000 + 7_919 * number), name, members)
    return account


def short_id(name: str) -> str:
    """Six letters and digits, as lists and segments have; the same for the same name."""
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return "".join(_LETTERS[digest // len(_LETTERS) ** place % len(_LETTERS)] for place in range(6))


def _strangers(name: str, count: int) -> Iterator[str]:
    """Addresses of people who are no customers."""
    rng = _dice(f"strangers of {name}")
    for _ in range(count):
        _, _, given, family = draw_name(rng)
        yield f"{family}.{given}{rng.randrange(1000, 10_000)}@mail.example"


def _by_telephone(name: str, count: int) -> list[Given]:
    """Profiles of whom a telephone number alone is known."""
    rng = _dice(f"telephones of {name}")
    return [(f"01H{rng.randrange(10**23):023d}", None) for _ in range(count)]


def _twins(members: list[Given]) -> list[Given]:
    """Two people once more, in capitals."""
    return [email.upper() for email in members[:2] if isinstance(email, str)]
