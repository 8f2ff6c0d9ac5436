"""What a source of outside lists and segments has to be able to do.

A source is one module with a class of this shape, and one line in `segments.sources`. It speaks its provider's language
and nothing else: it knows no database, waits for nobody and tries nothing twice. Whoever calls it keeps the pace that
it names (`segments.external.calls`). It raises the errors of `portal.outbound`, and CursorExpired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from django.utils.dateparse import parse_datetime

from portal.outbound import Pace

CURSOR_MOST = 4_000


class Ask(StrEnum):
    """What a source is asked for; each has a pace of its own."""

    CHECK = "check"
    GROUPS = "groups"
    SIZE = "size"
    MEMBERS = "members"


@dataclass(frozen=True)
class Credential:
    """A field that a person fills in to connect: its name in the form, what it is called, and where to find it."""

    name: str
    label: str
    help_text: str
    is_secret: bool = True


@dataclass(frozen=True)
class Account:
    """The account that credentials open. `warning`: what its owner should know, such as an interface that ends."""

    id: str
    name: str
    warning: str = ""


@dataclass(frozen=True)
class Group:
    """A list or segment as the source has it."""

    id: str
    name: str
    updated_at: datetime | None = None


@dataclass(frozen=True)
class GroupPage:
    groups: Sequence[Group]
    next: str | None
    """The cursor of the next page; None after the last one."""


@dataclass(frozen=True)
class Member:
    """A profile: its id at the source, and its address as the source has it (None: none)."""

    id: str
    email: str | None


@dataclass(frozen=True)
class MemberPage:
    members: Sequence[Member]
    next: str | None
    """The cursor of the next page; None after the last one."""
    bad: Sequence[tuple[str, str]] = field(default=())
    """Profiles that are not what the source says they should be: id ('' if it has none), and why."""
    is_sure: bool = True
    """False for what may be the last page, or one that was cut off: the answer does not say."""


def is_plain(text: object, most: int = 100) -> bool:
    """Whether this is text that an id or a cursor may be: plain letters, and no more than `most` of them."""
    return isinstance(text, str) and 0 < len(text) <= most and text.isascii() and text.isprintable()


def whole(value: object) -> int | None:
    """The number that an answer gives; None for whatever is no whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def instant(value: object) -> datetime | None:
    """The time that an answer gives; None for whatever is no time, or one that does not say where."""
    try:
        at = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo else None


def member(identity: str, email: object) -> Member | tuple[str, str]:
    """The profile; or its id and what is wrong with it."""
    if email is not None and not isinstance(email, str):
        return identity, "Its e-mail is no text."
    return Member(identity, email)


def told_apart(found: Iterable[Member | tuple[str, str]]) -> tuple[list[Member], list[tuple[str, str]]]:
    """The profiles that are as the source says they should be, and the others."""
    members: list[Member] = []
    bad: list[tuple[str, str]] = []
    for one in found:
        if isinstance(one, Member):
            members.append(one)
        else:
            bad.append(one)
    return members, bad


class Source(Protocol):
    key: ClassVar[str]
    label: ClassVar[str]
    kinds: ClassVar[Mapping[str, str]]
    """Kind of group → what staff call it, such as `list` → `Klaviyo list`."""
    credentials: ClassVar[Sequence[Credential]]
    scopes: ClassVar[str]
    """What the credentials must allow, in words."""
    identity: ClassVar[str]
    """Under which of a customer's ids a profile's id is known; see customers.privacy.identity."""
    paces: ClassVar[Mapping[Ask, Pace]]

    def __init__(self, given: Mapping[str, str]) -> None:
        """`given`: the name of each credential → its value. Opens no connection yet."""

    def check(self) -> Account:
        """Try the credentials."""

    def groups(self, kind: str, cursor: str | None) -> GroupPage:
        """A page of the account's groups of this kind; the first without a cursor."""

    def size(self, kind: str, group_id: str) -> int | None:
        """How many members the source says there are; None where it does not say. Raises Missing for a group that
        is gone."""

    def members(self, kind: str, group_id: str, cursor: str | None) -> MemberPage:
        """A page of the group's members. Raises Missing for a group that is gone, CursorExpired."""

    def close(self) -> None:
        """Let go of connections."""
