"""Several selections side by side, for one statement to write: a row for each row of the first, with what the others
say of it.

The ORM selects from tables alone. Here a selection is made of others, each of which is a portable queryset still, and
so are the expressions that are made of their columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.core.exceptions import EmptyResultSet
from django.db.models import Expression, Field, Func, QuerySet
from django.db.models.sql import Query

Sql = tuple[str, list[Any]]
ROWS = "rows"
"""What the rows are called that a Grouped takes together."""


class Of(Expression):
    """The column `name` of a part of a Joined, or of the ROWS of a Grouped."""

    def __init__(self, part: str, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.part, self.name = part, name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        quote = connection.ops.quote_name
        return f"{quote(self.part)}.{quote(self.name)}", []


class Part(Protocol):
    """A selection with a column `key`, at most one row for each value of it."""

    @property
    def key(self) -> str: ...

    def as_sql(self, connection: Any) -> Sql: ...


@dataclass(frozen=True)
class Rows:
    """What a `values()` queryset selects."""

    rows: QuerySet[Any]
    key: str

    def as_sql(self, connection: Any) -> Sql:
        sql, parameters = self.rows.order_by().query.get_compiler(connection=connection).as_sql()
        return sql, list(parameters)


@dataclass(frozen=True)
class Grouped:
    """The rows of a `values()` queryset taken together by `key`: column → aggregate of columns Of(ROWS, …)."""

    rows: QuerySet[Any]
    key: str
    columns: Mapping[str, Expression]

    def as_sql(self, connection: Any) -> Sql:
        quote = connection.ops.quote_name
        listed, parameters = _listed(self.columns, self.rows.query, connection)
        sql, within = Rows(self.rows, self.key).as_sql(connection)
        key = f"{quote(ROWS)}.{quote(self.key)}"
        return f"SELECT {key}, {listed} FROM ({sql}) AS {quote(ROWS)} GROUP BY {key}", [*parameters, *within]


@dataclass(frozen=True)
class Given:
    """Numbers that were reckoned outside of the database: `keys`, and column → a number or None for each of them."""

    keys: Sequence[int]
    columns: Mapping[str, Sequence[float | None]]
    key: str = "given_for"

    def as_sql(self, connection: Any) -> Sql:
        quote = connection.ops.quote_name
        names = ", ".join(map(quote, (self.key, *self.columns)))
        if connection.vendor == "postgresql":
            arrays = ", ".join(["%s::bigint[]", *["%s::double precision[]"] * len(self.columns)])
            given = [_array(values) for values in (self.keys, *self.columns.values())]
            return f"SELECT {names} FROM unnest({arrays}) AS given({names})", given
        rows = json.dumps(list(zip(self.keys, *self.columns.values(), strict=True)))
        called = enumerate((self.key, *self.columns))
        picked = (f"json_extract(value, '$[{at}]') AS {quote(name)}" for at, name in called)
        return f"SELECT {', '.join(picked)} FROM json_each(%s)", [rows]


class Listed:
    """Column → expression of columns Of(part, …), put into words once for any number of selections that list them."""

    def __init__(self, columns: Mapping[str, Expression]) -> None:
        self._columns = columns
        self._said: Sql | None = None

    def as_sql(self, within: Query, connection: Any) -> Sql:
        if self._said is None:
            self._said = _listed(self._columns, within, connection)
        words, parameters = self._said
        return words, list(parameters)


def _array(numbers: Sequence[float | None]) -> str:
    """The array as PostgreSQL reads it. The driver would ask of each number anew how it is written."""
    written = ("NULL" if number is None else repr(number) for number in numbers)
    return f"{{{','.join(written)}}}"


@dataclass(frozen=True)
class Joined:
    """The rows of `base` (a `values()` queryset, called by the name `called` in expressions), each with the row of
    every part whose key equals `on`: `columns`, column → expression of columns Of(part, …), and then the columns
    `further`; of a part without such a row they are NULL."""

    base: QuerySet[Any]
    called: str
    on: str
    parts: Mapping[str, Part]
    columns: Mapping[str, Expression]
    further: Listed

    def as_sql(self, connection: Any) -> Sql:
        quote = connection.ops.quote_name
        first, parameters = _listed(self.columns, self.base.query, connection)
        others, more = self.further.as_sql(self.base.query, connection)
        sql, within = Rows(self.base, self.on).as_sql(connection)
        words = [f"SELECT {first}, {others} FROM ({sql}) AS {quote(self.called)}"]
        parameters += more + within
        for name, part, (selected, given) in self._told(connection):
            here, there = f"{quote(name)}.{quote(part.key)}", f"{quote(self.called)}.{quote(self.on)}"
            words.append(f"LEFT JOIN ({selected}) AS {quote(name)} ON {here} = {there}")
            parameters += given
        return " ".join(words), parameters

    def _told(self, connection: Any) -> Iterator[tuple[str, Part, Sql]]:
        for name, part in self.parts.items():
            try:
                yield name, part, part.as_sql(connection)
            except EmptyResultSet as empty:
                raise ValueError(f"The part {name} selects nothing, whatever there is: leave it out.") from empty


def _listed(columns: Mapping[str, Any], within: Query, connection: Any) -> Sql:
    """The expressions, as a SELECT lists them. `within` is a query on whose model they could be asked."""
    query = Query(within.model)
    compiler = query.get_compiler(connection=connection)
    listed, parameters = [], []
    for name, expression in columns.items():
        sql, given = compiler.compile(expression.resolve_expression(query))
        listed.append(f"{sql} AS {connection.ops.quote_name(name)}")
        parameters += given
    return ", ".join(listed), parameters


class DaysBetween(Func):
    """Whole days from the date `earlier` to the date `later`."""

    def __init__(self, later: Any, earlier: Any, **extra: Any) -> None:
        super().__init__(later, earlier, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner="::date - ", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(julianday(%(expressions)s) AS INTEGER)"
        return super().as_sql(compiler, connection, template=template, arg_joiner=") - julianday(", **context)


class SecondsBetween(Func):
    """Seconds, with what is less than one, from the instant `earlier` to the instant `later`."""

    def __init__(self, later: Any, earlier: Any, **extra: Any) -> None:
        super().__init__(later, earlier, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "EXTRACT(EPOCH FROM (%(expressions)s))::double precision"
        return super().as_sql(compiler, connection, template=template, arg_joiner=" - ", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(django_timestamp_diff(%(expressions)s) / 1000000.0)"
        return super().as_sql(compiler, connection, template=template, arg_joiner=", ", **context)
