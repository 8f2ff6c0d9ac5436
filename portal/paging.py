"""Pages of long lists by position, not by number: the millionth row costs what the first does."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict

from portal import wall

COUNTED_AT_MOST = 10_000
FOUND_AT_MOST = 1_000
"""What a search counts to: beyond it, walking along the list until a page is met costs less than finding them all."""
WALKED_AT_ONCE = 5_000


@dataclass(frozen=True)
class KeysetPage:
    """One page of a list.

    `rows` in order; `sort` the column it is sorted by, with a minus when descending; `next` and `previous` the query
    strings of the pages beside it, None at the ends. `count` counts to COUNTED_AT_MOST, a search's to FOUND_AT_MOST,
    and no further unless the caller knew the number; `is_capped` says that there are more.
    """

    rows: list[Any]
    sort: str
    next: str | None
    previous: str | None
    first: str
    count: int
    is_capped: bool
    parameters: QueryDict = field(repr=False)

    @property
    def is_whole(self) -> bool:
        return self.next is None and self.previous is None


def paginate(
    queryset: QuerySet[Any],
    parameters: QueryDict,
    *,
    sorts: Mapping[str, str],
    default: str,
    size: int = settings.PAGE_SIZE,
    count: int | None = None,
    is_capped: bool = False,
    searched: bool = False,
) -> KeysetPage:
    """The page of `queryset` that the query string `parameters` asks for (`sort`, `after`, `before`).

    `sorts` maps a column's name to the field that it sorts by, which is never NULL and stands in an index before the
    primary key; `default` is one of them, with a minus for descending. A sort or a position that is not understood
    gives the first page in the default order. `count` is how many there are, where that is known; with `is_capped`
    there are more. `searched` says that the queryset looks for words, or
    for what else the database does not apply behind the wall by an index (`wall.read`).
    """
    sort = parameters.get("sort", default)
    if sort.removeprefix("-") not in sorts:
        sort = default
    name = sorts[sort.removeprefix("-")]
    if count is None:
        queryset, count, is_capped = _counted(queryset, searched=searched)
    read = wall.read if searched and is_capped else _first
    window = _window(queryset, parameters, name, descending=sort.startswith("-"), size=size, read=read)
    found = window.rows
    return KeysetPage(
        rows=found,
        sort=sort,
        next=_link(parameters, after=_token(found[-1], name)) if found and window.has_next else None,
        previous=_link(parameters, before=_token(found[0], name)) if found and window.has_previous else None,
        first=_link(parameters),
        count=count,
        is_capped=is_capped,
        parameters=parameters,
    )


def _counted(rows: QuerySet[Any], *, searched: bool) -> tuple[QuerySet[Any], int, bool]:
    """The rows, how many they are, and whether there are more than were counted."""
    if not searched:
        known = rows.order_by()[: COUNTED_AT_MOST + 1].count()
        return rows, min(known, COUNTED_AT_MOST), known > COUNTED_AT_MOST
    found = wall.keys(rows.order_by(), FOUND_AT_MOST + 1)
    if len(found) > FOUND_AT_MOST:
        return rows, FOUND_AT_MOST, True
    # So few are soon sorted; walking along an index until a page of them is met may take as long as the table is.
    return rows.filter(pk__among=found), len(found), False


@dataclass(frozen=True)
class _Window:
    rows: list[Any]
    has_next: bool
    has_previous: bool


def _first(rows: QuerySet[Any], most: int) -> list[Any]:
    return list(rows[:most])


def _window(
    queryset: QuerySet[Any],
    parameters: QueryDict,
    name: str,
    *,
    descending: bool,
    size: int,
    read: Callable[[QuerySet[Any], int], list[Any]],
) -> _Window:
    after, before = _position(parameters.get("after")), _position(parameters.get("before"))
    backwards = before is not None
    position = before or after
    down = descending != backwards
    rows = queryset.order_by(*((f"-{name}", "-pk") if down else (name, "pk")))
    if position is not None:
        try:
            rows = rows.filter(_beyond(name, position, down))
        except (ValidationError, ValueError, TypeError):
            return _window(queryset, QueryDict(), name, descending=descending, size=size, read=read)
    found = read(rows, size + 1)
    more, found = len(found) > size, found[:size]
    if backwards:
        return _Window(found[::-1], has_next=True, has_previous=more)
    return _Window(found, has_next=more, has_previous=after is not None)


def _beyond(name: str, position: tuple[Any, int], down: bool) -> Q:
    value, pk = position
    than = "lt" if down else "gt"
    # The first term alone decides for an index where to begin; the rest settles equal values.
    return Q(**{f"{name}__{than}e": value}) & (Q(**{f"{name}__{than}": value}) | Q(**{f"pk__{than}": pk}))


def walk(queryset: QuerySet[Any], columns: Sequence[str], *, by: str, size: int = WALKED_AT_ONCE) -> Iterator[Any]:
    """All rows of `queryset` as tuples of `columns`, in the order of `by`: a field that is never NULL and stands in an
    index before the primary key, or "pk".

    Read a portion at a time, so that no statement takes long and nothing is held meanwhile. A row that comes or goes
    while they are read may be among them or not; none is there twice.
    """
    names = list(dict.fromkeys((*columns, by, "pk")))
    ordered = queryset.order_by(by, "pk").values_list(*names)
    portion = list(ordered[:size])
    while portion:
        yield from (row[: len(columns)] for row in portion)
        if len(portion) < size:
            return
        value, pk = portion[-1][names.index(by)], portion[-1][names.index("pk")]
        # Two questions, each of which an index answers from where it stands: the rest of those who share the value
        # (all that came in one portion do), then those beyond it.
        portion = list(ordered.filter(**{by: value, "pk__gt": pk})[:size]) if by != "pk" else []
        if len(portion) < size:
            portion += ordered.filter(**{f"{by}__gt": value})[: size - len(portion)]


def _token(row: Any, name: str) -> str:
    value = row
    for part in name.split("__"):
        value = getattr(value, part)
    said = ["t", value.isoformat()] if isinstance(value, datetime) else ["v", value]
    return base64.urlsafe_b64encode(json.dumps([*said, row.pk]).encode()).decode().rstrip("=")


def _position(token: str | None) -> tuple[Any, int] | None:
    if not token or len(token) > 2_000:
        return None
    try:
        kind, value, pk = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if type(pk) is not int or abs(pk) >= 2**63:
            return None
        if kind == "t":
            return datetime.fromisoformat(value).astimezone(UTC), pk
        str(value).encode()
    except (ValueError, TypeError, OverflowError, binascii.Error):
        return None
    is_plain = kind == "v" and (isinstance(value, str) or (type(value) is int and abs(value) < 2**63))
    return (value, pk) if is_plain and "\x00" not in str(value) else None


def _link(parameters: QueryDict, **position: str) -> str:
    kept = parameters.copy()
    for name in ("after", "before"):
        kept.pop(name, None)
    kept.update(position)
    return f"?{kept.urlencode()}"
