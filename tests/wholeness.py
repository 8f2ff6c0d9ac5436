"""What must always be true, asked after a test so quickly that it can be asked after every one."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection

from portal.invariants import all_invariants, broken


def whats_broken() -> dict[str, list[Any]]:
    """What `portal.invariants.broken` tells."""
    with connection.cursor() as cursor:
        for statement, parameters in statements():
            cursor.execute(statement, parameters)
            if cursor.fetchone():
                return broken()
    return {}


@cache
def statements() -> list[tuple[str, Any]]:
    """What asks for a row that breaks an invariant. To put them all into SQL takes longer than most tests; they are the
    same every time."""
    made = []
    for ask in all_invariants().values():
        try:
            made.append(ask()[:1].query.sql_with_params())
        except EmptyResultSet:
            continue  # nothing can break it
    return made
