"""Whose layout a file has, and what each of its columns is read as."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.tabular import EMAIL_NAMES, FIRST_NAMES, FULL_NAMES, LAST_NAMES, PHONE_NAMES, find_column
from portal.tabular.columns import column_key

TEMPLATE, SHOPIFY, RECHARGE, OTHER = "template", "shopify", "recharge", "other"
SOURCES = {
    TEMPLATE: "Coterie's template",
    SHOPIFY: "A Shopify customer export",
    RECHARGE: "A Recharge customer export",
    OTHER: "Another file",
}

FIELDS = {
    "email": "E-mail",
    "first_name": "First name",
    "last_name": "Last name",
    "full_name": "Full name",
    "phone": "Phone",
    "signed_up_at": "Signed up",
    "acquisition_channel": "Acquisition channel",
    "tags": "Tags",
    "marketing_consent": "Marketing consent",
    "shopify_id": "Shopify id",
    "recharge_id": "Recharge id",
    "all_attributes": "Attributes",
}
"""What a column may be read as; one column a field. `all_attributes` holds a JSON object, as our own export has it."""

IN_DAYS_FIRST, IN_MONTHS_FIRST = "_day_first", "_month_first"
"""What a reading of dates ends with that says what their figures begin with."""
DAY_FIRST, MONTH_FIRST = "signed_up_day_first", "signed_up_month_first"
READINGS = {
    **dict(list(FIELDS.items())[:6]),
    DAY_FIRST: "Signed up (day first, 31/12/2024)",
    MONTH_FIRST: "Signed up (month first, 12/31/2024)",
    **dict(list(FIELDS.items())[6:]),
}
"""Every way to read a column: the fields, and the one that needs it in more than one way."""

ATTRIBUTE_NAME_LENGTH = 100


def with_orders_of_dates(fields: dict[str, str], dates: Iterable[str]) -> dict[str, str]:
    """The fields, and after each of those that are `dates` its other two readings."""
    readings: dict[str, str] = {}
    for name, label in fields.items():
        readings[name] = label
        if name in dates:
            readings[name + IN_DAYS_FIRST] = f"{label} (day first, 31/12/2024)"
            readings[name + IN_MONTHS_FIRST] = f"{label} (month first, 12/31/2024)"
    return readings


_GUESSES: dict[str, Sequence[str]] = {
    "email": EMAIL_NAMES,
    "first_name": FIRST_NAMES,
    "last_name": LAST_NAMES,
    "full_name": FULL_NAMES,
    "phone": PHONE_NAMES,
    "signed_up_at": (
        "signed up", "signed up at", "signup date", "sign up date", "signed up on", "created at", "created",
        "created on", "date created", "customer since", "registered", "registration date", "date joined", "joined",
        "date added", "subscribed at", "profile created on",
    ),
    "acquisition_channel": (
        "acquisition channel", "channel", "utm source", "marketing channel", "referral source", "traffic source",
    ),
    "tags": ("tags", "tag", "labels", "customer tags"),
    "marketing_consent": (
        "marketing consent", "email marketing consent", "accepts email marketing", "accepts marketing", "consent",
        "email consent", "marketing opt in", "opt in", "newsletter", "email marketing",
    ),
    "shopify_id": ("shopify id", "shopify customer id", "external customer id"),
    "recharge_id": ("recharge id", "recharge customer id"),
    "all_attributes": ("attributes",),
}  # fmt: skip

_SHOPIFY_FIELDS = {
    "Customer ID": "shopify_id",
    "First Name": "first_name",
    "Last Name": "last_name",
    "Email": "email",
    "Accepts Email Marketing": "marketing_consent",
    "Phone": "phone",
    "Tags": "tags",
}
_SHOPIFY_TELLS = ("Total Spent", "Total Orders", "Tax Exempt", "Accepts SMS Marketing")
_METAFIELD = re.compile(r"(.+) \(customer\.metafields\.[^()]+\)")

_RECHARGE_FIELDS = {
    "id": "recharge_id",
    "email": "email",
    "first_name": "first_name",
    "last_name": "last_name",
    "phone": "phone",
    "created_at": "signed_up_at",
    "external_customer_id": "shopify_id",
}
_RECHARGE_TELLS = (
    "subscriptions_active_count",
    "subscriptions_total_count",
    "subscription_related_charge_streak",
    "streak_of_uncancelled_charges",
    "has_payment_method_in_dunning",
    "has_valid_payment_method",
    "first_charge_processed_at",
)
# The hash opens the customer's own portal, and the time of the last change there says nothing here.
_RECHARGE_IGNORED = frozenset({"hash", "updatedat"})


@dataclass(frozen=True)
class Layout:
    """What the columns of a file are read as, by their index: as fields, and as attributes by name. A column in
    neither is ignored."""

    source: str
    fields: dict[str, int]
    attributes: dict[str, int] = field(default_factory=dict)

    @property
    def mapping(self) -> dict[str, Any]:
        """The layout as an upload keeps it."""
        return {**self.fields, "attributes": self.attributes}

    @classmethod
    def of(cls, source: str, mapping: dict[str, Any]) -> Layout:
        """The layout that an upload keeps as `mapping`."""
        fields = {name: index for name, index in mapping.items() if name != "attributes"}
        return cls(source, fields, dict(mapping.get("attributes", {})))

    def readings(
        self, headers: Sequence[str], labels: Mapping[str, str] = READINGS, rest: str = "Attribute"
    ) -> list[tuple[str, str]]:
        """Each header with what it is read as, in words; '' for ignored. `labels` are what the fields are called, and
        `rest` what the others are kept as."""
        said = {index: labels[name] for name, index in self.fields.items() if name in labels}
        said |= {index: f"{rest} “{name}”" for name, index in self.attributes.items()}
        return [(header or f"Column {index + 1}", said.get(index, "")) for index, header in enumerate(headers)]


def field_of(reading: str) -> str:
    """The field that a column read as `reading` fills."""
    if reading in (DAY_FIRST, MONTH_FIRST):
        return "signed_up_at"
    return reading.removesuffix(IN_DAYS_FIRST).removesuffix(IN_MONTHS_FIRST)


def recognise(headers: Sequence[str]) -> Layout:
    """The layout of a file with these headers; a guess, with `source` OTHER, when it is nobody's we know."""
    return _as_template(headers) or _as_shopify(headers) or _as_recharge(headers) or _guess(headers)


