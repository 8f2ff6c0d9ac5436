"""Writing sets of rows: the one module that knows SQL dialects.

Everything here takes portable querysets, runs inside the caller's transaction, and answers with counts of rows.
PostgreSQL loads by COPY; SQLite by executemany, in portions that keep its single writer's lock short.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models, router
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, Model, QuerySet

from portal import wall

CHUNKS = {"sqlite": 5_000, "postgresql": 25_000}


@models.ForeignObject.register_lookup
@Field.register_lookup
class Among(models.Lookup):
    """`field__among=values` is `field__in=values` for thousands of numbers or texts: one parameter, not one for each.

    Putting thousands of parameters into a statement takes longer than the statement does.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        lhs, parameters, values = self._parts(compiler, connection)
        # Only a list of the column's own type is hashed; in another one each row would look for itself from the start.
        kind = "bigint" if isinstance(values[0], int) else "text"
        return f"{lhs} = ANY(%s::{kind}[])", [*parameters, _array(values)]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        lhs, parameters, values = self._parts(compiler, connection)
        return f"{lhs} IN (SELECT value FROM json_each(%s))", [*parameters, json.dumps(values)]

    def _parts(self, compiler: Any, connection: Any) -> tuple[str, list[Any], list[Any]]:
        if not (values := list(self.rhs)):
            raise EmptyResultSet
        lhs, parameters = self.process_lhs(compiler, connection)
        return lhs, list(parameters), values


def _array(values: Sequence[int] | Sequence[str]) -> str:
    """The values as PostgreSQL reads an array; written here, as the driver looks at them one by one."""
    if isinstance(values[0], int):
        return f"{{{','.join(map(str, values))}}}"
    texts: Sequence[Any] = values
    joined = "".join(texts)
    if "\\" in joined or '"' in joined:
        texts = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    listed = '","'.join(texts)
    return f'{{"{listed}"}}'


def _connection(model: type[Model]) -> Any:
    return connections[router.db_for_write(model)]


def chunk_size(model: type[Model]) -> int:
    """Rows that one transaction should write at most."""
    return CHUNKS[_connection(model).vendor]


def _fields(model: type[Model], names: Sequence[str]) -> list[Field[Any, Any]]:
    return [model._meta.get_field(name) for name in names]  # type: ignore[misc]


def _columns(connection: Any, fields: Iterable[Field[Any, Any]]) -> str:
    return ", ".join(connection.ops.quote_name(field.column) for field in fields)


