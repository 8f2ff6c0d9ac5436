"""A few hundred of the files that `make fuzz` makes by the hundred thousand."""

from __future__ import annotations

import pytest

from tests.files.conftest import Doors
from tests.fuzz.doors import through_doors
from tests.fuzz.runner import try_one, try_requests, try_values
from tests.fuzz.tally import Tally
from tests.fuzz.targets import WAYS_IN

SEED = 20_261_122
FILES, PIECES, THROUGH_DOORS = 400, 4, 12


@pytest.mark.parametrize("piece", range(PIECES))
def test_mutated_files_are_read_or_refused(piece: int) -> None:
    tally = Tally()
    for number in range(piece, FILES, PIECES):
        try_one(SEED, number, tally, None)
        try_values(SEED, number, tally)
    assert tally.failures == []
    assert tally.rows > 50
    assert len(tally.refused) > 5


def test_requests_webhooks_and_rows_are_read_or_refused() -> None:
    tally = Tally()
    for number in range(FILES):
        try_requests(SEED, number, tally)
    assert tally.failures == []
    assert tally.values == FILES * len(WAYS_IN)
    assert {"segment", "amplitude", "webhooks of Shopify", "webhooks of Recharge", "rows of orders"} < set(WAYS_IN)


@pytest.mark.django_db
def test_mutated_files_through_the_doors(doors: Doors) -> None:
    tally = Tally()
    for number in range(THROUGH_DOORS):
        through_doors(SEED, number, doors, tally, None)
    assert tally.failures == []
    assert tally.through_doors == THROUGH_DOORS
