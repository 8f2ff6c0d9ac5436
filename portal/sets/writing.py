"""Writing what a queryset selects, in one statement."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import models
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, Model, QuerySet

from portal import wall
from portal.sets.joining import Joined, Rows
from portal.sets.tables import columns_of, connection_of, fields_of


def insert_from(model: type[Model], names: Sequence[str], source: QuerySet[Any], *, keyed: bool = True) -> int:
    """Insert what the values_list queryset `source` selects (its columns in the order of `names`), passing over rows
    whose key is taken; how many were inserted. Rows of a table without a key of its own (`keyed` is false then) can
    take nobody's: a fourth is saved by not looking."""
    connection = connection_of(model)
    return _run_insert(model, names, source, f"{_where_true(connection)} ON CONFLICT DO NOTHING" if keyed else "")


def upsert_from(
    model: type[Model],
    names: Sequence[str],
    source: QuerySet[Any] | Joined,
    *,
    key: Sequence[str],
    update: Sequence[str],
    merge: Sequence[str] = (),
    add_bits: Sequence[str] = (),
    touch: Sequence[str] = (),
    silent_as: Mapping[str, str] | None = None,
    plainly: bool = False,
) -> int:
    """Insert what `source` selects; where the unique `key` is taken, update instead; how many rows were written.

    On the way to an existing row a value that is empty ('', [] or NULL) overwrites nothing, and neither does one that
    equals the column which `silent_as` names for it; the JSON objects `merge` are joined key by key, the flags
    `add_bits` are added to those that are set, and the columns `touch` are set only when something else changed. A row
    that would stay as it is, is left alone and not counted.

    `source` must not read the table that is written: the planner would then be free to read what this very statement
    has put there, once for each row.
    """
    words = _UpsertWords(model, merge=merge, add_bits=add_bits, silent_as=silent_as or {}, plainly=plainly)
    changing, touched = fields_of(model, [*update, *merge, *add_bits]), fields_of(model, touch)
    assignments = [f"{words.name(field)} = {words.new(field)}" for field in changing]
    assignments += [f"{words.name(field)} = {words.given(field)}" for field in touched]
    changes = [f"{words.old(field)} {words.differs_from} {words.new(field)}" for field in changing]
    connection = connection_of(model)
    return _run_insert(
        model,
        names,
        source,
        f"{_where_true(connection)} ON CONFLICT ({columns_of(connection, fields_of(model, key))}) "
        f"DO UPDATE SET {', '.join(assignments)} WHERE {' OR '.join(changes)}",
    )


class _UpsertWords:
    """What a column of an upsert is called, was, is given and becomes, in the words of the database."""

    def __init__(
        self,
        model: type[Model],
        *,
        merge: Sequence[str],
        add_bits: Sequence[str],
        silent_as: Mapping[str, str],
        plainly: bool,
    ) -> None:
        self._model, self._connection, self._plainly = model, connection_of(model), plainly
        self._merge, self._add_bits, self._silent_as = merge, add_bits, silent_as
        self._is_sqlite = self._connection.vendor == "sqlite"
        self.differs_from = "IS NOT" if self._is_sqlite else "IS DISTINCT FROM"

    def name(self, field: Field[Any, Any]) -> str:
        return str(self._connection.ops.quote_name(field.column))

    def given(self, field: Field[Any, Any]) -> str:
        return f"excluded.{self.name(field)}"

    def old(self, field: Field[Any, Any]) -> str:
        column = self._here(field)
        if self._is_sqlite and field.name in self._merge:
            # JSON is compared as text here, and joining two objects writes it without spaces.
            return self._merged(column, "'{}'")
        return column

    def new(self, field: Field[Any, Any]) -> str:
        if field.name in self._merge:
            return self._merged(self._here(field), self.given(field))
        if field.name in self._add_bits:
            return f"{self._here(field)} | {self.given(field)}"
        if self._plainly:
            return self.given(field)
        return f"COALESCE({self._said(field)}, {self._here(field)})"

    def _here(self, field: Field[Any, Any]) -> str:
        return f"{self._connection.ops.quote_name(self._model._meta.db_table)}.{self.name(field)}"

    def _said(self, field: Field[Any, Any]) -> str:
        """What the source says for the column, NULL where it says nothing."""
        if field.name in self._silent_as:
            (silence,) = fields_of(self._model, [self._silent_as[field.name]])
            return f"NULLIF({self.given(field)}, {self.given(silence)})"
        if isinstance(field, models.JSONField):
            return f"NULLIF({self.given(field)}, '[]'{'' if self._is_sqlite else '::jsonb'})"
        is_text = isinstance(field, models.CharField | models.TextField)
        return f"NULLIF({self.given(field)}, '')" if is_text else self.given(field)

    def _merged(self, old: str, new: str) -> str:
        joined = f"json_patch({old}, {new})" if self._is_sqlite else f"{old} || {new}"
        return f"COALESCE({joined}, {old})"


