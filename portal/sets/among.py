"""The lookup that asks for many values at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import models
from django.db.models import Field

T = TypeVar("T")

ASKED_AT_ONCE = 10_000
"""Values that are looked up together: for many more, PostgreSQL reads the whole table instead of an index."""


def handfuls(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in order, as many at a time as `among` should ask for."""
    for start in range(0, len(values), ASKED_AT_ONCE):
        yield values[start : start + ASKED_AT_ONCE]


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
