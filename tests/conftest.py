"""The cast of every test: two stores, and the people who work in them or do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from psycopg.conninfo import make_conninfo

from customers.models import Customer
from customers.register import lock_customers
from portal import jobs
from portal.access import Plan, Role
from portal.models import Job, Staff, Store, User
from portal.models.job import JobState
from tests.emptying import empty_quickly

PASSWORD = "a-long-test-password"


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        empty_quickly(patch)
        yield


def make_store(slug: str, plan: str = Plan.PRO, **fields: Any) -> Store:
    return Store.objects.create(slug=slug, name=fields.pop("name", slug.title()), plan=plan, **fields)


def make_user(email: str, **places: Store) -> User:
    """A person who signs in with PASSWORD; `owner=store`, `manager=store`, `viewer=store` say where they work."""
    user = User.objects.create_user(email, PASSWORD, name=email.split("@", maxsplit=1)[0].title())
    for role, store in places.items():
        Staff.objects.create_for(store, user=user, role=Role(role))
    return user


def make_customer(store: Store, email: str, **fields: Any) -> Customer:
    lock_customers(store)
    customer = Customer(store=store, email=email, **fields)
    customer.save()
    return customer


def database_address() -> str:
    """Where the test's PostgreSQL database is, for a session beside Django's own."""
    given: Any = connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    return make_conninfo(**{name: given[key] for name, key in names.items() if given[key]})


@pytest.fixture
def store(db: None) -> Store:
    return make_store("maple", name="Maple Coffee", time_zone="America/New_York")


@pytest.fixture
def other_store(db: None) -> Store:
    return make_store("willow", name="Willow Tea", time_zone="Europe/Berlin")


@pytest.fixture
def owner(store: Store) -> User:
    return make_user("owner@maple.example", owner=store)


@pytest.fixture
def manager(store: Store) -> User:
    return make_user("manager@maple.example", manager=store)


@pytest.fixture
def viewer(store: Store) -> User:
    return make_user("viewer@maple.example", viewer=store)


@pytest.fixture
def stranger(other_store: Store) -> User:
    """An owner, of another store."""
    return make_user("owner@willow.example", owner=other_store)


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    def sign_in(user: User, **kwargs: Any) -> Client:
        client = Client(**kwargs)
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """The cache outlives a test; limits of the one before must not hold in the next."""
    cache.clear()


@pytest.fixture(autouse=True)
def _no_bell(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Jobs are rows; a test runs them by `run_jobs` when it wants, so that no broker is needed."""
    if "processes" not in request.keywords and "rings" not in request.keywords:
        monkeypatch.setattr(jobs, "ring", lambda job_id, queue: True)
        monkeypatch.setattr("customers.ingest.bell.ring", lambda: True)
    monkeypatch.setattr("portal.bell._out_of_order_until", 0.0)


def do_jobs() -> list[Job]:
    """Do what is queued and due, as a worker would, until nothing is; the jobs that were done."""
    done: list[Job] = []
    while (job := Job.everywhere.filter(state=JobState.QUEUED).order_by("pk").first()) is not None:
        jobs.run(job.pk)
        job.refresh_from_db()
        assert job.state != JobState.QUEUED, f"{job.kind} was put back: {job.error}"
        done.append(job)
    return done


@pytest.fixture
def run_jobs() -> Callable[[], list[Job]]:
    return do_jobs


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"
