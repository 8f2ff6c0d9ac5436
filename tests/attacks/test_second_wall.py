"""What is left when the code forgets to name the store: on PostgreSQL, the database's own wall."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from portal import jobs, wall
from portal.jobs import Step
from portal.models import Job, Store, User
from portal.tenancy import StoreManager, StoreQuerySet
from tests.conftest import is_postgresql
from tests.test_access_matrix import SENTINEL, STORE_ROUTES, Furnished, body, fingerprint, furnish

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def first_wall_is_down(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reading that names a store answers with the rows of all."""
    if not is_postgresql():
        pytest.skip("The second wall is PostgreSQL's.")
    monkeypatch.setattr(StoreQuerySet, "for_store", lambda self, store: self.all())
    monkeypatch.setattr(StoreManager, "for_store", lambda self, store: self.model.everywhere.all())


@pytest.fixture
def no_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def nothing(_: Store) -> Any:
        yield

    monkeypatch.setattr(wall, "around", nothing)


@pytest.fixture
def victim(store: Store, settings: Any) -> Furnished:
    settings.DEMO = True
    return furnish(store)


@pytest.fixture
def attacker(other_store: Store, victim: Furnished) -> Furnished:
    return furnish(other_store, "mine")


def look_everywhere(client: Client, mine: Furnished, theirs: Furnished) -> None:
    """Every page of the own store, for own objects and for those of the other."""
    # Looking comes first: what is sent may delete what would be looked at.
    for method in ("GET", "POST"):
        for route in STORE_ROUTES:
            for named in (mine, theirs) if method in route.view.methods else ():
                answer = client.generic(method, named.url(route, mine.store) + "?q=sentinel&sort=email")
                assert SENTINEL not in body(answer) + str(answer.headers), f"{method} {route.name}"
                assert answer.status_code != 500


def test_pages_tell_nothing_of_another_store(
    victim: Furnished, attacker: Furnished, stranger: User, client_of: Callable[..., Client]
) -> None:
    before = fingerprint(victim.store)
    look_everywhere(client_of(stranger), attacker, victim)
    assert fingerprint(victim.store) == before


@pytest.mark.teeth
@pytest.mark.usefixtures("no_wall")
@pytest.mark.xfail(raises=AssertionError, reason="Without the second wall the pages tell of the other store.")
def test_without_the_second_wall_pages_do_tell(
    victim: Furnished, attacker: Furnished, stranger: User, client_of: Callable[..., Client]
) -> None:
    look_everywhere(client_of(stranger), attacker, victim)


class Careless:
    """Work that forgets which store it is for."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def step(self) -> Step:
        seen = list(Customer.objects.for_store(self.job.store).values_list("email", flat=True))
        Customer.objects.for_store(self.job.store).update(first_name="Overwritten")
        return Step(1, 1, result={"seen": seen})


def careless_work(victim: Furnished, attacker: Furnished, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal import work

    before = fingerprint(victim.store)
    monkeypatch.setitem(work._kinds, "test.careless", work.Kind(Careless, "bulk"))
    job = jobs.enqueue(attacker.store, "test.careless", label="Careless", actor=None)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert SENTINEL not in str(job.result)
    assert len(job.result["seen"]) == 1
    assert fingerprint(victim.store) == before


def test_work_neither_reads_nor_writes_another_store(
    victim: Furnished, attacker: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless_work(victim, attacker, monkeypatch)


@pytest.mark.teeth
@pytest.mark.usefixtures("no_wall")
@pytest.mark.xfail(
    raises=AssertionError, reason="Without the second wall careless work reads and writes across stores."
)
def test_without_the_second_wall_work_does(
    victim: Furnished, attacker: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless_work(victim, attacker, monkeypatch)
