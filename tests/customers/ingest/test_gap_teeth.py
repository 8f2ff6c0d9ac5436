"""Twins of what tells of gaps: with the care taken away, its tests would see it."""

from __future__ import annotations

import pytest

from customers.ingest import gaps
from customers.models.arrivals import LOOKS
from customers.timeline import showing
from tests.customers.ingest import test_gaps
from tests.customers.ingest.test_gaps import ada, eve
from tests.customers.ingest.test_taking_in import poisoned
from tests.customers.twins import Patch, Twin, twins

__all__ = ["ada", "eve", "poisoned"]
pytestmark = pytest.mark.django_db(transaction=True)


def names_stay(patch: Patch) -> None:
    patch.setattr(gaps, "forget", lambda *_: None)


def nobody_was_erased(patch: Patch) -> None:
    patch.setattr(gaps, "erased_among", lambda *_: set())


def tries_are_not_counted(patch: Patch) -> None:
    patch.setattr(gaps, "F", lambda _: LOOKS + 1)


def links_for_all(patch: Patch) -> None:
    patch.setattr(showing, "_for", lambda _, entry: entry)


@twins(
    names_go_with_a_replay=Twin(
        test_gaps.test_the_next_event_is_taken_in_and_the_timeline_tells_of_the_gap, names_stay
    ),
    names_go_with_their_body=Twin(test_gaps.test_who_is_erased_is_named_no_more, names_stay),
    the_erased_are_left_out=Twin(test_gaps.test_who_is_erased_is_named_no_more, nobody_was_erased),
    tries_are_counted=Twin(test_gaps.test_what_cannot_be_looked_through_stops_nothing, tries_are_not_counted),
    links_for_those_who_may=Twin(test_gaps.test_who_may_not_see_sources_gets_no_link, links_for_all),
)
def test_without_it_the_test_fails(twin: Twin, request: pytest.FixtureRequest, monkeypatch: Patch) -> None:
    twin.told(request, monkeypatch)
