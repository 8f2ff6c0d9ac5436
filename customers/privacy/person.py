"""The person whom it is about: what is known to look for, and how to tell the person's data from other people's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Q

from customers.models import Customer, FormerAddress
from customers.privacy.identity import EMAIL, KINDS
from portal.audit import ADDRESS, ANY_ADDRESS
from portal.emails import email_key
from portal.models import Store

LONGER = r"[\w-]|\.(?!(?:csv|tsv|txt|xls|xlsx|zip)(?!\w))\w"
"""What follows where an address goes on."""
SHORTEST_PHONE = 7
"""Digits from which on a phone number is looked for in texts: shorter ones are parts of other numbers."""
SHORTEST_NAME = 2
"""Letters from which on a name is told from a size or a mark."""


@dataclass(frozen=True)
class Person:
    """A person as the store's data knows them; made of a customer, or of an address that is no customer's."""

    store: Store
    customer_id: int | None
    keys: tuple[str, ...]
    """Keys of the addresses that are the person's alone, the present one first."""
    shared_keys: tuple[str, ...] = ()
    """Keys of former addresses that are somebody else's by now."""
    addresses: tuple[str, ...] = ()
    """The addresses as they were typed."""
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    """Where else the person is known → the id there."""

    @classmethod
    def of(cls, customer: Customer) -> Person:
        store = customer.store
        former = FormerAddress.objects.for_store(store).filter(customer=customer).order_by("-pk")
        known = {row.email_key: row.email for row in former}
        others = Customer.objects.for_store(store).filter(email_key__in=known).exclude(pk=customer.pk)
        shared = set(others.values_list("email_key", flat=True))
        alone = [key for key in known if key not in shared and key != customer.email_key]
        return cls(
            store,
            customer.pk,
            keys=(customer.email_key, *alone),
            shared_keys=tuple(sorted(shared)),
            addresses=(customer.email, *(known[key] for key in alone)),
            first_name=customer.first_name,
            last_name=customer.last_name,
            phone=customer.phone,
            ids={kind: getattr(customer, kind) for kind in KINDS if kind != EMAIL and getattr(customer, kind)},
        )

    @classmethod
    def at(cls, store: Store, address: str) -> Person:
        """Whoever has this address, which is no customer's. Raises InvalidEmail."""
        return cls(store, None, keys=(email_key(address),), addresses=(address,))

    @classmethod
    def from_json(cls, store: Store, kept: dict[str, Any]) -> Person:
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()
        }
        return cls(store, **values)

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "store"}

    @property
    def known_as(self) -> list[tuple[str, str]]:
        """Pairs of kind and value by which the person would be recognised."""
        return [*((EMAIL, key) for key in self.keys), *self.ids.items()]

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() if self.first_name and self.last_name else ""

    @property
    def rows(self) -> Q:
        """What is true of rows about the person in tables with an `email_key` and a `customer_id`."""
        mine = Q(email_key__in=self.keys)
        if self.customer_id is not None:
            mine |= Q(email_key__in=self.shared_keys, customer_id=self.customer_id)
        return mine

    @property
    def number(self) -> int:
        """The customer's number; one that no row has for a person who is no customer."""
        return self.customer_id or 0

    # --- In texts

    @cached_property
    def marks(self) -> list[str]:
        """What gives the person away in a text: addresses, and a phone number that is long enough."""
        has_phone = sum(character.isdigit() for character in self.phone) >= SHORTEST_PHONE
        found = {*self.keys, *self.addresses, *([self.phone] if has_phone else [])}
        return sorted(filter(None, found))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        said = {unicodedata.normalize(form, mark) for mark in self.marks for form in ("NFC", "NFD")}
        words = "|".join(re.escape(mark) for mark in sorted(said, key=len, reverse=True))
        # joanna@x.example is not anna@x.example, and anna@x.example.net is not either; anna@x.example.csv is her file.
        return re.compile(rf"(?<![\w.+%-])(?:{words})(?!{LONGER})", re.IGNORECASE)

    def is_in(self, text: str) -> bool:
        """Whether the text names the person."""
        return bool(self._pattern.search(text))

    def blank(self, text: str, by: str) -> str:
        """The text with `by` in the places where it names the person."""
        return self._pattern.sub(lambda _: by, text)

    def blank_all(self, value: Any, by: str) -> Any:
        """The JSON value, blanked in all its texts, names of its parts included. A name alone may be anybody's; beside
        an address or number of the person it is the person's, and goes too."""
        if isinstance(value, str):
            return self.blank(value, by)
        blanked = _each_text(value, lambda text: self.blank(text, by))
        if blanked == value:
            return value
        return _each_text(blanked, lambda text: by if self._is_name(text) else text, in_keys=False)

    def _is_name(self, text: str) -> bool:
        return unicodedata.normalize("NFC", text).strip().casefold() in self._names

    @cached_property
    def _names(self) -> set[str]:
        first, last = self.first_name, self.last_name
        said = {first, last, *([f"{first} {last}", f"{last} {first}", f"{last}, {first}"] if self.full_name else [])}
        return {unicodedata.normalize("NFC", name).casefold() for name in said if len(name) >= SHORTEST_NAME}

    def only(self, text: str) -> str:
        """The text without the addresses of others."""
        return ANY_ADDRESS.sub(lambda found: found[0] if self.is_in(found[0]) else ADDRESS, text)

    def is_meant(self, texts: Iterable[str]) -> bool:
        """Whether cells of a row without a readable address are about the person."""
        said = [unicodedata.normalize("NFC", text).casefold() for text in texts if text]
        own = {text.casefold() for text in (self.phone, self.full_name) if text}
        if self.full_name:
            own.add(f"{self.last_name} {self.first_name}".casefold())
        return any(text in own for text in [*said, " ".join(said)]) or any(map(self.is_in, said))

    def is_sought(self, words: str) -> bool:
        """Whether a search for `words` finds the person: each occurs in name, address or phone."""
        own = " ".join((*self.addresses, *self.keys, self.first_name, self.last_name, self.phone)).casefold()
        wanted = words.casefold().split()
        return bool(wanted) and all(word in own for word in wanted)


def _each_text(value: Any, change: Callable[[str], str], *, in_keys: bool = True) -> Any:
    """The JSON value with each of its texts changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(part, change, in_keys=in_keys) for part in value]
    if isinstance(value, dict):
        return {
            change(name) if in_keys else name: _each_text(part, change, in_keys=in_keys) for name, part in value.items()
        }
    return value