def _as_template(headers: Sequence[str]) -> Layout | None:
    known = {column_key(label): name for name, label in FIELDS.items() if name != "full_name"}
    named = [(known.get(column_key(header), ""), index) for index, header in enumerate(headers) if header]
    fields = dict(named)
    is_ours = "email" in fields and "" not in fields and len(fields) == len(named)
    return Layout(TEMPLATE, fields) if is_ours else None


def _as_shopify(headers: Sequence[str]) -> Layout | None:
    places = places_of(headers)
    wanted = ("Email", "Accepts Email Marketing")
    if not all(column_key(name) in places for name in wanted) or not any_of(_SHOPIFY_TELLS, places):
        return None
    fields = {name: places[key] for label, name in _SHOPIFY_FIELDS.items() if (key := column_key(label)) in places}
    return Layout(SHOPIFY, fields, kept_columns(headers, fields, _shopify_attribute))


def attribute_name(header: str) -> str:
    """How the attribute is called that a column is kept as."""
    return " ".join(header.split())[:ATTRIBUTE_NAME_LENGTH]


def _shopify_attribute(header: str) -> str:
    metafield = _METAFIELD.fullmatch(header)
    return metafield[1] if metafield else header.removeprefix("Default Address ")


def _as_recharge(headers: Sequence[str]) -> Layout | None:
    """Recharge does not publish the header of its CSV: taken are the names of its API, as it spells customers there.

    It is known by an e-mail, by the customer's id there or at the shop, and by one of the columns that only a
    subscription business has.
    """
    places = places_of(headers)
    has_id = any_of(("id", "external_customer_id"), places)
    if "email" not in places or not has_id or not any_of(_RECHARGE_TELLS, places):
        return None
    fields = {name: places[key] for label, name in _RECHARGE_FIELDS.items() if (key := column_key(label)) in places}
    ignored = {index for key, index in places.items() if key in _RECHARGE_IGNORED}
    return Layout(RECHARGE, fields, kept_columns(headers, fields, str, ignored))


def _guess(headers: Sequence[str]) -> Layout:
    fields: dict[str, int] = {}
    for name, names in _GUESSES.items():
        index = find_column(headers, names)
        if index is not None and index not in fields.values():
            fields[name] = index
    if "first_name" in fields or "last_name" in fields:
        fields.pop("full_name", None)
    return Layout(OTHER, fields, kept_columns(headers, fields, str))


def places_of(headers: Sequence[str]) -> dict[str, int]:
    """Key of a header → its column."""
    return {column_key(header): index for index, header in enumerate(headers) if header}


def any_of(names: Iterable[str], places: dict[str, int]) -> bool:
    """Whether one of the headers is there."""
    return any(column_key(name) in places for name in names)


def kept_columns(
    headers: Sequence[str], fields: dict[str, int], name_of: Any, ignored: Iterable[int] = ()
) -> dict[str, int]:
    taken = {*fields.values(), *ignored}
    return {
        attribute_name(name_of(header)): index for index, header in enumerate(headers) if header and index not in taken
    }
