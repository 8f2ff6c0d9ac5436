"""What a call's query says: every parameter known, said once, and within its bounds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import parse_qsl, quote

from segments.sandbox import filters
from segments.sandbox.documents import LIST_FIELDS, PROFILE_FIELDS, SEGMENT_FIELDS, invalid
from segments.sandbox.filters import BadFilter, Condition

_PARTS = ("location.", "subscriptions", "predictive_analytics")
"""Beginnings of the names of a profile's further fields."""


@dataclass(frozen=True)
class Offer:
    """What a call takes: `fields` by resource, the default and the greatest size of a page, what to sort by."""

    fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    additional: tuple[str, ...] = ()
    sizes: tuple[int, int] | None = None
    sorts: tuple[str, ...] = ()
    filters: str = ""


ACCOUNT_FIELDS = (
    "contact_information", "industry", "locale", "preferred_currency", "public_api_key", "test_account", "timezone",
)  # fmt: skip
_GROUP_SORTS = ("created", "id", "name", "updated")
ACCOUNTS = Offer(fields=(("account", ACCOUNT_FIELDS),))
GROUPS = {
    "list": Offer((("list", LIST_FIELDS),), sizes=(10, 10), sorts=_GROUP_SORTS, filters="groups"),
    "segment": Offer((("segment", SEGMENT_FIELDS),), sizes=(10, 10), sorts=_GROUP_SORTS, filters="segments"),
}
ONE_GROUP = {
    "list": Offer((("list", (*LIST_FIELDS, "profile_count")),), additional=("list",)),
    "segment": Offer((("segment", (*SEGMENT_FIELDS, "profile_count")),), additional=("segment",)),
}
MEMBERS = Offer((("profile", PROFILE_FIELDS),), sizes=(20, 100), sorts=("joined_group_at",), filters="members")
MEMBER_IDS = Offer(sizes=(20, 100), sorts=("joined_group_at",), filters="members")
_FILTERS = {"groups": filters.OF_GROUPS, "segments": filters.OF_SEGMENTS, "members": filters.OF_MEMBERS}


@dataclass(frozen=True)
class Parameters:
    """The query of a call, checked."""

    fields: tuple[str, ...] | None
    """Attributes asked for; None: all."""
    counted: bool
    size: int
    cursor: str | None
    sort: str
    descending: bool
    conditions: tuple[Condition, ...]
    others: MappingProxyType[str, str]
    """All parameters but the cursor."""

    def linked(self, address: str, cursor: str) -> str:
        """The URL of the page that `cursor` leads to."""
        pairs = [*self.others.items(), ("page[cursor]", cursor)]
        return f"{address}?" + "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)

    @property
    def about(self) -> str:
        """What a cursor must be used with again: all but the size of the page."""
        return repr([self.sort, self.descending, self.others.get("filter", "")])


@lru_cache(maxsize=1024)
def read(query: str, offer: Offer) -> Parameters:
    """Raises Refused, with 400, for everything that is not offered."""
    pairs = parse_qsl(query, keep_blank_values=True)
    said = dict(pairs)
    if len(said) < len(pairs):
        raise invalid("A parameter is given more than once.", "")
    cursor = said.pop("page[cursor]", None)
    rest = dict(said)
    fields, counted = _fields(rest, offer), _counted(rest, offer)
    size, sort = _size(rest, offer), _sort(rest, offer)
    conditions = _conditions(rest, offer)
    if (cursor is not None and offer.sizes is None) or rest:
        name = next(iter(rest), "page[cursor]")
        raise invalid(f"'{name}' is not a valid parameter of this call.", name)
    return Parameters(
        fields, counted, size, cursor, sort.lstrip("-"), sort.startswith("-"), conditions, MappingProxyType(said)
    )


def _fields(rest: dict[str, str], offer: Offer) -> tuple[str, ...] | None:
    for resource, known in offer.fields:
        if (said := rest.pop(f"fields[{resource}]", None)) is not None:
            names = tuple(said.split(","))
            for name in names:
                if name not in known and name != "id" and not _is_part(name, known):
                    raise invalid(f"'{name}' is not a valid field of a {resource}.", f"fields[{resource}]")
            return names
    return None


def _is_part(name: str, known: Collection[str]) -> bool:
    if "email" in known:
        return name.startswith(_PARTS)
    return name.partition(".")[0] in known and name.startswith(("contact_information.", "definition."))


def _counted(rest: dict[str, str], offer: Offer) -> bool:
    for resource in offer.additional:
        if (said := rest.pop(f"additional-fields[{resource}]", None)) is not None:
            if said != "profile_count":
                raise invalid(f"'{said}' is not an additional field.", f"additional-fields[{resource}]")
            return True
    return False


def _size(rest: dict[str, str], offer: Offer) -> int:
    if offer.sizes is None:
        return 0
    default, most = offer.sizes
    said = rest.pop("page[size]", str(default))
    if not (said.isascii() and said.isdigit() and 1 <= int(said) <= most):
        raise invalid(f"Page size must be an integer between 1 and {most}.", "page[size]")
    return int(said)


def _sort(rest: dict[str, str], offer: Offer) -> str:
    if not offer.sorts:
        return ""
    said = rest.pop("sort", offer.sorts[0])
    if said.removeprefix("-") not in offer.sorts:
        raise invalid(f"'{said}' cannot be sorted by. Use one of: {', '.join(offer.sorts)}.", "sort")
    return said


def _conditions(rest: dict[str, str], offer: Offer) -> tuple[Condition, ...]:
    if not offer.filters or (said := rest.pop("filter", None)) is None:
        return ()
    try:
        return tuple(filters.read(said, _FILTERS[offer.filters]))
    except BadFilter as error:
        raise invalid(str(error), "filter") from error
