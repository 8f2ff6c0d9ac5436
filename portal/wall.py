"""The second wall around a store: on PostgreSQL the database itself shows the rows of no other.

Should the code ever forget to name the store, a page or a job still sees and writes rows of its own store alone. The
wall is a role which the login takes on for the time being, and on every table of a store a policy for that role
(`portal.wall_building`); which store it is, is a setting of the session. SQLite has no such thing: there, all of this
does nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.signals import connection_created
from django.db.models import QuerySet

if TYPE_CHECKING:
    from portal.models import Store

log = structlog.get_logger(__name__)
_T = TypeVar("_T")

SETTING = "coterie.store"
MOVE = f"SELECT set_config('role', %s, false), set_config('{SETTING}', %s, false)"
STANDS = """SELECT pg_has_role(current_user, oid, %s) AND has_table_privilege(oid, 'portal_store', 'SELECT')
FROM pg_roles WHERE rolname = %s"""

_thread = threading.local()
_found: dict[str, bool] = {}
"""Name of a database → whether its wall was seen standing; told of one that does not, once."""


class Breach(RuntimeError):
    """Rows of another store were to be written."""


@contextmanager
def around(store: Store) -> Iterator[None]:
    """Within, the database knows no rows but those of `store`. Begin it outside of a transaction of one's own."""
    with _moved(store.pk):
        yield


@contextmanager
def lifted() -> Iterator[None]:
    """Within, the wall is away: for statements that cannot be had behind it, and name the store themselves."""
    with _moved(None):
        yield


def behind() -> int | None:
    """The id of the store that the wall stands around now."""
    return getattr(_thread, "store", None)


def each(store: Store, parts: Iterable[_T]) -> Iterator[_T]:
    """The parts of an answer that is made while it is sent: each is made behind the wall, which does not stand while
    the part is on its way."""
    source = iter(parts)
    while True:
        with around(store):
            try:
                part = next(source)
            except StopIteration:
                return
        yield part


def read(rows: QuerySet[Any], most: int) -> list[Any]:
    """The first `most` of the rows. Which they are is asked with the wall lifted, the rows are read behind it.

    Behind the wall no index finds a word in a text, or a key in JSON: the database applies to other stores' rows only
    what surely tells nothing of them.
    """
    if behind() is None:
        return list(rows[:most])
    return list(rows.filter(pk__in=keys(rows, most)))


def keys(rows: QuerySet[Any], most: int) -> list[Any]:
    """The primary keys of the first `most` of the rows, asked for with the wall lifted."""
    with lifted():
        return list(rows.values_list("pk", flat=True)[:most])


@contextmanager
def _moved(to: int | None) -> Iterator[None]:
    before = behind()
    if to == before or not _stands():
        yield
        return
    try:
        _move(to)
        yield
    finally:
        _move_back(before)


def _move(to: int | None) -> None:
    # Said first: a connection that has to be made anew takes it from here.
    _thread.store = to
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    _tell(connection, to)


def _move_back(before: int | None) -> None:
    _thread.store = before
    if connection.connection is None:
        return
    try:
        _tell(connection, before)
    except (DatabaseError, InterfaceError):
        # In a transaction that failed nothing can be set; rolling it back brings back what was before it. Any other
        # connection that cannot be told is not used again.
        if not connection.in_atomic_block:
            connection.close()


def _tell(connection: Any, store_id: int | None) -> None:
    role, said = ("none", "") if store_id is None else (settings.DATABASE_STORE_ROLE, str(store_id))
    # Past Django's cursor, which refuses to work where a transaction waits to be rolled back.
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        cursor.execute(MOVE, (role, said))


def _tell_new_connection(connection: Any, **_: Any) -> None:
    if behind() is not None and connection.vendor == "postgresql":
        _tell(connection, behind())


connection_created.connect(_tell_new_connection, dispatch_uid="portal.wall")


def _stands() -> bool:
    """Whether the database has the wall."""
    if connection.vendor != "postgresql":
        return False
    name = str(connection.settings_dict["NAME"])
    if not _found.get(name):
        is_there = stands()
        if not is_there and name not in _found:
            log.error("second_wall_missing", hint="manage.py check --database default tells why")
        _found[name] = is_there
    return _found[name]


def stands() -> bool:
    """Ask PostgreSQL whether its login may take on the role that the wall is made for."""
    with connection.cursor() as cursor:
        # Since PostgreSQL 16 a member need not be one who may take the role on.
        may = "SET" if connection.pg_version >= 160000 else "MEMBER"  # type: ignore[attr-defined]
        cursor.execute(STANDS, [may, settings.DATABASE_STORE_ROLE])
        return bool((cursor.fetchone() or [False])[0])
