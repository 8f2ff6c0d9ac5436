"""Klaviyo on this machine: the calls that read accounts, lists, segments and who is in them, strictly.

Stricter than the real one where its documents leave a doubt: the limit of a class of calls is shared by all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from portal.sandbox.server import Reply, Request
from segments.sandbox import documents, pages, parameters, tampering
from segments.sandbox.base import Sandbox
from segments.sandbox.crowd import PATTERN, Account, Given, Group, Kind
from segments.sandbox.cursors import BadCursor
from segments.sandbox.documents import Refused, invalid, refusal
from segments.sandbox.limits import LARGE, SMALL, Limit
from segments.sandbox.members import KLAVIYO_IDS
from segments.sandbox.pages import Page, Reader
from segments.sandbox.parameters import Offer, Parameters

SCOPES = frozenset({"accounts:read", "lists:read", "segments:read", "profiles:read"})
SCHEME = "Klaviyo-API-Key "
REVISIONS = {
    "2022-10-17", "2023-01-24", "2023-02-22", "2023-06-15", "2023-07-15", "2023-08-15", "2023-09-15", "2023-10-15",
    "2023-12-15", "2024-02-15", "2024-05-15", "2024-06-15", "2024-07-15", "2024-10-15", "2025-01-15", "2025-04-15",
    "2025-07-15", "2025-10-15", "2026-01-15", "2026-04-15", "2026-07-15", "2026-10-15",
}  # fmt: skip
What = Literal["accounts", "groups", "group", "members", "ids"]


@dataclass(frozen=True)
class Call:
    """A call that is known: what it asks for, of which kind of group, and of which one."""

    what: What
    kind: Kind
    group_id: str = ""

    @property
    def scopes(self) -> list[str]:
        if self.what == "accounts":
            return ["accounts:read"]
        profiles = ["profiles:read"] if self.what in {"members", "ids"} else []
        return sorted([f"{self.kind}s:read", *profiles])

    @property
    def offer(self) -> Offer:
        if self.what == "accounts":
            return parameters.ACCOUNTS
        if self.what == "groups":
            return parameters.GROUPS[self.kind]
        if self.what == "group":
            return parameters.ONE_GROUP[self.kind]
        return parameters.MEMBERS if self.what == "members" else parameters.MEMBER_IDS


def call_of(path: str) -> Call | None:
    """What is asked for at `path`, with or without a slash at its end; None for what is not here."""
    match path.removesuffix("/").split("/")[1:]:
        case ["api", "accounts"]:
            return Call("accounts", "list")
        case ["api", "lists" | "segments" as plural, *rest]:
            kind: Kind = "list" if plural == "lists" else "segment"
            match rest:
                case []:
                    return Call("groups", kind)
                case [name]:
                    return Call("group", kind, name)
                case [name, "profiles"]:
                    return Call("members", kind, name)
                case [name, "relationships", "profiles"]:
                    return Call("ids", kind, name)
    return None


class KlaviyoSandbox(Sandbox):
    """Klaviyo's stand-in: `with KlaviyoSandbox() as klaviyo:` serves it at `klaviyo.url`."""

    ids = KLAVIYO_IDS

    def __init__(self, *, port: int = 0, limits: bool = True) -> None:
        super().__init__(
            tampering.KLAVIYO | {"mutate": lambda **details: tampering.mutate(self, **details)},
            port=port,
            limits=limits,
        )

    def account(
        self, key: str = "pk_test", name: str = "Test Shop", *, account_id: str = "", scopes: Iterable[str] = SCOPES
    ) -> Account:
        """An account that `key` opens."""
        return self.add_account(name, account_id or f"AcC{len(self.accounts):03d}", key, frozenset(scopes))

    def list(
        self,
        group_id: str,
        name: str | None,
        members: int | Iterable[Given] = (),
        *,
        account: Account | None = None,
        pattern: str = PATTERN,
    ) -> Group:
        """A list, of the first account unless said otherwise. `members`: a number of made-up ones, or the members."""
        return self._account(account).add("list", group_id, name, members, pattern)

    def segment(
        self,
        group_id: str,
        name: str | None,
        members: int | Iterable[Given] = (),
        *,
        account: Account | None = None,
        pattern: str = PATTERN,
    ) -> Group:
        """A segment; see `list`."""
        return self._account(account).add("segment", group_id, name, members, pattern)

    def _account(self, given: Account | None) -> Account:
        return given or (self.accounts[0] if self.accounts else self.account())

    def key_of(self, request: Request) -> str:
        return request.headers.get("authorization", "").partition(" ")[2].strip()

    def answer(self, request: Request) -> Reply:
        try:
            account, scopes = self._let_in(request)
            call = _routed(request)
            _held_to_scopes(call, scopes)
            headers = self._counted(account, call, request)
            try:
                reply = self._answered(account, call, request)
            except Refused as refused:
                reply = refused.reply
            reply.headers.update(headers)
            return reply
        except Refused as refused:
            return refused.reply

    def _let_in(self, request: Request) -> tuple[Account, frozenset[str]]:
        given = request.headers.get("authorization")
        if given is None:
            detail = "Missing or invalid private key."
            raise Refused(refusal(401, "not_authenticated", "Authentication credentials were not provided.", detail))
        key = self.key_of(request)
        if not given.startswith(SCHEME) or (account := self.account_of(key)) is None:
            detail = "Missing or invalid private key." if given.startswith(SCHEME) else "Missing or invalid scheme."
            raise Refused(refusal(401, "authentication_failed", "Incorrect authentication credentials.", detail))
        if request.headers.get("revision") not in REVISIONS:
            detail = "The revision header must be a valid API revision, in the form YYYY-MM-DD[.suffix]."
            raise Refused(refusal(400, "invalid", "Invalid input.", detail, pointer="/data/"))
        return account, account.keys[key]

    def _counted(self, account: Account, call: Call, request: Request) -> dict[str, str]:
        """Count the call; the headers that tell of it. Raises Refused when it is one too many."""
        usual, what = _limit_of(call, request)
        verdict = self.limits.take(account.account_id, what, usual, request.arrived)
        if verdict.allowed:
            return {
                "RateLimit-Limit": f"{verdict.limit.steady}, {verdict.limit.burst};w=1, {verdict.limit.steady};w=60",
                "RateLimit-Remaining": str(verdict.remaining),
                "RateLimit-Reset": str(verdict.reset),
            }
        detail = f"Request was throttled. Expected available in {verdict.retry_after} seconds."
        reply = refusal(429, "throttled", "Request was throttled.", detail, pointer="/data/")
        reply.headers["Retry-After"] = str(verdict.retry_after)
        raise Refused(reply)

    def _answered(self, account: Account, call: Call, request: Request) -> Reply:
        asked = parameters.read(request.query, call.offer)
        if call.what == "accounts":
            told = documents.account(account, self.url, asked.fields)
            return Reply(200, documents.collection(json.dumps(told), {"self": self.url + request.target}))
        if call.what == "groups":
            return self._groups(account, call, asked, request)
        group = account.groups.get((call.kind, call.group_id))
        if group is None:
            detail = f"A {call.kind} with id {call.group_id} does not exist."
            raise Refused(refusal(404, "not_found", "Not found.", detail))
        if call.what == "group":
            data = documents.group(group, self.url, asked.fields, counted=asked.counted)
            links = {"self": self.url + request.target}
            return Reply(200, json.dumps({"data": data, "links": links}).encode())
        return self._members(group, call, asked, request)

    def _groups(self, account: Account, call: Call, asked: Parameters, request: Request) -> Reply:
        with self.lock:
            fitting = {
                group.group_id: group
                for (kind, _), group in account.groups.items()
                if kind == call.kind and pages.fits(group, asked.conditions)
            }
        reader = pages.group_reader(fitting, asked.sort)
        page, links = self._turned(f"{call.kind}s {asked.about}", reader, pages.GROUP_BOUNDS, asked, request)
        told = (documents.group(fitting[name], self.url, asked.fields) for _, name in page.keys)
        return Reply(200, documents.collection(",".join(map(json.dumps, told)), links))

    def _members(self, group: Group, call: Call, asked: Parameters, request: Request) -> Reply:
        about = f"{call.what} of {group.kind} {group.group_id} {asked.about}"
        bounds = pages.member_bounds(asked.conditions)
        page, links = self._turned(about, pages.member_reader(group), bounds, asked, request)
        if call.what == "ids":
            return Reply(200, documents.collection(documents.identifiers(page.keys), links))
        fields = documents.PROFILE_FIELDS if asked.fields is None else asked.fields
        return Reply(200, documents.collection(documents.members(group, page.keys, self.url, fields), links))

    def _turned(
        self, about: str, reader: Reader, bounds: tuple[Any, Any], asked: Parameters, request: Request
    ) -> tuple[Page, dict[str, str | None]]:
        """The page that is asked for, and its links."""
        cursor = None
        if asked.cursor is not None:
            try:
                cursor = self.cursors.read(asked.cursor, about)
            except BadCursor as error:
                raise invalid("Invalid page cursor.", "page[cursor]") from error
        page = pages.turn(reader, bounds, asked.size, descending=asked.descending, cursor=cursor)
        address = self.url + request.path
        links: dict[str, str | None] = {"self": self.url + request.target, "next": None, "prev": None}
        if page.following:
            links["next"] = asked.linked(address, self.cursors.make(about, backwards=False, key=page.following))
        if page.preceding:
            links["prev"] = asked.linked(address, self.cursors.make(about, backwards=True, key=page.preceding))
        return page, links


