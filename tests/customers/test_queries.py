"""Finding customers by what people type."""

from __future__ import annotations

import pytest

from customers import queries
from portal.models import Store
from tests.conftest import make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(store: Store, other_store: Store) -> None:
    make_customer(store, "Ann.Lee@maple.example", first_name="Ann", last_name="Lee", phone="+1 555 0100")
    make_customer(store, "bob@maple.example", first_name="Bob", last_name="O'Hara_100%")
    make_customer(store, "zoe@maple.example", first_name="Zoë", last_name="Émile")
    make_customer(other_store, "ann.lee@maple.example", first_name="Ann", last_name="Elsewhere")
    make_customer(other_store, "annika@willow.example")


@pytest.mark.parametrize(
    "text",
    ["ann.lee@maple.example", " ANN.LEE@Maple.Example ", "Ann <ann.lee@maple.example>", "mailto:Ann.Lee@maple.example"],
)
def test_an_address_finds_its_customer_in_any_form(store: Store, ann: None, text: str) -> None:
    found = queries.find_by_email(store, text)
    assert found is not None
    assert (found.store_id, found.last_name) == (store.pk, "Lee")
    assert [customer.pk for customer in queries.search(store, text)] == [found.pk]


@pytest.mark.parametrize("text", ["", "ann", "nobody@maple.example", "annika@willow.example", "a\x00nn@maple.example"])
def test_no_address_finds_nobody(store: Store, ann: None, text: str) -> None:
    assert queries.find_by_email(store, text) is None


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("lee", ["Lee"]),
        ("LEE ann", ["Lee"]),
        ("0100", ["Lee"]),
        ("maple", ["Lee", "O'Hara_100%", "Émile"]),
        ("ann@map", []),
        ("lee@map", ["Lee"]),
        ("100%", ["O'Hara_100%"]),
        ("a_100", ["O'Hara_100%"]),
        ("émile", ["Émile"]),
        ("ÉMILE zoë", ["Émile"]),
        ("elsewhere", []),
        ("bob lee", []),
        ("  ", ["Lee", "O'Hara_100%", "Émile"]),
        ("\x00", []),
        ('"a@b" <>', []),
    ],
)
def test_every_word_must_occur(store: Store, ann: None, words: str, found: list[str]) -> None:
    assert sorted(customer.last_name for customer in queries.search(store, words)) == sorted(found)


def test_suggestions_begin_with_what_is_typed_then_contain_it(store: Store, ann: None) -> None:
    make_customer(store, "lee@maple.example", last_name="Short")
    assert [customer.last_name for customer in queries.suggest(store, "lee")] == ["Short", "Lee"]
    assert [customer.last_name for customer in queries.suggest(store, "lee", limit=1)] == ["Short"]
    assert queries.suggest(store, "  ") == []
    assert queries.suggest(store, "\x00") == []
    assert queries.suggest(store, "annika") == []
