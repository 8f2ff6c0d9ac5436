"""The customers of the demo's shops: who they are, since when, and what they are like."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from segments.demo.names import draw_name, in_plain_letters
from segments.demo.places import Place, draw_phone

YEARS = 3
# How many people sign up in each month against the average: gifts and cold in winter, iced coffee at most in July.
_SEASON = (0.95, 0.85, 0.95, 1.0, 0.95, 0.8, 0.7, 0.75, 1.0, 1.15, 1.5, 1.7)
_CHANNELS = {"paid social": 30, "organic": 26, "referral": 15, "email": 12, "marketplace": 10, "in person": 5, "": 2}
_DOMAINS = {"example.com": 42, "example.org": 15, "example.net": 15, "mail.example": 16, "post.example": 12}
_FREQUENCIES = {"Every week": (7, 16), "Every 2 weeks": (14, 44), "Every 4 weeks": (28, 32), "Every 6 weeks": (42, 8)}
_COFFEES = ("Juniper House", "Ethiopia Guji", "Colombia Huila", "Sumatra Gayo", "Night Shift Espresso", "Decaf Dusk")
_TEAS = (
    "First Flush Darjeeling",
    "Jasmine Pearls",
    "Genmaicha",
    "Smoky Lapsang",
    "Ceremonial Matcha",
    "Rooibos Orange",
)
_CAFES = ("Blue Door", "Corner", "Harbour", "Little Owl", "Maple", "North Star", "Old Mill", "Paper Crane", "Tin Roof")
_KINDS_OF_CAFE = ("Café", "Coffee Bar", "Bakery", "Kitchen", "Tea Room")


@dataclass(slots=True)
class Person:
    """A customer to be, with what the demo's history goes by; money in whole cents of the shop's currency."""

    first_name: str
    last_name: str
    email: str
    phone: str
    place: Place
    signed_up_at: datetime
    channel: str
    frequency: str
    favourite: str
    ends_on: date | None
    """The day on which the subscription was cancelled."""
    orders: int
    spent: int
    consent: str
    shopify_id: str
    recharge_id: str
    company: str = ""
    is_tester: bool = False
    """An account of the shop's own people."""
    tags: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def signed_up(self) -> date:
        """The day, in the shop's time zone."""
        return self.signed_up_at.date()

    @property
    def days_between_orders(self) -> int:
        return _FREQUENCIES[self.frequency][0]

    @property
    def attributes(self) -> dict[str, str]:
        """What else is known, under the names that an import of Shopify's export gives."""
        known = {
            "Company": self.company,
            "City": self.place.city,
            "Province Code": self.place.region,
            "Country Code": self.place.country,
            "Total Spent": f"{self.spent / 100:.2f}",
            "Total Orders": str(self.orders),
            "Favourite": self.favourite,
            "Orders": self.frequency,
            "Status": "Cancelled" if self.ends_on else "Active",
        }
        return {name: value for name, value in known.items() if value}


