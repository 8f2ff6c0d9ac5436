"""Two stores with one of everything each: the victim's, with a sentinel in every text, and the attacker's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.models import Store, User
from tests.conftest import make_customer
from tests.test_access_matrix import SENTINEL, Furnished, furnish


@pytest.fixture
def victim(store: Store, settings: Any) -> Furnished:
    settings.DEMO = True
    return furnish(store)


@pytest.fixture
def mine(other_store: Store, victim: Furnished) -> Furnished:
    """No id of the victim's customer is one of these: an id that is both could be told from neither."""
    own = furnish(other_store, "mine")
    taken = {value for named in own.objects.values() for value in named.values()}
    theirs = victim.objects["customers:*"]
    while theirs["customer_id"] in taken:
        another = make_customer(victim.store, f"{SENTINEL}-{theirs['customer_id']}@maple.example")
        theirs["customer_id"] = theirs["pk"] = another.pk
    return own


@pytest.fixture
def attacker(mine: Furnished, stranger: User, client_of: Callable[..., Client]) -> Client:
    """The owner of the other store, signed in."""
    return client_of(stranger)
