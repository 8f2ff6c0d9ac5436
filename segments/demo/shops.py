"""The demo's two shops, the people who work there, and their customers' rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password

from customers.demo.shopper import Shopper
from customers.models import Customer
from portal import sets
from portal.access import Plan, Role
from portal.demo import PASSWORD
from portal.emails import email_key
from portal.models import Staff, Store, User
from segments.demo.people import Person, draw_people
from segments.demo.places import LONDON_SHOP, WEST_COAST_SHOP

OPENED_DAYS_AGO = 402
"""When the first shop came to the portal."""
_SECOND_OPENED_DAYS_AGO = 96
_SEED = 20_261_122
_SIZES = {"juniper": (5_000, WEST_COAST_SHOP, OPENED_DAYS_AGO), "corner": (300, LONDON_SHOP, _SECOND_OPENED_DAYS_AGO)}


@dataclass(frozen=True)
class Team:
    owner: User
    manager: User
    viewer: User
    admin: User


@dataclass(frozen=True)
class Shop:
    """A shop with its customers in the order of their signing up."""

    store: Store
    people: list[Person]
    ids: list[int]
    """The customers' row ids, in the order of `people`."""
    by_key: dict[str, int]
    """E-mail key → row id."""


def open_first_store(now: datetime) -> Store | None:
    """The larger of the two stores; None when it is here already."""
    store, is_new = Store.objects.get_or_create(
        slug="juniper",
        defaults={
            "name": "Juniper Coffee & Tea",
            "plan": Plan.PRO,
            "time_zone": "America/Los_Angeles",
            "currency": "USD",
            "created_at": now - timedelta(days=OPENED_DAYS_AGO),
        },
    )
    return store if is_new else None


def open_second_store(now: datetime) -> Store:
    """A small store, whose plan does not hold segments."""
    return Store.objects.create(
        slug="corner",
        name="Corner Roastery",
        plan=Plan.STANDARD,
        time_zone="Europe/London",
        currency="GBP",
        created_at=now - timedelta(days=_SECOND_OPENED_DAYS_AGO),
    )


def hire(juniper: Store, corner: Store) -> Team:
    """The people of the demo, who all sign in with the same password."""
    password = make_password(PASSWORD)

    def person(role: str, name: str, **fields: Any) -> User:
        defaults = {"name": name, "password": password, **fields}
        return User.objects.get_or_create(email=f"{role}@demo.example", defaults=defaults)[0]

    team = Team(
        owner=person("owner", "Maya Lindqvist"),
        manager=person("manager", "Theo Nakamura"),
        viewer=person("viewer", "Ines Okafor"),
        admin=person("admin", "Sam Whitfield", is_staff=True, is_superuser=True),
    )
    for store, user, role in (
        (juniper, team.owner, Role.OWNER),
        (juniper, team.manager, Role.MANAGER),
        (juniper, team.viewer, Role.VIEWER),
        (corner, team.owner, Role.OWNER),
    ):
        Staff.objects.create_for(store, user=user, role=role, added_at=store.created_at)
    return team


def people_of(store: Store) -> list[Person]:
    """The customers that `store` opened with; the same ones however often it is asked."""
    return customers_of(store.slug, store.created_at, store.zone)


def customers_of(slug: str, opened_at: datetime, zone: ZoneInfo) -> list[Person]:
    """The customers of the shop that is called so. Their names and addresses are the same whenever it opened."""
    rng = Random(f"{_SEED} {slug}")  # noqa: S311 - made-up people need no secret dice
    count, places, opened_ago = _SIZES[slug]
    return draw_people(rng, count, places=places, now=opened_at + timedelta(days=opened_ago), zone=zone)


def fill(store: Store) -> Shop:
    """Write the customers of `store`."""
    people = people_of(store)
    sets.load(Customer, _COLUMNS, _rows(store, people))
    ids = dict(Customer.objects.for_store(store).values_list("email_key", "pk"))
    return Shop(store, people, [ids[email_key(person.email)] for person in people], ids)


def shoppers_of(shop: Shop) -> list[Shopper]:
    """The customers of the shop, as the story of what they buy and do has them."""
    return [
        Shopper(
            customer_id=pk,
            signed_up_at=person.signed_up_at,
            ends_on=person.ends_on,
            days_between=person.days_between_orders,
            orders=person.orders,
            spent=person.spent,
            favourite=person.favourite,
            tags=tuple(person.tags),
            channel=person.channel,
            consent=person.consent,
            is_tester=person.is_tester,
            is_company=bool(person.company),
        )
        for pk, person in zip(shop.ids, shop.people, strict=True)
    ]


_COLUMNS = (
    "store", "email", "email_key", "first_name", "last_name", "phone", "signed_up_at", "acquisition_channel", "tags",
    "attributes", "shopify_id", "recharge_id", "klaviyo_id", "marketing_consent", "created_at", "changed_at",
)  # fmt: skip


def _rows(store: Store, people: list[Person]) -> Iterator[tuple[Any, ...]]:
    for person in people:
        here_since = max(person.signed_up_at, store.created_at)
        yield (
            store.pk,
            person.email,
            email_key(person.email),
            person.first_name,
            person.last_name,
            person.phone,
            person.signed_up_at,
            person.channel,
            person.tags,
            person.attributes,
            person.shopify_id,
            person.recharge_id,
            "",
            person.consent,
            here_since,
            here_since,
        )
