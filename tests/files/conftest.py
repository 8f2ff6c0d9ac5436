"""A store with two customers, and both doors for files to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from portal.models import Store, User
from portal.models.sheet import FOLDER
from segments.actions import create_segment
from tests.conftest import make_customer
from tests.corpus.cases import KNOWN
from tests.files.doors import CustomerDoor, Door, SegmentDoor

Doors = dict[str, Door]


@pytest.fixture
def client(owner: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(owner)


@pytest.fixture
def doors(client: Client, owner: User, store: Store, run_jobs: Callable[[], Any]) -> Doors:
    for email in KNOWN:
        make_customer(store, email)
    segment = create_segment(store, name="Big Spenders", actor=owner)
    return {"segment": SegmentDoor(client, segment, run_jobs), "customers": CustomerDoor(client, store, run_jobs)}


def stored_files() -> set[str]:
    return set(default_storage.listdir(FOLDER)[1]) if default_storage.exists(FOLDER) else set()
