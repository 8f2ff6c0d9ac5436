"""The audit trail is append-only in the database too, and the cache has its table."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.db import migrations

POSTGRESQL = """
CREATE FUNCTION portal_rows_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME;
END $$;
CREATE TRIGGER portal_audit_is_kept BEFORE UPDATE OR DELETE ON portal_auditentry
FOR EACH ROW EXECUTE FUNCTION portal_rows_are_kept();
"""
SQLITE = [
    f"CREATE TRIGGER portal_audit_no_{act} BEFORE {act} ON portal_auditentry BEGIN "
    "SELECT RAISE(ABORT, 'rows of portal_auditentry are never changed or deleted'); END"
    for act in ("UPDATE", "DELETE")
]


def guard(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
    else:
        for statement in SQLITE:
            schema_editor.execute(statement)


def make_cache_table(apps: Any, schema_editor: Any) -> None:
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("portal", "0001_initial")]

    operations = [
        migrations.RunPython(guard, migrations.RunPython.noop, elidable=False),
        migrations.RunPython(make_cache_table, migrations.RunPython.noop, elidable=False),
    ]
