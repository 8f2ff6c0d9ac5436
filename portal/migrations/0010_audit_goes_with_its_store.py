"""The audit trail is kept for as long as its store: of one that is closed, rows may be deleted, and none changed."""

from __future__ import annotations

from typing import Any

from django.db import migrations

POSTGRESQL = """
CREATE OR REPLACE FUNCTION portal_rows_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT 1 FROM portal_store WHERE id = OLD.store_id AND closed_at IS NOT NULL
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME;
END $$;
"""
SQLITE = (
    "DROP TRIGGER portal_audit_no_DELETE",
    (
        "CREATE TRIGGER portal_audit_no_DELETE BEFORE DELETE ON portal_auditentry "
        "WHEN NOT EXISTS (SELECT 1 FROM portal_store WHERE id = OLD.store_id AND closed_at IS NOT NULL) BEGIN "
        "SELECT RAISE(ABORT, 'rows of portal_auditentry are never changed or deleted'); END"
    ),
)


def guard(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
    else:
        for statement in SQLITE:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("portal", "0009_closing")]

    operations = [migrations.RunPython(guard, migrations.RunPython.noop, elidable=False)]