def draw_people(rng: Random, count: int, *, places: tuple[Place, ...], now: datetime, zone: ZoneInfo) -> list[Person]:
    """`count` people in the order of their signing up, over three years of growth up to `now`."""
    local_now = now.astimezone(zone)
    taken: set[str] = set()
    people = [_draw_person(rng, at, places, local_now, taken) for at in _signups(rng, count, local_now)]
    for person, word in zip(people[9 :: count // 7], ("One", "Two", "Three", "Four", "Five", "Six"), strict=False):
        _make_tester(person, word)
    return people


def _signups(rng: Random, count: int, now: datetime) -> list[datetime]:
    days = [now.date() - timedelta(days=ago) for ago in range(YEARS * 365, -1, -1)]
    weights = [
        (0.6 + 1.1 * place / len(days)) * _SEASON[day.month - 1] * (1.15 if day.weekday() in {0, 6} else 1)
        for place, day in enumerate(days)
    ]
    drawn = (_moment(rng, day, now) for day in rng.choices(days, weights, k=count))
    return sorted(drawn)


def _moment(rng: Random, day: date, now: datetime) -> datetime:
    """A time of `day` when people shop, in the past."""
    minute = min(1439, max(0, int(rng.gauss(14 * 60, 4 * 60))))
    at = datetime.combine(day, time(minute // 60, minute % 60, rng.randrange(60)), now.tzinfo)
    return min(at, now - timedelta(minutes=rng.randrange(5, 60)))


def _draw_person(
    rng: Random, signed_up_at: datetime, places: tuple[Place, ...], now: datetime, taken: set[str]
) -> Person:
    first_name, last_name, plain_first, plain_last = draw_name(rng)
    place = rng.choice(places)
    frequency = _weighted(rng, {name: weight for name, (_, weight) in _FREQUENCIES.items()})
    tags, favourite = _draw_taste(rng)
    ends_on = _draw_end(rng, signed_up_at.date(), now.date())
    days = ((ends_on or now.date()) - signed_up_at.date()).days
    orders = 1 + int(days / _FREQUENCIES[frequency][0] * rng.uniform(0.7, 1))
    person = Person(
        first_name=first_name,
        last_name=last_name,
        email=_draw_email(rng, plain_first, plain_last, taken),
        phone=draw_phone(rng, place) if rng.random() < 0.72 else "",
        place=place,
        signed_up_at=signed_up_at,
        channel=_weighted(rng, _CHANNELS),
        frequency=frequency,
        favourite=favourite,
        ends_on=ends_on,
        orders=orders,
        spent=orders * max(1200, int(rng.gauss(2900, 900))),
        consent=_weighted(rng, {"subscribed": 58, "unknown": 29, "unsubscribed": 13}),
        shopify_id=str(7_000_000_000_000 + rng.randrange(10**12)),
        recharge_id=str(90_000_000 + rng.randrange(10**8)) if rng.random() < 0.93 else "",
        tags=tags,
    )
    if rng.random() < 0.012:
        _make_wholesale(rng, person, taken)
    return person


def _weighted(rng: Random, choices: dict[str, int]) -> str:
    return rng.choices(list(choices), list(choices.values()))[0]


def _draw_taste(rng: Random) -> tuple[list[str], str]:
    drinks = _weighted(rng, {"coffee": 64, "tea": 22, "both": 14})
    tags = ["coffee", "tea"] if drinks == "both" else [drinks]
    favourite = rng.choice(_TEAS if drinks == "tea" else _COFFEES)
    if "coffee" in tags:
        tags.append(_weighted(rng, {"whole bean": 60, "ground": 40}))
    for tag, chance in (("build-a-box", 0.17), ("gift", 0.08), ("free gift", 0.05)):
        if rng.random() < chance:
            tags.append(tag)
    if "Decaf" in favourite or rng.random() < 0.03:
        tags.append("decaf")
    return tags, favourite


def _draw_end(rng: Random, start: date, today: date) -> date | None:
    if rng.random() < 0.3:
        return None
    end = start + timedelta(days=20 + int(rng.expovariate(1 / 520)))
    return end if end < today else None


def _draw_email(rng: Random, first: str, last: str, taken: set[str]) -> str:
    """An address that nobody has; now and then with capitals, as some people type theirs."""
    fronts = (f"{first}.{last}", f"{first}.{last}", f"{first}{last}", f"{first[0]}.{last}", f"{first}.{last[0]}")
    front = rng.choice(fronts)
    number = "" if rng.random() < 0.6 else str(rng.randrange(1950, 2008))
    while (email := f"{front}{number}@{_weighted(rng, _DOMAINS)}") in taken:
        number = str(rng.randrange(2, 1000))
    taken.add(email)
    return email.replace(front, front.title()) if rng.random() < 0.02 else email


def _make_wholesale(rng: Random, person: Person, taken: set[str]) -> None:
    cafe = rng.choice(_CAFES)
    person.company = f"{cafe} {rng.choice(_KINDS_OF_CAFE)}"
    front = f"{in_plain_letters(cafe)}-{in_plain_letters(person.place.city)}"
    emails = (f"orders@{front}{number or ''}.example" for number in range(1000))
    person.email = next(email for email in emails if email not in taken)
    taken.add(person.email)
    person.tags = ["wholesale", *(tag for tag in person.tags if tag in {"coffee", "tea"})]
    person.spent *= 9
    person.channel, person.ends_on = "referral" if person.orders % 2 else "organic", None


def _make_tester(person: Person, word: str) -> None:
    person.first_name, person.last_name, person.email = "Test", word, f"test.{word.lower()}@demo.example"
    person.phone, person.channel, person.company, person.is_tester = "", "", "", True
    person.tags, person.consent, person.orders, person.spent, person.ends_on = ["test"], "unsubscribed", 1, 100, None
