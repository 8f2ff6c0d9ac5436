"""Two stores with one of everything each: the victim's, with a sentinel in every text, and the attacker's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.models import Store, User
from tests.test_access_matrix import Furnished, furnish


@pytest.fixture
def victim(store: Store, settings: Any) -> Furnished:
    settings.DEMO = True
    return furnish(store)


@pytest.fixture
def mine(other_store: Store, victim: Furnished) -> Furnished:
    return furnish(other_store, "mine")


@pytest.fixture
def attacker(mine: Furnished, stranger: User, client_of: Callable[..., Client]) -> Client:
    """The owner of the other store, signed in."""
    return client_of(stranger)
