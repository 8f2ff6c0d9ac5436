"""Whose layout a file has."""

from __future__ import annotations

import pytest

from customers.imports.layouts import OTHER, RECHARGE, SHOPIFY, TEMPLATE, Layout, recognise
from customers.resources import CustomerResource, template_headers


def columns(header: str) -> list[str]:
    return header.split(",")


SHOPIFY_NOW = columns(
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,"
    "Default Address Address2,Default Address City,Default Address Province Code,Default Address Country Code,"
    "Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,"
    "Tax Exempt,Tags"
)
SHOPIFY_BEFORE = columns(
    "First Name,Last Name,Email,Accepts Email Marketing,Company,Address1,Address2,City,Province,Province Code,Country,"
    "Country Code,Zip,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Tags,Note,Tax Exempt"
)
RECHARGE_NOW = columns(
    "id,hash,email,first_name,last_name,phone,created_at,updated_at,external_customer_id,subscriptions_active_count,"
    "has_payment_method_in_dunning"
)


def said(headers: list[str]) -> dict[str, str]:
    return {header: reading for header, reading in recognise(headers).readings(headers) if reading}


def test_our_template_and_our_export_are_known() -> None:
    assert recognise(template_headers()).source == TEMPLATE
    export = CustomerResource().get_export_headers()
    assert recognise(export).source == TEMPLATE
    assert set(said(export).values()) == {
        "E-mail", "First name", "Last name", "Phone", "Signed up", "Acquisition channel", "Tags", "Marketing consent",
        "Shopify id", "Recharge id", "Attributes",
    }  # fmt: skip


def test_a_part_of_the_template_is_the_template() -> None:
    assert recognise(["PHONE", "e-mail"]) == Layout(TEMPLATE, {"phone": 0, "email": 1})
    assert recognise(["Phone", "First name"]).source == OTHER
    assert recognise(["Email", "E-mail"]).source == OTHER


@pytest.mark.parametrize("headers", [SHOPIFY_NOW, SHOPIFY_BEFORE, ["Customer ID", *SHOPIFY_BEFORE]])
def test_both_of_shopifys_headers_are_known(headers: list[str]) -> None:
    layout = recognise(headers)
    assert layout.source == SHOPIFY
    readings = said(headers)
    assert readings["Email"] == "E-mail"
    assert readings["Accepts Email Marketing"] == "Marketing consent"
    assert readings["Phone"] == "Phone"
    assert ("shopify_id" in layout.fields) == ("Customer ID" in headers)
    assert {"City", "Province Code", "Country Code", "Zip", "Company", "Note"} <= set(layout.attributes)


def test_shopifys_metafields_go_by_their_label() -> None:
    headers = [*SHOPIFY_NOW, "Accepts WhatsApp Marketing", "Roast (customer.metafields.custom.roast)"]
    assert {"Roast", "Accepts WhatsApp Marketing"} <= set(recognise(headers).attributes)


def test_recharges_export_is_known_by_what_only_subscriptions_have() -> None:
    layout = recognise(RECHARGE_NOW)
    assert layout.source == RECHARGE
    assert layout.fields["recharge_id"] == 0
    assert layout.fields["shopify_id"] == RECHARGE_NOW.index("external_customer_id")
    assert layout.fields["signed_up_at"] == RECHARGE_NOW.index("created_at")
    assert set(layout.attributes) == {"subscriptions_active_count", "has_payment_method_in_dunning"}
    assert recognise(["id", "email", "created_at"]).source == OTHER


def test_any_other_file_is_guessed() -> None:
    headers = [
        "Kontakt",
        "E-Mail Adresse",
        "Nachname",
        "Vorname",
        "Telefon",
        "Customer Since",
        "Newsletter",
        "",
        "Stadt",
    ]
    layout = recognise(headers)
    assert layout.source == OTHER
    assert layout.fields == {
        "email": 1, "last_name": 2, "first_name": 3, "phone": 4, "signed_up_at": 5, "marketing_consent": 6,
    }  # fmt: skip
    assert layout.attributes == {"Kontakt": 0, "Stadt": 8}
    assert recognise(["email", "name", "city"]).fields == {"email": 0, "full_name": 1}


def test_no_column_is_read_twice_and_an_upload_keeps_the_layout() -> None:
    headers = ["mail", "Email", "Phone", "Mobile", "x" * 300]
    layout = recognise(headers)
    assert sorted([*layout.fields.values(), *layout.attributes.values()]) == [0, 1, 2, 3, 4]
    assert max(map(len, layout.attributes)) == 100
    assert Layout.of(layout.source, layout.mapping) == layout
