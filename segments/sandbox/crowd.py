"""Accounts, and their lists and segments."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from segments.sandbox.members import Ids, MadeUp, Members, microseconds

Given = str | tuple[str, str | None]
"""A member as a test names it: an e-mail address, or a profile's id and its address or None."""
Kind = Literal["list", "segment"]
PATTERN = "customer{n}@town.example"
"""The addresses of made-up people."""


@dataclass
class Group:
    """A list or a segment of an account. Its methods may be called while pages of it are read."""

    account: Account
    kind: Kind
    group_id: str
    name: str | None
    members: Members
    created: datetime
    updated: datetime
    is_active: bool = True
    is_starred: bool = False

    def __len__(self) -> int:
        return len(self.members)

    def join(self, *people: Given, joined: datetime | None = None) -> None:
        with self.account.lock:
            for given in people:
                at = None if joined is None else microseconds(joined)
                self.members.join(self.account.meet(given), at)
            self._touch()

    def leave(self, *people: str) -> None:
        """Take out profiles, named by id or by e-mail address; raises KeyError for somebody who is not in."""
        with self.account.lock:
            for given in people:
                if not self.members.leave(given) and not self.members.leave(self.account.find(given)):
                    raise KeyError(given)
            self._touch()

    def replace(self, members: int | Iterable[Given], pattern: str = PATTERN) -> None:
        """Have these members alone: a number of made-up ones, or those named."""
        with self.account.lock:
            self.members = Members(MadeUp(members if isinstance(members, int) else 0, pattern, self.account.ids))
            self.account.patterns[self.members.made_up.prefix] = pattern
            self.join(*([] if isinstance(members, int) else members))

    def keep(self, count: int) -> None:
        """Have nobody leave but those beyond the first `count`."""
        with self.account.lock:
            for profile in list(self.members)[count:]:
                self.members.leave(profile)
            self._touch()

    def _touch(self) -> None:
        self.updated = datetime.now(UTC)


@dataclass
class Account:
    """A customer of the service: keys with their scopes, groups, and profiles (id → e-mail address)."""

    account_id: str
    name: str
    ids: Ids
    lock: threading.RLock
    keys: dict[str, frozenset[str]] = field(default_factory=dict)
    groups: dict[tuple[Kind, str], Group] = field(default_factory=dict)
    profiles: dict[str, str | None] = field(default_factory=dict)
    patterns: dict[str, str] = field(default_factory=dict)
    held_off_until: float = 0.0
    """When, by the monotonic clock, what a 429 said is over."""

    def add(
        self, kind: Kind, group_id: str, name: str | None, members: int | Iterable[Given] = (), pattern: str = PATTERN
    ) -> Group:
        """Make a group with these members: a number of made-up ones, or those named."""
        made = datetime.now(UTC) - timedelta(days=30)
        group = Group(self, kind, group_id, name, Members(MadeUp(0, pattern, self.ids)), made, made)
        group.replace(members, pattern)
        group.updated = made + timedelta(days=1)
        with self.lock:
            self.groups[kind, group_id] = group
        return group

    def meet(self, given: Given) -> str:
        """The id of a person, who is made known when that is needed."""
        if isinstance(given, tuple):
            profile, email = given
            self.profiles[profile] = email
            return profile
        if given in self.profiles or self.made_up_email(given) is not None:
            return given
        profile = self.ids.of_email(given)
        self.profiles[profile] = given
        return profile

    def find(self, email: str) -> str:
        """The id of the profile with this address; raises KeyError."""
        known = next((profile for profile, address in self.profiles.items() if address == email), None)
        return known if known is not None else self._made_up_id(email)

    def email_of(self, profile: str) -> str | None:
        try:
            return self.profiles[profile]
        except KeyError:
            return self.made_up_email(profile)

    def made_up_email(self, profile: str) -> str | None:
        width = self.ids.width
        pattern = self.patterns.get(profile[:-width])
        if pattern is None or not profile[-width:].isdigit():
            return None
        return pattern.replace("{n}", str(int(profile[-width:])))

    def _made_up_id(self, email: str) -> str:
        for prefix, pattern in self.patterns.items():
            head, _, tail = pattern.partition("{n}")
            number = email.removeprefix(head).removesuffix(tail)
            if number.isdigit() and pattern.replace("{n}", number) == email:
                return f"{prefix}{int(number):0{self.ids.width}d}"
        raise KeyError(email)

    def change_email(self, profile: str, email: str | None) -> None:
        self.profiles[profile] = email

    def hold_off(self, seconds: float) -> None:
        self.held_off_until = max(self.held_off_until, time.monotonic() + seconds)
