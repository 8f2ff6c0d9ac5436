"""Files of people in the layouts that shops have them in: our templates, Shopify's export, Recharge's export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import timedelta

from openpyxl import Workbook

from customers.imports.layouts import FIELDS
from segments.demo.people import Person

Row = Sequence[object]

MEMBERS = ("email", "name", "phone")
CUSTOMERS = tuple(
    FIELDS[name]
    for name in ("email", "first_name", "last_name", "phone", "acquisition_channel", "tags", "marketing_consent")
)
SHOPIFY = (
    "Customer ID", "First Name", "Last Name", "Email", "Accepts Email Marketing", "Default Address Company",
    "Default Address Address1", "Default Address Address2", "Default Address City", "Default Address Province Code",
    "Default Address Country Code", "Default Address Zip", "Default Address Phone", "Phone", "Accepts SMS Marketing",
    "Total Spent", "Total Orders", "Note", "Tax Exempt", "Tags",
)  # fmt: skip
RECHARGE = (
    "id", "external_customer_id", "email", "first_name", "last_name", "phone", "created_at", "updated_at",
    "first_charge_processed_at", "subscriptions_active_count", "subscriptions_total_count",
    "has_valid_payment_method",
)  # fmt: skip


def member_row(person: Person) -> Row:
    return person.email, person.name, person.phone


def customer_row(person: Person) -> Row:
    consent = person.consent if person.consent != "unknown" else ""
    who = person.email, person.first_name, person.last_name, person.phone
    return (*who, person.channel, ", ".join(person.tags), consent)


def shopify_row(person: Person) -> Row:
    """As Shopify writes it: an apostrophe keeps numbers from being taken for such, flags are yes and no."""
    place, phone = person.place, person.phone and f"'{person.phone}"
    return (
        f"'{person.shopify_id}", person.first_name, person.last_name, person.email,
        "yes" if person.consent == "subscribed" else "no", person.company, "", "", place.city, place.region,
        place.country, "", phone, phone, "no", f"{person.spent / 100:.2f}", person.orders, "",
        "yes" if person.company else "no", ", ".join(person.tags),
    )  # fmt: skip


def recharge_row(person: Person) -> Row:
    first_charge = person.signed_up_at + timedelta(minutes=3)
    active = "0" if person.ends_on else "1"
    return (
        person.recharge_id, person.shopify_id, person.email, person.first_name, person.last_name, person.phone,
        f"{person.signed_up_at:%Y-%m-%dT%H:%M:%S}", f"{first_charge:%Y-%m-%dT%H:%M:%S}",
        f"{first_charge:%Y-%m-%dT%H:%M:%S}", active, "2" if person.orders > 40 else "1",
        "false" if person.ends_on else "true",
    )  # fmt: skip


def as_csv(headers: Row, rows: Iterable[Row], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """The rows as a CSV file; letters that `encoding` does not have become question marks."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([headers, *rows])
    return text.getvalue().encode(encoding, "replace")


def as_xlsx(headers: Row, rows: Iterable[Row], *, title: str) -> bytes:
    """The rows as a workbook of one sheet."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    for row in (headers, *rows):
        sheet.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
