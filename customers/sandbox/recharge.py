"""Recharge on this machine: its REST interface of 2021-11 and its webhooks, strictly.

`with RechargeSandbox() as recharge:` serves it at `recharge.url`. What is put in is listed page by page, limited as
Recharge limits it, and told to the webhooks that were made, signed, again and again, until they are answered or taken
away.
"""

from __future__ import annotations

import base64
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from customers.providers.recharge import TOPICS
from customers.sandbox import control
from customers.sandbox.bodies import EASTERN, Body
from customers.sandbox.signing import recharge_headers
from portal.sandbox.control import PREFIX
from portal.sandbox.faults import Faults
from portal.sandbox.server import HOST, Reply, Request, Server

VERSION = "2021-11"
TOKEN, SECRET = "sk_test_of_the_sandbox", "secret_of_the_client"
BUCKET, DRAINED = 40, 2.0
LISTS = ("customers", "subscriptions", "orders", "charges")
TRIES = 20
_PARAMETERS = {
    "limit",
    "cursor",
    "updated_at_min",
    "updated_at_max",
    "created_at_min",
    "created_at_max",
    "ids",
    "status",
}
Post = Callable[[str, bytes, dict[str, str]], int]
"""Sends a body with headers to an address; the status of the answer."""


@dataclass
class Webhook:
    """A topic, and where it is sent; `failed` tries in a row."""

    id: int
    topic: str
    address: str
    included: tuple[str, ...] = ()
    failed: int = 0