def _routed(request: Request) -> Call:
    """Raises Refused for what is not here: gone since 2024, not known, or not by this method."""
    call = call_of(request.path)
    if call is None and request.path.startswith(("/api/v1/", "/api/v2/")):
        detail = "This endpoint has been retired. Use the current API instead."
        raise Refused(refusal(410, "gone", "Gone.", detail))
    if call is None:
        raise Refused(refusal(404, "not_found", "Not found.", "The requested resource does not exist."))
    if request.method != "GET":
        detail = f"Method {request.method} is not allowed."
        raise Refused(refusal(405, "method_not_allowed", "Method not allowed.", detail))
    return call


def _held_to_scopes(call: Call, scopes: frozenset[str]) -> None:
    if missing := [scope for scope in call.scopes if scope not in scopes]:
        detail = f"Your API key is missing required scopes: {', '.join(missing)}"
        title = "You do not have permission to perform this action."
        raise Refused(refusal(403, "permission_denied", title, detail))


def _limit_of(call: Call, request: Request) -> tuple[Limit, str]:
    """How often a call may be made, and what it is counted with."""
    if call.what == "accounts":
        return SMALL, "accounts"
    if call.what == "group" and "additional-fields" in request.query:
        return SMALL, f"{call.kind} with its count"
    return LARGE, "all others"
