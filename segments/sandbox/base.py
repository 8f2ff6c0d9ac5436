"""What both stand-ins have in common: a server, a record of what came, and faults."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import NamedTuple, Self

from portal.sandbox.control import PREFIX
from portal.sandbox.faults import Effect, Faults
from portal.sandbox.server import HOST, Reply, Request, Server
from segments.sandbox import control
from segments.sandbox.crowd import Account, Group
from segments.sandbox.cursors import Cursors
from segments.sandbox.faults import OF_JSON_API
from segments.sandbox.limits import Limits
from segments.sandbox.members import Ids

MOST_REMEMBERED = 200_000


class Seen(NamedTuple):
    """A request that came: its path and query, when by the monotonic clock, how it was answered, and the key it had.

    `early` says that it came before the Retry-After of a 429 to its account was over.
    """

    path: str
    arrived: float
    status: int
    key: str
    early: bool


class Sandbox:
    """A service on 127.0.0.1 from `start` to `stop`, or within a `with` block.

    `limits`: whether calls are limited. `requests` is what came, `faults` what goes wrong.
    """

    ids: Ids

    def __init__(self, effects: Mapping[str, Callable[..., Effect]], *, port: int = 0, limits: bool = True) -> None:
        self.lock = threading.RLock()
        self.accounts: list[Account] = []
        self.requests: deque[Seen] = deque(maxlen=MOST_REMEMBERED)
        self.faults = Faults({**OF_JSON_API, **effects})
        self.limits = Limits(on=limits)
        self.cursors = Cursors()
        self._by_key: dict[str, Account] = {}
        self._server = Server(self._handle, port)

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """The answer of a service in order."""

    @abstractmethod
    def key_of(self, request: Request) -> str:
        """The key that a request carries; '' without one."""

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://{HOST}:{self._server.port}"

    def start(self) -> Self:
        """Serve; raises OSError when the port is taken."""
        self._server.start()
        return self

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None and self._server.broken:
            raise self._server.broken[0]

    def add_account(self, name: str, account_id: str, key: str, scopes: frozenset[str]) -> Account:
        account = Account(account_id, name, self.ids, self.lock)
        with self.lock:
            self.accounts.append(account)
        self.add_key(account, key, scopes)
        return account

    def add_key(self, account: Account, key: str, scopes: frozenset[str]) -> None:
        """Let `key` in to `account`, for `scopes`; also to give it other ones."""
        with self.lock:
            account.keys[key] = scopes
            self._by_key[key] = account

    def revoke(self, key: str) -> None:
        """Know `key` no longer; raises KeyError for one that is not known."""
        with self.lock:
            del self._by_key[key].keys[key]

    def account_of(self, key: str) -> Account | None:
        """Whose key it is; None for one that was never known or is revoked."""
        account = self._by_key.get(key)
        return account if account is not None and key in account.keys else None

    def group(self, group_id: str) -> Group:
        """The group called so, of any account and kind; raises KeyError."""
        for account in self.accounts:
            for (_, named), group in account.groups.items():
                if named == group_id:
                    return group
        raise KeyError(group_id)

    def delete(self, group_id: str) -> None:
        """Have the group be no more; raises KeyError."""
        group = self.group(group_id)
        with self.lock:
            del group.account.groups[group.kind, group_id]

    def early(self) -> list[Seen]:
        """The requests that came before a 429 to their account was over."""
        return [seen for seen in self.requests if seen.early]

    def _handle(self, request: Request) -> Reply:
        if request.target.startswith(PREFIX):
            return control.answer(self, request)
        key = self.key_of(request)
        account = self._by_key.get(key)
        early = account is not None and request.arrived < account.held_off_until
        reply = self.faults.answer(request, key, self.answer)
        if reply.status == 429 and account is not None:
            account.hold_off(_seconds(reply.headers.get("Retry-After", "")))
        self.requests.append(Seen(request.target, request.arrived, reply.status, key, early))
        return reply


def _seconds(retry_after: str) -> float:
    """What a Retry-After asks for; 0 for nonsense."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return 0.0