def _where_true(connection: Any) -> str:
    # Without a WHERE after its SELECT, SQLite reads ON CONFLICT as the ON of a join.
    return "WHERE true" if connection.vendor == "sqlite" else ""


def _run_insert(model: type[Model], names: Sequence[str], source: QuerySet[Any] | Joined, tail: str) -> int:
    connection = connection_of(model)
    table, columns = connection.ops.quote_name(model._meta.db_table), columns_of(connection, fields_of(model, names))
    try:
        selection = source if isinstance(source, Joined) else Rows(source, "")
        sql, parameters = selection.as_sql(connection)
    except EmptyResultSet:  # nothing can match, an empty list of ids for one
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) SELECT * FROM ({sql}) AS picked {tail}", parameters)
        return _rowcount(cursor)


def _rowcount(cursor: CursorWrapper) -> int:
    return max(cursor.rowcount, 0)


def assign(model: type[Model], name: str, values: Mapping[int, int | None]) -> None:
    """Set the whole-number column `name` of each row, told by its primary key, to the value given for it."""
    if not values:
        return
    connection = connection_of(model)
    quote = connection.ops.quote_name
    (field,) = fields_of(model, [name])
    table, column, key = quote(model._meta.db_table), quote(field.column), quote(model._meta.pk.column)
    if connection.vendor == "postgresql":
        given, parameters = (
            "unnest(%s::bigint[], %s::bigint[]) AS given(key, value)",
            [list(values), list(values.values())],
        )
    else:
        pairs = "SELECT json_extract(value, '$[0]') AS key, json_extract(value, '$[1]') AS value FROM json_each(%s)"
        given, parameters = f"({pairs}) AS given", [json.dumps(list(values.items()))]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = given.value FROM {given} WHERE {table}.{key} = given.key", parameters
        )


def overwrite(model: type[Model], names: Sequence[str], values: Mapping[int, Sequence[Any]]) -> None:
    """Set the columns `names` of each row, told by its primary key, to the values given for it, whatever they are."""
    if not values:
        return
    connection = connection_of(model)
    quote, fields = connection.ops.quote_name, fields_of(model, names)
    table, key = quote(model._meta.db_table), quote(model._meta.pk.column)
    prepared = [
        [*(field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)), pk]
        for pk, row in values.items()
    ]
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            listed = ", ".join(f"{quote(field.column)} = %s" for field in fields)
            cursor.executemany(f"UPDATE {table} SET {listed} WHERE {key} = %s", prepared)
            return
        kinds = [
            f"%s::{field.rel_db_type(connection) if field.is_relation else field.db_type(connection)}[]"
            for field in fields
        ]
        columns = [f"c{place}" for place in range(len(fields))]
        listed = ", ".join(f"{quote(field.column)} = given.{name}" for field, name in zip(fields, columns, strict=True))
        cursor.execute(
            f"UPDATE {table} SET {listed} FROM unnest({', '.join([*kinds, '%s::bigint[]'])}) "
            f"AS given({', '.join([*columns, 'key'])}) WHERE {table}.{key} = given.key",
            [list(column) for column in zip(*prepared, strict=True)],
        )


def delete_matching(rows: QuerySet[Any], most: int | None = None) -> int:
    """Delete the rows of the queryset (at most `most` of them) in one statement, without loading them; how many."""
    keys = rows.order_by().values("pk")[:most] if most is not None else rows.order_by().values("pk")
    doomed = rows.model._base_manager.filter(pk__in=keys)
    return doomed._raw_delete(doomed.db) or 0


@contextmanager
def by_indexes(model: type[Model]) -> Iterator[None]:
    """Within it, in a transaction, PostgreSQL reads tables through their indexes: for work that goes in portions. It
    takes many single looks for dearer than reading a whole table, but that would be read anew for each portion."""
    connection = connection_of(model)
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        yield
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")


def refresh_statistics(*models_: type[Model]) -> None:
    """Tell the planner of what was just loaded; until then it takes a filled table for an empty one, and plans so."""
    for model in models_:
        connection = connection_of(model)
        if connection.vendor == "postgresql":
            with wall.lifted(), connection.cursor() as cursor:
                cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
