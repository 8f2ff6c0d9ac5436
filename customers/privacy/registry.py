"""What every field of every model holds of people, and the places in which a person is found and erased.

Each app says it of its own models, in a module that its AppConfig loads: `classify` for the fields, `place` for what
finds a person's data there, tells it and takes it away. A field that nobody has spoken for fails the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from django.apps import apps
from django.db.models import QuerySet

from customers.privacy.person import Person


class Holds(StrEnum):
    """What a field holds: nothing about people, something about staff, or something about a customer and how that
    customer's rows are found."""

    NOTHING = "nothing"
    STAFF = "staff"
    BY_ID = "by the customer's number"
    BY_KEY = "by the address, or a number in the same row"
    IN_TEXT = "by looking through the text"
    IN_FILE = "by looking through the file"

    @property
    def is_of_customers(self) -> bool:
        return self not in (Holds.NOTHING, Holds.STAFF)


@dataclass(frozen=True)
class Portion:
    """What one portion of erasing has come to: `erased` things, and the number after which the next begins (None: the
    place is done)."""

    erased: int
    after: int | None = None


class Place(Protocol):
    """A part of the data in which people are found."""

    name: str
    """What it is called where its count is shown."""
    covers: tuple[str, ...]
    """The models, as `app.Model`, whose personal fields it tells and erases."""

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        """All that is held on the person here, as JSON; nothing about anybody else."""
        ...

    def erase(self, person: Person, after: int) -> Portion:
        """Take away what lies beyond `after` (0 at first), as much as one transaction should write. Done twice it
        finds nothing the second time. Whatever writes here at the same time waits for the same locks."""
        ...


_fields: dict[str, dict[str, Holds]] = {}
_places: list[Place] = []


def hold(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The rows, each with the lock that whoever writes people there holds: what they wrote before is seen from here
    on, and what they write after that they judge by the hashes."""
    return rows.select_for_update(no_key=True, of=("self",))


def classify(
    model: str,
    *,
    nothing: str = "",
    staff: str = "",
    by_id: str = "",
    by_key: str = "",
    in_text: str = "",
    in_file: str = "",
) -> None:
    """Say of each field of `model` (`app.Model`) what it holds; the names in each group are set apart by spaces."""
    groups = (
        (Holds.NOTHING, nothing),
        (Holds.STAFF, staff),
        (Holds.BY_ID, by_id),
        (Holds.BY_KEY, by_key),
        (Holds.IN_TEXT, in_text),
        (Holds.IN_FILE, in_file),
    )
    known = _fields.setdefault(model.lower(), {})
    for holds, names in groups:
        for name in names.split():
            if name in known:
                raise ValueError(f"{model}.{name} is spoken for twice.")
            known[name] = holds


def place(found: Place) -> Place:
    """Add a place; they are gone through in the order in which they were added."""
    _places.append(found)
    return found


def places() -> tuple[Place, ...]:
    return tuple(_places)


def fields_of(model: str) -> dict[str, Holds]:
    """Field → what it holds."""
    return _fields.get(model.lower(), {})


def gaps() -> list[str]:
    """What is wrong with what was said: fields that nobody spoke for, fields that do not exist, and models with
    personal data of customers that no place covers."""
    there = {
        model._meta.label_lower: {field.name for field in model._meta.fields}
        for model in apps.get_models(include_auto_created=True)
    }
    covered = {label.lower() for found in _places for label in found.covers}
    wrong = [f"{model}.{name}: say what it holds" for model in there for name in there[model] - set(fields_of(model))]
    for model, fields in _fields.items():
        wrong += [f"{model}.{name} does not exist" for name in set(fields) - there.get(model, set())]
        if model not in covered and any(holds.is_of_customers for holds in fields.values()):
            wrong.append(f"{model} holds personal data, and no place covers it")
    return sorted(wrong)
