"""A model's table as statements name it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections, router
from django.db.models import Field, Model


def connection_of(model: type[Model]) -> Any:
    return connections[router.db_for_write(model)]


def fields_of(model: type[Model], names: Sequence[str]) -> list[Field[Any, Any]]:
    return [model._meta.get_field(name) for name in names]  # type: ignore[misc]


def columns_of(connection: Any, fields: Iterable[Field[Any, Any]]) -> str:
    return ", ".join(connection.ops.quote_name(field.column) for field in fields)
