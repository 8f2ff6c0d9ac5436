"""All that is held on one person, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from customers.actions import label_of
from customers.models import Customer
from customers.privacy import registry
from customers.privacy.person import Person
from portal import audit
from portal.models import User

FORMAT = "coterie.person/1"


def stream(person: Person) -> Iterator[str]:
    """The person's data as the text of one JSON object, a part at a time: a list for each place."""
    about = {"format": FORMAT, "store": person.store.name, "exported_at": timezone.now(), "addresses": person.addresses}
    yield "{\n" + ",\n".join(f"{_text(name)}: {_text(value)}" for name, value in about.items())
    for place in registry.places():
        yield f",\n{_text(place.name)}: ["
        for number, said in enumerate(place.tell(person)):
            yield ("," if number else "") + "\n  " + _text(said)
        yield "\n]"
    yield "\n}\n"


def note(person: Person, customer: Customer | None, *, actor: User) -> None:
    """Write in the audit trail that all that is held on the person was taken out."""
    label = label_of(customer) if customer else "Somebody who is no customer"
    changes = {name.lower(): [None, count] for name, count in counts(person).items() if count}
    audit.record(person.store, "exported personal data of", customer, actor=actor, label=label, changes=changes)


def counts(person: Person) -> dict[str, int]:
    """Place → how much is held on the person there."""
    return {place.name: sum(1 for _ in place.tell(person)) for place in registry.places()}


def _text(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
