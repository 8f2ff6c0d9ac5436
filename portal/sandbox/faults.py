"""What may go wrong with any service: scripted by name, in the process or over HTTP."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from portal.sandbox.server import Reply, Request

Answer = Callable[[Request], Reply]
Effect = Callable[[Request, Answer], Reply]
"""Gets a request and the way to its usual answer."""
HTML = "text/html; charset=UTF-8"


@dataclass
class Fault:
    """An effect, and which requests it strikes: see `Faults.add`."""

    name: str
    effect: Effect
    path: re.Pattern[str]
    key: str
    after: int
    times: int | None
    share: float
    dice: Random
    details: Mapping[str, Any] = field(default_factory=dict)
    seen: int = 0
    struck: int = 0

    def strikes(self, request: Request, key: str) -> bool:
        if (self.key and key != self.key) or not self.path.search(request.target):
            return False
        self.seen += 1
        if self.seen <= self.after or self.struck == self.times or self.dice.random() >= self.share:
            return False
        self.struck += 1
        return True


class Faults:
    """The faults at work, of the kinds in `makers`. Several that strike one request are put around each other."""

    def __init__(self, makers: Mapping[str, Callable[..., Effect]]) -> None:
        self._makers = {**GENERAL, **makers}
        self._all: list[Fault] = []
        self._lock = threading.Lock()

    def add(
        self,
        name: str,
        *,
        path: str = "",
        key: str = "",
        after: int = 0,
        times: int | None = None,
        share: float = 1.0,
        dice: int = 0,
        **details: Any,
    ) -> Fault:
        """Have `name` strike from now on; `details` are the kind's own.

        `path` is a regular expression, looked for in path and query; `key` an API key; the first `after` requests that
        match are let through; `times` is how often it strikes in all; `share` the chance of each, by the seed `dice`.
        Raises KeyError for a kind that is not here, and TypeError for details it does not have.
        """
        effect = self._makers[name](**details)
        fault = Fault(name, effect, re.compile(path), key, after, times, share, Random(dice), details)  # noqa: S311
        with self._lock:
            self._all.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        with self._lock:
            self._all.remove(fault)

    def clear(self) -> None:
        with self._lock:
            self._all.clear()

    def kinds(self) -> list[str]:
        return sorted(self._makers)

    def told(self) -> list[dict[str, Any]]:
        """The faults at work, and how often each has struck."""
        return [
            {"fault": one.name, "path": one.path.pattern, "times": one.times, "struck": one.struck, "share": one.share}
            for one in self._all
        ]

    def answer(self, request: Request, key: str, usual: Answer) -> Reply:
        """The answer to a request with `key`, by the faults that strike it."""
        if self._all:
            with self._lock:
                striking = [fault.effect for fault in self._all if fault.strikes(request, key)]
            for effect in striking:
                usual = _around(effect, usual)
        return usual(request)


def _around(effect: Effect, usual: Answer) -> Answer:
    return lambda request: effect(request, usual)


def instead(reply: Callable[[], Reply]) -> Effect:
    """An effect that answers without asking."""
    return lambda _request, _usual: reply()


def changed(change: Callable[[Reply], Reply | None]) -> Effect:
    """An effect on the usual answer, when that is a good one; `change` may alter it in place."""

    def effect(request: Request, usual: Answer) -> Reply:
        reply = usual(request)
        return (change(reply) or reply) if reply.status == 200 else reply

    return effect


def page(status: int = 502, words: str = "Bad gateway") -> Effect:
    """A page of HTML, from a machine that stands before the service; 200 is possible."""
    body = f"<!DOCTYPE html><html><head><title>{words}</title></head><body><h1>{words}</h1></body></html>".encode()
    return instead(lambda: Reply(status, body, content_type=HTML))


def challenge() -> Effect:
    """A page that wants to see a browser: no matter of keys or scopes."""
    body = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
    return instead(lambda: Reply(403, body, {"cf-mitigated": "challenge", "Server": "cloudflare"}, HTML))


def redirect(location: str, status: int = 302) -> Effect:
    return instead(lambda: Reply(status, b"", {"Location": location}))


def cut(share: float = 0.5) -> Effect:
    """The body ends before its announced length."""

    def change(reply: Reply) -> None:
        kept = int(len(reply.body) * share)
        reply.missing, reply.body = len(reply.body) - kept, reply.body[:kept]

    return changed(change)


def broken_json(share: float = 0.5) -> Effect:
    """The body ends in the middle, and its length says so too."""

    def change(reply: Reply) -> None:
        reply.body = reply.body[: int(len(reply.body) * share)]

    return changed(change)


def gzipped() -> Effect:
    """A good answer, compressed."""

    def change(reply: Reply) -> None:
        reply.body = gzip.compress(reply.body, 1)
        reply.headers["Content-Encoding"] = "gzip"

    return changed(change)


def bomb(megabytes: int = 200) -> Effect:
    """A small body that unpacks to a large one, of valid JSON."""
    packer = gzip.compress(b" " * 1_000_000, 9)
    body = packer * megabytes + gzip.compress(b'{"data":[],"links":{"self":"","next":null}}')
    return instead(lambda: Reply(200, body, {"Content-Encoding": "gzip"}))


def drip(seconds: float = 5.0) -> Effect:
    """The body comes a byte at a time, `seconds` apart."""

    def change(reply: Reply) -> None:
        reply.drip = seconds

    return changed(change)


def hang(seconds: float = 3600.0) -> Effect:
    """Nothing comes for so long, and nothing then either."""
    return instead(lambda: Reply(200, pause=seconds, hangs_up=True))


def slow(seconds: float = 1.0) -> Effect:
    """The answer is good, and late."""

    def effect(request: Request, usual: Answer) -> Reply:
        reply = usual(request)
        reply.pause = seconds
        return reply

    return effect


def hang_up() -> Effect:
    """The connection is closed without an answer."""
    return instead(lambda: Reply(200, hangs_up=True))


def headers(**named: str) -> Effect:
    """More headers on a good answer; `_` stands for `-`."""

    def change(reply: Reply) -> None:
        reply.headers.update({name.replace("_", "-"): value for name, value in named.items()})

    return changed(change)


def sunset(date: str = "Fri, 01 Jan 2027 00:00:00 GMT") -> Effect:
    """The service says that the revision will go."""
    return headers(Sunset=date, Deprecation="@1767225600")


GENERAL: dict[str, Callable[..., Effect]] = {
    maker.__name__: maker
    for maker in (
        page, challenge, redirect, cut, broken_json, gzipped, bomb, drip, hang, slow, hang_up,
        headers, sunset,
    )
}  # fmt: skip
