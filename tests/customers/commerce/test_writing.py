"""The door of products, orders and subscriptions: the newest word holds, in whatever order and portions words come."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.commerce import writing
from customers.commerce.records import OrderSaid, Outcome, ProductSaid
from customers.models import Customer, Order, OrderLine, Product, Subscription, TouchedCustomer
from customers.register import customers_version
from portal.models import Store
from tests.conftest import is_postgresql, make_customer
from tests.customers.commerce.saying import Reference, at, expected, line, order, subscription, written

pytestmark = pytest.mark.django_db
NEW, CHANGED, SAME, OLDER, GONE = (
    Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.OLDER, Outcome.GONE
)  # fmt: skip


@pytest.fixture
def people(store: Store) -> list[Customer]:
    return [make_customer(store, f"buyer{number}@maple.example") for number in range(3)]


def say(store: Store, *words: OrderSaid) -> list[Outcome]:
    with transaction.atomic():
        return writing.write_orders(store, "shopify", words)


def touched(store: Store) -> set[int]:
    rows = TouchedCustomer.objects.for_store(store)
    who = set(rows.values_list("customer", flat=True))
    rows.delete()
    return who


words = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 4),
        st.integers(0, 2),
        st.sampled_from(["24", "24.000", "9.99", "0.001"]),
        st.sampled_from(["paid", "pending", "refunded", "cancelled"]),
        st.lists(st.sampled_from(["Coffee", "Tea", "Cup"]), max_size=3),
        st.sampled_from(["", "SPRING"]),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=words, cuts=st.lists(st.integers(0, 12), max_size=3), chance=st.randoms(use_true_random=False))
def test_the_newest_word_holds_in_whatever_order_they_come(
    store: Store, people: list[Customer], said: list[Any], cuts: list[int], chance: Any
) -> None:
    chance.shuffle(said)
    heard = [
        order(
            people[whose], number, minutes, total=Decimal(total), status=status, discount_codes=codes,
            lines=tuple(line(title) for title in lines),
        )
        for number, minutes, whose, total, status, lines, codes in said
    ]  # fmt: skip
    with transaction.atomic():
        reference, ends = Reference(), sorted({0, len(heard), *(min(cut, len(heard)) for cut in cuts)})
        for start, end in pairwise(ends):
            assert say(store, *heard[start:end]) == reference.hear(heard[start:end])
        assert written(store) == expected(reference)
        transaction.set_rollback(True)


def test_a_word_said_twice_changes_nothing_and_touches_nobody(store: Store, people: list[Customer]) -> None:
    assert say(store, order(people[0])) == [NEW]
    assert touched(store) == {people[0].pk}
    before = Order.objects.for_store(store).values().get()
    assert say(store, order(people[0])) == [SAME]
    assert say(store, order(people[0], minutes=5)) == [SAME]
    after = Order.objects.for_store(store).values().get()
    assert (before["id"], before["changed_at"], at(5)) == (after["id"], after["changed_at"], after["told_at"])
    assert say(store, order(people[0], minutes=4, total=Decimal(1))) == [OLDER]
    assert not touched(store)


def test_a_row_keeps_its_number_when_it_changes(store: Store, people: list[Customer]) -> None:
    say(store, order(people[0]), order(people[1], "2"))
    numbers = dict(Order.objects.for_store(store).values_list("external_id", "pk"))
    assert say(store, order(people[0], minutes=1, refunded=Decimal("4.5"), lines=(line("Tea"), line("Cup")))) == [
        CHANGED
    ]
    assert dict(Order.objects.for_store(store).values_list("external_id", "pk")) == numbers
    assert OrderLine.objects.for_store(store).filter(order=numbers["1"]).count() == 2
    assert OrderLine.objects.for_store(store).filter(order=numbers["2"]).count() == 1


def test_who_loses_an_order_is_told_of_as_who_gains_it(store: Store, people: list[Customer]) -> None:
    say(store, order(people[0]))
    touched(store)
    assert say(store, order(people[1], minutes=1)) == [CHANGED]
    assert touched(store) == {people[0].pk, people[1].pk}


def test_what_was_said_can_be_unsaid(store: Store, people: list[Customer]) -> None:
    with transaction.atomic():
        writing.write_subscriptions(
            store,
            "recharge",
            [subscription(people[0], next_charge_on=date(2026, 6, 1), cancellation_reason="Too much")],
        )
        assert writing.write_subscriptions(store, "recharge", [subscription(people[0], minutes=1, product=None)]) == [
            CHANGED
        ]
    row = Subscription.objects.for_store(store).get()
    assert (row.next_charge_on, row.cancellation_reason, row.product_id) == (None, "", None)


def test_nothing_is_written_for_those_who_are_not_there(
    store: Store, other_store: Store, people: list[Customer]
) -> None:
    stranger = make_customer(other_store, "stranger@oak.example")
    Customer.objects.for_store(store).filter(pk=people[2].pk).update(erased_at=timezone.now())
    said = (order(stranger), order(people[2], "2"), order(people[0], "3"), order(987_654, "4"))
    assert say(store, *said) == [GONE, GONE, NEW, GONE]
    assert Order.objects.for_store(store).count() == 1
    assert Product.objects.for_store(store).count() == 1
    assert touched(store) == {people[0].pk}


def test_another_source_and_another_store_have_numbers_of_their_own(
    store: Store, other_store: Store, people: list[Customer]
) -> None:
    other = make_customer(other_store, "buyer@oak.example")
    with transaction.atomic():
        assert writing.write_orders(store, "shopify", [order(people[0])]) == [NEW]
        assert writing.write_orders(store, "file", [order(people[0])]) == [NEW]
        assert writing.write_orders(other_store, "shopify", [order(other)]) == [NEW]
    assert Product.objects.for_store(store).count() == 2


def test_what_is_known_of_a_product_outlives_orders_that_only_name_it(store: Store, people: list[Customer]) -> None:
    say(store, order(people[0]))
    coffee = Product.objects.for_store(store).get()
    said = ProductSaid(external_id="P-Coffee", title="Good coffee", told_at=at(0), category="Coffee", is_box=True)
    silent = replace(said, title="Better coffee", told_at=at(1), category=None, is_box=None)
    with transaction.atomic():
        assert writing.write_products(store, "shopify", [said]) == [CHANGED]
        assert writing.write_products(store, "shopify", [silent, said]) == [CHANGED, OLDER]
    say(store, order(people[0], "2"))
    found = Product.objects.for_store(store).get()
    assert (found.pk, found.title, found.category, found.is_box) == (coffee.pk, "Better coffee", "Coffee", True)


def test_amounts_and_texts_arrive_as_they_were_said(store: Store, people: list[Customer]) -> None:
    exact, odd = Decimal("999999999999.999"), 'Tab\tline\nback\\slash "quoted" \x00 {a,b} ☕'
    say(store, order(people[0], total=exact, number=odd, lines=(line(odd, product=None),)))
    assert say(store, order(people[0], minutes=1, total=exact, discount_codes=odd, number=odd)) == [CHANGED]
    row = Order.objects.for_store(store).get()
    if is_postgresql():  # SQLite keeps numbers as floats: fifteen digits
        assert row.total == exact
    assert row.number == row.discount_codes == 'Tab line back\\slash "quoted" {a,b} ☕'


def test_a_portion_is_a_handful_of_statements_however_large(store: Store, people: list[Customer]) -> None:
    def statements(count: int, minutes: int) -> int:
        said = [order(people[0], str(number), minutes, total=Decimal(minutes)) for number in range(count)]
        with CaptureQueriesContext(
            connection,
        ) as caught:
            say(store, *said)
        return len(caught)

    statements(2, 0)
    few, many = statements(2, 1), statements(400, 1)
    assert few <= 13
    assert many <= few + 3  # some of them are new
    assert statements(400, 2) <= few


def test_the_version_of_the_customers_stays(store: Store, people: list[Customer]) -> None:
    before = customers_version(store)
    say(store, order(people[0]))
    assert customers_version(store) == before
