"""On PostgreSQL a word is found in a million customers by its trigrams, in milliseconds instead of a second.

The extension comes with PostgreSQL, and the database's owner may add it; where it is not to be had, search works
without, only slower. Then have it added, and run the statement of INDEX.
"""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, migrations, transaction

INDEX = "CREATE INDEX customer_by_words ON customers_customer USING gin (search_text gin_trgm_ops)"


def add_index(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql" and has_trigrams(schema_editor.connection):
        schema_editor.execute(INDEX)


def has_trigrams(connection: Any) -> bool:
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        return False
    return True


def remove_index(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS customer_by_words")


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]

    operations = [migrations.RunPython(add_index, remove_index, elidable=False)]
