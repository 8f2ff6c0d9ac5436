"""Putting up the second wall: after each migration, on the tables of every store model that there is by then."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import structlog
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connections, transaction
from django.db.models import Model

from portal import wall
from portal.tenancy import StoreModel

log = structlog.get_logger(__name__)

POLICY, OTHERS = "coterie_wall", "coterie_everyone"
STORE_NOW = f"NULLIF(current_setting('{wall.SETTING}', true), '')::bigint"
TRIES = 5

_NO_ROLE = (
    "Its login may not make roles. Let an administrator of the server run `CREATE ROLE {role} NOLOGIN; GRANT {role} TO "
    "…` with the login of DATABASE_URL, then run `manage.py migrate` again."
)

STANDING = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
WHERE c.relkind IN ('r', 'p') AND (
    has_table_privilege(%s::name, c.oid, 'INSERT')
    AND (c.relrowsecurity AND (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = ANY(%s)) = 2
         OR NOT c.relname = ANY(%s)))
"""


def owned_tables() -> dict[str, str]:
    """Table → the column that names the store, for all that a store owns, and the stores themselves."""
    owned = {
        model._meta.db_table: model._meta.get_field("store").column
        for model in apps.get_models(include_auto_created=True)
        if issubclass(model, StoreModel) and model._meta.managed and not model._meta.proxy
    }
    store: type[Model] = apps.get_model("portal", "Store")
    return owned | {store._meta.db_table: "id"}


def build(using: str = "default", **_: Any) -> None:
    """Put up what is missing of the wall; where the login may not, nothing is changed, and `check` tells of it."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    role = settings.DATABASE_STORE_ROLE
    if not _has_role(connection, role) and not _make_role(connection, role):
        log.error("second_wall_not_built", hint=_NO_ROLE.format(role=role))
        return
    tables = set(connection.introspection.table_names())
    missing = sorted(tables - standing(connection))
    if missing:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            for statement in _statements(connection, role, missing):
                cursor.execute(statement)


def standing(connection: Any) -> set[str]:
    """The tables on which nothing is missing: the role may use them, and those of stores have their policies."""
    role = settings.DATABASE_STORE_ROLE
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [role, [POLICY, OTHERS], list(owned_tables())])
        return {name for (name,) in cursor.fetchall()}


def _statements(connection: Any, role: str, tables: Iterable[str]) -> Iterable[str]:
    quote = connection.ops.quote_name
    role = quote(role)
    yield f"GRANT USAGE ON SCHEMA {quote(_schema(connection))} TO {role}"
    owned = owned_tables()
    for name in tables:
        table = quote(name)
        yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}"
        if name not in owned:
            continue
        is_own = f"{quote(owned[name])} = {STORE_NOW}"
        yield f"DROP POLICY IF EXISTS {OTHERS} ON {table}"
        yield f"DROP POLICY IF EXISTS {POLICY} ON {table}"
        # Whoever else reads the database sees what they saw before: the wall is for the role alone.
        yield f"CREATE POLICY {OTHERS} ON {table} USING (true) WITH CHECK (true)"
        yield f"CREATE POLICY {POLICY} ON {table} AS RESTRICTIVE TO {role} USING ({is_own}) WITH CHECK ({is_own})"
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"


def _schema(connection: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def _has_role(connection: Any, role: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = %s", [role])
        return bool((cursor.fetchone() or [False])[0])


def _make_role(connection: Any, role: str) -> bool:
    """Roles belong to all databases of a server: another's migration may be making the same one just now."""
    name = connection.ops.quote_name(role)
    for attempt in range(TRIES):
        for statement in (f"CREATE ROLE {name} NOLOGIN", f"GRANT {name} TO CURRENT_USER"):
            try:
                with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                    cursor.execute(statement)
            except DatabaseError:
                continue
        if _has_role(connection, role):
            return True
        time.sleep(0.1 * attempt)
    return False


@checks.register(checks.Tags.database)
def check(databases: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Warns where PostgreSQL runs without the second wall, or with a hole in it."""
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor == "postgresql" and connection.introspection.table_names():
            found += _holes(connection)
    return found


def _holes(connection: Any) -> list[checks.CheckMessage]:
    role = settings.DATABASE_STORE_ROLE
    if not _has_role(connection, role):
        return [
            checks.Warning(
                "The database does not keep the stores apart: only the portal's own code does.",
                hint=_NO_ROLE.format(role=role),
                id="portal.W001",
            )
        ]
    if open_tables := sorted(set(owned_tables()) & set(connection.introspection.table_names()) - standing(connection)):
        return [
            checks.Warning(
                f"The database does not keep the stores apart in {', '.join(open_tables)}.",
                hint="Run `manage.py migrate` with the login that owns the tables.",
                id="portal.W002",
            )
        ]
    return []
