"""What tests have really written is deleted after them: from the tables that hold anything, and from no other.

Django's own flush empties all of them, which for a hundred tables takes longer than the tests, and then makes the
types and permissions anew that no test changes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection, transaction
from django.test import TransactionTestCase

KEPT = {"auth_permission", "django_content_type"}
"""What each migration writes; Django's flush would delete it and write the same again."""
AUDIT, TRIGGER = "portal_auditentry", "portal_audit_no_DELETE"


def empty_quickly(monkeypatch: Any) -> None:
    """Have tests with transactions of their own tidy up like this."""
    monkeypatch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: empty())


def empty() -> None:
    """Delete every row that a test may have left behind."""
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables()))
        filled = {name for (name,) in cursor.fetchall()}
    if filled:
        with transaction.atomic(), connection.cursor() as cursor:
            if AUDIT in filled:
                _empty_the_audit_trail(cursor)
            for name in sorted(filled - {AUDIT}):
                cursor.execute(f"DELETE FROM {name}")


@cache
def tables() -> list[str]:
    found = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted(set(found) - KEPT)


def _empty_the_audit_trail(cursor: Any) -> None:
    """Its trigger rightly refuses that rows are deleted."""
    if connection.vendor == "postgresql":
        cursor.execute(f"TRUNCATE {AUDIT}")
        return
    cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [TRIGGER])
    (definition,) = cursor.fetchone()
    cursor.execute(f"DROP TRIGGER {TRIGGER}")
    cursor.execute(f"DELETE FROM {AUDIT}")
    cursor.execute(definition)