class RechargeSandbox:
    """`post` is how webhooks go out; without it they are only counted in `unsent`."""

    def __init__(
        self, *, port: int = 0, limits: bool = True, token: str = TOKEN, secret: str = SECRET,
        post: Post | None = None,
    ) -> None:  # fmt: skip
        self.token, self.secret, self.post, self.limited = token, secret, post, limits
        self.rows: dict[str, dict[int, Body]] = {name: {} for name in LISTS}
        self.hooks: list[Webhook] = []
        self.requests: list[tuple[str, int]] = []
        self.dropping = False
        self.unsent: list[tuple[str, Body]] = []
        self.faults = Faults({"throttle": _throttle, "error": _error})
        self._numbers, self._lock = itertools.count(1), threading.RLock()
        self._level, self._at, self._generation = 0.0, 0.0, 0
        self._server = Server(self._handle, port)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.port}"

    def start(self) -> Self:
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

    # --- What it has, and tells of

    def put(self, name: str, row: Body, topic: str = "") -> None:
        """Have this row of the list `name` from now on, and tell of it under `topic`."""
        with self._lock:
            self.rows[name][row["id"]] = row
        if topic:
            self.tell(topic, row)

    def tell(self, topic: str, row: Body) -> None:
        """Send a webhook to all who asked for the topic."""
        for hook in [hook for hook in self.hooks if hook.topic == topic]:
            said = {topic.partition("/")[0]: row}
            if "customer" in hook.included and (buyer := self._customer_of(row)):
                said["customer"] = buyer
            body = json.dumps(said).encode()
            for _ in range(TRIES):
                if self._sent(hook, body):
                    hook.failed = 0
                    break
                hook.failed += 1
            else:
                self.hooks.remove(hook)  # as Recharge does with those that are never answered
                self.unsent.append((topic, row))

    def _customer_of(self, row: Body) -> Body | None:
        number = row.get("customer_id") or row.get("customer", {}).get("id")
        return self.rows["customers"].get(number)

    def _sent(self, hook: Webhook, body: bytes) -> bool:
        if self.post is None or self.dropping:
            return False
        return self.post(hook.address, body, recharge_headers(self.secret, body, at=datetime.now(UTC))) == 200

    def expire_cursors(self) -> None:
        self._generation += 1

    # --- Its interface

    def _handle(self, request: Request) -> Reply:
        if request.target.startswith(PREFIX):
            return control.answer(self, request)
        reply = self.faults.answer(request, request.headers.get("x-recharge-access-token", ""), self._answer)
        self.requests.append((request.target, reply.status))
        return reply

    def _answer(self, request: Request) -> Reply:
        if request.headers.get("x-recharge-access-token") != self.token:
            return _json(401, {"errors": "bad authentication"})
        if request.headers.get("x-recharge-version") != VERSION:
            return _json(400, {"errors": {"version": ["Invalid value"]}})
        if self.limited and not self._drop_in(request.arrived):
            return _throttle()(request, self._answer)
        name = request.path.strip("/")
        if name == "webhooks":
            return self._webhooks(request)
        if name not in LISTS or request.method != "GET":
            return _json(404, {"errors": "Not Found"})
        return self._list(name, request)

    def _drop_in(self, now: float) -> bool:
        """Whether the bucket has room for one more."""
        with self._lock:
            self._level = max(0.0, self._level - (now - self._at) * DRAINED)
            self._at = now
            if self._level + 1 > BUCKET:
                return False
            self._level += 1
            return True

    def _list(self, name: str, request: Request) -> Reply:
        asked = dict(parse_qsl(request.query, keep_blank_values=True))
        limit = asked.get("limit", "50")
        if foreign := set(asked) - _PARAMETERS:
            return _json(422, {"errors": {min(foreign): ["Unknown field."]}})
        if not limit.isdigit() or not 1 <= int(limit) <= 250:
            return _json(422, {"errors": {"limit": ["Invalid value"]}})
        if "cursor" in asked and set(asked) - {"cursor", "limit"}:
            return _json(422, {"errors": {"cursor": ["With a cursor only the limit may be sent."]}})
        try:
            after, since = self._place(name, asked)
        except ValueError:
            return _json(422, {"errors": {"cursor": ["Invalid value"]}})
        with self._lock:
            rows = [row for number, row in sorted(self.rows[name].items()) if number > after and _changed(row) >= since]
        page, more = rows[: int(limit)], len(rows) > int(limit)
        following = self._cursor(name, page[-1]["id"], since) if more else None
        return _json(200, {name: page, "next_cursor": following, "previous_cursor": None})

    def _place(self, name: str, asked: dict[str, str]) -> tuple[int, datetime]:
        if "cursor" in asked:
            said = json.loads(base64.urlsafe_b64decode(asked["cursor"]))
            if said[0] != self._generation or said[1] != name:
                raise ValueError
            return int(said[2]), datetime.fromisoformat(said[3])
        since = asked.get("updated_at_min", "1970-01-01T00:00:00+00:00").replace(" ", "+")
        return 0, _moment(since)

    def _cursor(self, name: str, after: int, since: datetime) -> str:
        said = json.dumps([self._generation, name, after, since.isoformat()])
        return base64.urlsafe_b64encode(said.encode()).decode()

    def _webhooks(self, request: Request) -> Reply:
        if request.method == "GET":
            return _json(200, {"webhooks": [vars(hook) for hook in self.hooks], "next_cursor": None})
        if request.method != "POST":
            return _json(405, {"errors": "Method Not Allowed"})
        said = json.loads(request.body)
        if said.get("topic") not in TOPICS or not str(said.get("address", "")).startswith("http"):
            return _json(422, {"errors": {"topic": ["Invalid value"]}})
        hook = Webhook(next(self._numbers), said["topic"], said["address"], tuple(said.get("included_objects", ())))
        if any((one.topic, one.address) == (hook.topic, hook.address) for one in self.hooks):
            return _json(422, {"errors": {"address": ["has already been taken"]}})
        self.hooks.append(hook)
        return _json(200, {"webhook": vars(hook)})


def _moment(said: str) -> datetime:
    at = datetime.fromisoformat(said)
    return at if at.tzinfo else at.replace(tzinfo=EASTERN)


def _changed(row: Body) -> datetime:
    return _moment(row["updated_at"])


def _json(status: int, said: Any) -> Reply:
    return Reply(status, json.dumps(said).encode(), content_type="application/json")


def _throttle(retry_after: float | None = 1) -> Any:
    def effect(_request: Request, _usual: Any) -> Reply:
        reply = _json(429, {"errors": "Too many requests"})
        if retry_after is not None:
            reply.headers["Retry-After"] = str(retry_after)
        return reply

    return effect


def _error(status: int = 503) -> Any:
    return lambda _request, _usual: _json(status, {"errors": "Something went wrong"})
