"""PostgreSQL's own wall around a store: it stands on every table, and it is taken away again whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import RequestFactory
from django.utils import timezone

from customers.models import Customer
from portal import jobs, sets, store_views, wall, wall_building
from portal.access import Permission
from portal.jobs import Step
from portal.models import AuditEntry, Job, Staff, Store, User
from portal.wall import around, lifted
from segments.models import Segment
from tests.conftest import is_postgresql, make_customer

pytestmark = pytest.mark.django_db
only_postgresql = pytest.mark.usefixtures("postgresql")


@pytest.fixture
def postgresql(db: None) -> None:
    if not is_postgresql():
        pytest.skip("The wall is PostgreSQL's.")


@pytest.fixture
def theirs(other_store: Store) -> Customer:
    return make_customer(other_store, "theirs@willow.example")


def role_now() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('coterie.store', true)")
        role, store = cursor.fetchone()
    return f"{role}:{store}" if role == "coterie_tests_store" else "login"


def outside() -> bool:
    return wall.behind() is None and (not is_postgresql() or role_now() == "login")


@only_postgresql
def test_every_table_of_a_store_has_its_policies() -> None:
    assert set(wall_building.owned_tables()) <= wall_building.standing(connection)
    assert wall.stands()
    assert wall_building.check(databases=["default"]) == []


@only_postgresql
def test_a_table_without_policy_is_told_and_mended_by_the_next_migration() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP POLICY coterie_wall ON customers_customer")
    (warning,) = wall_building.check(databases=["default"])
    assert (warning.id, "customers_customer" in warning.msg) == ("portal.W002", True)
    wall_building.build()
    assert wall_building.check(databases=["default"]) == []


@only_postgresql
def test_a_login_without_the_role_is_told_and_served_without_the_wall(store: Store, settings: Any) -> None:
    settings.DATABASE_STORE_ROLE = "coterie_tests_nobody"
    wall._found.clear()
    try:
        assert [warning.id for warning in wall_building.check(databases=["default"])] == ["portal.W001"]
        with around(store):
            assert Store.objects.filter(pk=store.pk).exists()
            assert outside()
    finally:
        wall._found.clear()


def test_databases_without_walls_are_left_alone(store: Store) -> None:
    if is_postgresql():
        return
    wall_building.build()
    assert checks.run_checks(databases=["default"], tags=[checks.Tags.database]) == []
    with around(store):
        assert wall.behind() is None


@only_postgresql
def test_behind_the_wall_there_is_no_other_store(store: Store, theirs: Customer) -> None:
    make_customer(store, "mine@maple.example")
    with around(store):
        assert {row.email for row in Customer.everywhere.all()} == {"mine@maple.example"}
        assert list(Store.objects.all()) == [store]
        assert Customer.everywhere.filter(pk=theirs.pk).update(first_name="Taken") == 0
        assert Customer.everywhere.filter(pk=theirs.pk).delete()[0] == 0
    theirs.refresh_from_db()
    assert theirs.first_name == ""


@only_postgresql
def test_behind_the_wall_no_row_is_written_for_another_store(store: Store, other_store: Store) -> None:
    mine = make_customer(store, "mine@maple.example")
    with around(store):
        for write in (
            lambda: Segment.objects.create_for(other_store, name="Smuggled"),
            lambda: Customer.everywhere.filter(pk=mine.pk).update(store_id=other_store.pk),
            lambda: AuditEntry.objects.create_for(other_store, actor_label="x", verb="x"),
        ):
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                write()
    assert not Segment.everywhere.exists()
    assert not AuditEntry.everywhere.exists()


@only_postgresql
def test_rows_loaded_by_copy_are_asked_for_their_store(store: Store, other_store: Store) -> None:
    now = timezone.now()
    names = (
        "store",
        "name",
        "name_key",
        "description",
        "member_count",
        "sources",
        "version",
        "created_at",
        "updated_at",
    )
    rows = [(at.pk, f"S{at.pk}", f"s{at.pk}", "", 0, 0, 1, now, now) for at in (store, other_store)]
    with around(store):
        assert sets.load(Segment, names, rows[:1]) == 1
        with pytest.raises(wall.Breach), transaction.atomic():
            sets.load(Segment, names, rows)
        assert role_now() == f"coterie_tests_store:{store.pk}"
    assert Segment.everywhere.count() == 1


@only_postgresql
def test_it_moves_in_and_out_and_back(store: Store, other_store: Store) -> None:
    inside = f"coterie_tests_store:{store.pk}"
    with around(store):
        assert role_now() == inside
        with around(store):
            assert role_now() == inside
        with lifted():
            assert role_now() == "login"
            with around(other_store):
                assert role_now() == f"coterie_tests_store:{other_store.pk}"
            assert role_now() == "login"
        assert role_now() == inside
    assert outside()


@only_postgresql
@pytest.mark.parametrize("with_savepoint", [True, False])
def test_it_is_gone_after_errors(store: Store, with_savepoint: bool) -> None:
    def fail() -> None:
        with transaction.atomic(savepoint=with_savepoint):
            Store.objects.create(slug=store.slug)

    with suppress(IntegrityError, DatabaseError), transaction.atomic(), around(store):
        fail()
    assert outside()
    with pytest.raises(ZeroDivisionError), around(store):
        1 / 0  # noqa: B018
    assert outside()


@only_postgresql
def test_a_failed_statement_under_a_lifted_wall_leaves_the_wall_standing(store: Store) -> None:
    with around(store):
        with suppress(DatabaseError), transaction.atomic(), lifted(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert role_now() == f"coterie_tests_store:{store.pk}"
    assert outside()


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_connection_made_anew_is_behind_the_wall_too(store: Store) -> None:
    with around(store):
        connection.close()
        assert role_now() == f"coterie_tests_store:{store.pk}"
    assert outside()


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_is_not_used_again(store: Store) -> None:
    with suppress(DatabaseError), around(store), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert outside()


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_it_stands_around_a_transaction_that_is_rolled_back(store: Store) -> None:
    with around(store):
        with suppress(ZeroDivisionError), transaction.atomic():
            1 / 0  # noqa: B018
        assert role_now() == f"coterie_tests_store:{store.pk}"
    assert outside()


@only_postgresql
def test_an_answer_made_bit_by_bit_is_made_behind_the_wall(store: Store, other_store: Store) -> None:
    def parts(of: Store) -> Iterator[str]:
        for _ in range(2):
            yield role_now()

    one, two = wall.each(store, parts(store)), wall.each(other_store, parts(other_store))
    for _ in range(2):
        # Two answers on their way in one thread see each their own, and between the parts there is none.
        assert (next(one), outside()) == (f"coterie_tests_store:{store.pk}", True)
        assert (next(two), outside()) == (f"coterie_tests_store:{other_store.pk}", True)
    assert list(one) == []
    one = wall.each(store, parts(store))
    next(one)
    one.close()  # type: ignore[attr-defined]
    assert outside()


@only_postgresql
def test_every_page_is_made_behind_the_wall(owner: User, store: Store) -> None:
    @store_views.store_view(Permission.VIEW)
    def page(request: Any) -> Any:
        seen.append(role_now())
        raise RuntimeError

    seen: list[str] = []
    request = RequestFactory().get("/")
    request.user = owner
    with pytest.raises(RuntimeError):
        page(request, store_slug=store.slug)
    assert (seen, outside()) == ([f"coterie_tests_store:{store.pk}"], True)


@only_postgresql
def test_every_step_of_work_is_done_behind_the_wall(store: Store, theirs: Customer, monkeypatch: Any) -> None:
    seen: list[Any] = []

    class Curious:
        def __init__(self, job: Job) -> None:
            seen.append(role_now())

        def step(self) -> Step:
            seen.extend([role_now(), list(Customer.everywhere.all()), Staff.everywhere.count()])
            return Step(1, 1, result={})

    from portal import work

    monkeypatch.setitem(work._kinds, "test.curious", work.Kind(Curious, "bulk"))
    job = jobs.enqueue(store, "test.curious", label="Curious", actor=None)
    jobs.run(job.pk)
    here = f"coterie_tests_store:{store.pk}"
    assert (seen, outside()) == ([here, here, [], 0], True)


@only_postgresql
def test_migrating_again_changes_nothing(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(6):
        wall_building.build()
    call_command("check", databases=["default"], fail_level="WARNING")
