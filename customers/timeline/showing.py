"""A page of a customer's timeline as the templates have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from customers.models import Customer
from customers.timeline.merging import Happening, Kind, Position, kinds_of, page_of
from portal.models import Staff


def shown(customer: Customer, staff: Staff, parameters: Any = None) -> dict[str, Any]:
    """What the templates of the timeline are made of for this member of staff, as the query `parameters` ask for it."""
    asked = parameters or {}
    kinds = kinds_of(customer.store)
    kind = next((kind for kind in kinds if kind == asked.get("kind")), None)
    beyond = Position.read(asked.get("beyond", ""))
    page = page_of(customer, beyond=beyond, kind=kind)
    at = reverse("customers:timeline", args=(customer.store.slug, customer.pk))
    return {
        "entries": [_for(staff, entry) for entry in page.entries],
        "more": _address(at, kind, page.next) if page.next else "",
        "latest": _address(at, kind) if beyond else "",
        "kinds": [("All", at, kind is None), *((kinds[one], _address(at, one), one == kind) for one in kinds)],
    }


def _for(staff: Staff, entry: Happening) -> Happening:
    return entry if staff.may(entry.needs) else replace(entry, url="")


def _address(at: str, kind: Kind | None, beyond: str = "") -> str:
    said = {name: value for name, value in (("kind", kind), ("beyond", beyond)) if value}
    return f"{at}?{urlencode(said)}" if said else at