def load(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Insert `rows`, tuples of values for the fields `names`, as fast as the database can; how many were written.

    Defaults of the model are not applied: name every column that must have a value.
    """
    connection = _connection(model)
    fields = _fields(model, names)
    table, columns = connection.ops.quote_name(model._meta.db_table), _columns(connection, fields)
    written = 0
    # PostgreSQL refuses COPY behind the wall, so the rows are asked for their store here.
    store_id = wall.behind()
    if store_id is not None:
        rows = _of_store(store_id, rows, names)
    with wall.lifted(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for portion in _portions(rows):
                    copy.write(copy_text(fields, portion))
                    written += len(portion)
        else:
            insert = f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * len(fields))})"
            for portion in _portions(rows):
                prepared = [
                    [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)]
                    for row in portion
                ]
                cursor.executemany(insert, prepared)
                written += len(portion)
    return written


def _of_store(store_id: int, rows: Iterable[Sequence[Any]], names: Sequence[str]) -> Iterator[Sequence[Any]]:
    at = names.index("store")
    for row in rows:
        if row[at] != store_id:
            raise wall.Breach(f"A row of store {row[at]} was to be loaded for store {store_id}.")
        yield row


def _portions(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    source = iter(rows)
    while portion := list(islice(source, _PORTION)):
        yield portion


_PORTION = 2_000  # rows turned into text at once: what stays in the processor's cache is the fastest
_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_text(fields: Sequence[Field[Any, Any]], rows: Sequence[Sequence[Any]]) -> str:
    """The rows as PostgreSQL's COPY reads them. Column by column: that takes a third of the time of row by row."""
    columns = [_as_text(field, values) for field, values in zip(fields, zip(*rows, strict=True), strict=True)]
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _as_text(field: Field[Any, Any], values: Sequence[Any]) -> Iterable[str]:
    """A column's values as COPY reads them."""
    if isinstance(field, models.IntegerField | models.ForeignKey):
        return [_NULL if value is None else str(value) for value in values]
    if isinstance(field, models.JSONField):
        encode = (field.encoder or json.JSONEncoder)(ensure_ascii=False).encode
        values = [None if value is None else encode(value) for value in values]
    elif isinstance(field, models.DateField):
        return [_NULL if value is None else value.isoformat() for value in values]
    elif not isinstance(field, models.CharField | models.TextField):
        raise TypeError(f"{field} cannot be loaded: nobody has said how its values are written for COPY.")
    if None not in values and not _must_be_escaped("".join(values)):
        return values
    return [_NULL if value is None else value.translate(_ESCAPES) for value in values]


def _must_be_escaped(text: str) -> bool:
    return "\\" in text or "\t" in text or "\n" in text or "\r" in text


def insert_from(model: type[Model], names: Sequence[str], source: QuerySet[Any]) -> int:
    """Insert what the values_list queryset `source` selects (its columns in the order of `names`), passing over rows
    whose key is taken; how many were inserted."""
    connection = _connection(model)
    return _run_insert(model, names, source, f"{_where_true(connection)} ON CONFLICT DO NOTHING")


def upsert_from(
    model: type[Model],
    names: Sequence[str],
    source: QuerySet[Any],
    *,
    key: Sequence[str],
    update: Sequence[str],
    merge: Sequence[str] = (),
    add_bits: Sequence[str] = (),
    touch: Sequence[str] = (),
    silent_as: Mapping[str, str] | None = None,
) -> int:
    """Insert what `source` selects; where the unique `key` is taken, update instead; how many rows were written.

    On the way to an existing row a value that is empty ('', [] or NULL) overwrites nothing, and neither does one that
    equals the column which `silent_as` names for it; the JSON objects `merge` are joined key by key, the flags
    `add_bits` are added to those that are set, and the columns `touch` are set only when something else changed. A row
    that would stay as it is, is left alone and not counted.

    `source` must not read the table that is written: the planner would then be free to read what this very statement
    has put there, once for each row.
    """
    words = _UpsertWords(model, merge=merge, add_bits=add_bits, silent_as=silent_as or {})
    changing, touched = _fields(model, [*update, *merge, *add_bits]), _fields(model, touch)
    assignments = [f"{words.name(field)} = {words.new(field)}" for field in changing]
    assignments += [f"{words.name(field)} = {words.given(field)}" for field in touched]
    changes = [f"{words.old(field)} {words.differs_from} {words.new(field)}" for field in changing]
    connection = _connection(model)
    return _run_insert(
        model,
        names,
        source,
        f"{_where_true(connection)} ON CONFLICT ({_columns(connection, _fields(model, key))}) "
        f"DO UPDATE SET {', '.join(assignments)} WHERE {' OR '.join(changes)}",
    )


class _UpsertWords:
    """What a column of an upsert is called, was, is given and becomes, in the words of the database."""

    def __init__(
        self, model: type[Model], *, merge: Sequence[str], add_bits: Sequence[str], silent_as: Mapping[str, str]
    ) -> None:
        self._model, self._connection = model, _connection(model)
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
        return f"COALESCE({self._said(field)}, {self._here(field)})"

    def _here(self, field: Field[Any, Any]) -> str:
        return f"{self._connection.ops.quote_name(self._model._meta.db_table)}.{self.name(field)}"

    def _said(self, field: Field[Any, Any]) -> str:
        """What the source says for the column, NULL where it says nothing."""
        if field.name in self._silent_as:
            (silence,) = _fields(self._model, [self._silent_as[field.name]])
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


def _run_insert(model: type[Model], names: Sequence[str], source: QuerySet[Any], tail: str) -> int:
    connection = _connection(model)
    table, columns = connection.ops.quote_name(model._meta.db_table), _columns(connection, _fields(model, names))
    try:
        sql, parameters = source.order_by().query.get_compiler(connection=connection).as_sql()
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
    connection = _connection(model)
    quote = connection.ops.quote_name
    (field,) = _fields(model, [name])
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


def delete_matching(rows: QuerySet[Any], most: int | None = None) -> int:
    """Delete the rows of the queryset (at most `most` of them) in one statement, without loading them; how many."""
    keys = rows.order_by().values("pk")[:most] if most is not None else rows.order_by().values("pk")
    doomed = rows.model._base_manager.filter(pk__in=keys)
    return doomed._raw_delete(doomed.db) or 0


def refresh_statistics(*models_: type[Model]) -> None:
    """Tell the planner of what was just loaded; until then it takes a filled table for an empty one, and plans so."""
    for model in models_:
        connection = _connection(model)
        if connection.vendor == "postgresql":
            with wall.lifted(), connection.cursor() as cursor:
                cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
