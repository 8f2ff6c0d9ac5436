"""Files for a newcomer to try, about the customers of the demo's larger shop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from django.conf import settings

from segments.demo import layouts
from segments.demo.names import draw_name
from segments.demo.people import Person

SEGMENTS, CUSTOMERS = "segments", "customers"
_SEED = 8_900


@dataclass(frozen=True)
class Sample:
    """A file to try: for `segments` or for `customers`, and what to do with it."""

    name: str
    about: str
    goes_to: str
    title: str
    text: str


SAMPLES = (
    Sample(
        "tasting-guests.csv",
        "CSV, UTF-8, commas",
        SEGMENTS,
        "A clean list",
        "120 customers in the columns of our template: every row finds its customer.",
    ),
    Sample(
        "market-stall.csv",
        "CSV, Windows-1252, semicolons",
        SEGMENTS,
        "A messy list",
        "As a spreadsheet of many hands leaves it: people twice, addresses of nobody, slips of the pen, notes over "
        "several lines. Import it, and read the report: every row is accounted for.",
    ),
    Sample(
        "holiday-orders.xlsx",
        "Excel workbook",
        SEGMENTS,
        "A workbook",
        "60 customers with name and phone. Import it twice, and see that nobody is in the segment twice; then undo "
        "both imports.",
    ),
    Sample(
        "too-many.csv",
        "CSV, 9,400 rows",
        SEGMENTS,
        "A list that is too long",
        "One upload may add 8,900 customers. This one is refused whole, and the page says how an owner raises the "
        "limit in Settings.",
    ),
    Sample(
        "shopify-customers.csv",
        "Shopify customer export",
        CUSTOMERS,
        "Customers from Shopify",
        "As Shopify's admin exports customers: the layout is recognised, 40 people are new, others get a new city or "
        "phone, and two rows have no e-mail address.",
    ),
    Sample(
        "recharge-customers.csv",
        "Recharge customer export",
        CUSTOMERS,
        "Customers from Recharge",
        "As Recharge names its columns: 25 people are new, and of the others it is told what they subscribe to.",
    ),
)


def folder() -> Path:
    return Path(settings.DATA_DIR) / "samples"


def find(name: str) -> tuple[Sample, Path] | None:
    """The sample called `name` and its file; None when there is no such sample, or it was not written here."""
    sample = next((sample for sample in SAMPLES if sample.name == name), None)
    if sample is None or not (path := folder() / sample.name).is_file():
        return None
    return sample, path


def are_here() -> bool:
    return all(find(sample.name) for sample in SAMPLES)


def write(people: list[Person]) -> None:
    """Write every sample, about `people`; the same people give the same rows."""
    folder().mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        # Each file has dice of its own, so that a new one leaves the others as they were.
        rng = Random(f"{_SEED} {sample.name}")  # noqa: S311 - made-up people need no secret dice
        known = [person for person in people if not person.is_tester]
        (folder() / sample.name).write_bytes(_MAKERS[sample.name](rng, known))


def _tasting_guests(rng: Random, people: list[Person]) -> bytes:
    return layouts.as_csv(layouts.MEMBERS, map(layouts.member_row, rng.sample(people, 120)))


def _market_stall(rng: Random, people: list[Person]) -> bytes:
    western = [person for person in people if _fits_windows(person.name)]
    guests = rng.sample(western, 90)
    rows: list[list[str]] = [[person.name, person.email, person.phone, ""] for person in guests]
    rows += [[name.upper(), f"  {email.upper()} ", phone, "was here before"] for name, email, phone, _ in rows[:8]]
    for row in rows[8:14]:
        row[3] = "likes Jasmine Pearls;\nasks about decaf,\nand said “see you next week”"
    rows += [[*_stranger(rng), "", "new"] for _ in range(14)]
    slips = ("anna lee@example.com", "n/a", "maria.lopez@", "", "peter@example", "zoë@@example.com")
    rows += [["Someone", slip, "", "could not read this"] for slip in slips]
    rng.shuffle(rows)
    return layouts.as_csv(("Name", "E-Mail", "Telefon", "Notes"), rows, delimiter=";", encoding="cp1252")


def _holiday_orders(rng: Random, people: list[Person]) -> bytes:
    return layouts.as_xlsx(layouts.MEMBERS, map(layouts.member_row, rng.sample(people, 60)), title="Orders")


def _too_many(rng: Random, people: list[Person]) -> bytes:
    rows = [layouts.member_row(person) for person in people]
    rows += [(f"reader{number}@example.net", "", "") for number in range(9_400 - len(rows))]
    return layouts.as_csv(layouts.MEMBERS, rows)


def _shopify_customers(rng: Random, people: list[Person]) -> bytes:
    known = [_moved(rng, person, people) for person in rng.sample(people, 160)]
    rows = [layouts.shopify_row(person) for person in known + _newcomers(rng, people, 40)]
    rows += [layouts.shopify_row(replace(person, email="")) for person in rng.sample(people, 2)]
    rng.shuffle(rows)
    return layouts.as_csv(layouts.SHOPIFY, rows, encoding="utf-8-sig")


def _recharge_customers(rng: Random, people: list[Person]) -> bytes:
    known = [person for person in people if person.recharge_id]
    rows = [layouts.recharge_row(person) for person in rng.sample(known, 150) + _newcomers(rng, known, 25)]
    return layouts.as_csv(layouts.RECHARGE, rows)


_MAKERS: dict[str, Callable[[Random, list[Person]], bytes]] = {
    "tasting-guests.csv": _tasting_guests,
    "market-stall.csv": _market_stall,
    "holiday-orders.xlsx": _holiday_orders,
    "too-many.csv": _too_many,
    "shopify-customers.csv": _shopify_customers,
    "recharge-customers.csv": _recharge_customers,
}


def _stranger(rng: Random) -> tuple[str, str]:
    """Name and address of someone who is no customer."""
    _, _, given, family = draw_name(rng)
    return f"{given} {family}".title(), f"{family}.{given}{rng.randrange(1000)}@example.org"


def _newcomers(rng: Random, people: list[Person], count: int) -> list[Person]:
    """Customers to be, who live and buy like some that are here."""
    found = []
    for person in rng.sample(people, count):
        name, email = _stranger(rng)
        first, _, last = name.partition(" ")
        newcomer = replace(person, first_name=first, last_name=last, email=email, phone="", company="")
        newcomer.shopify_id, newcomer.recharge_id = f"9{person.shopify_id[1:]}", f"7{person.recharge_id}"
        found.append(newcomer)
    return found


def _moved(rng: Random, person: Person, people: list[Person]) -> Person:
    other = rng.choice(people)
    return replace(person, place=other.place, phone=other.phone) if rng.random() < 0.3 else person


def _fits_windows(text: str) -> bool:
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
