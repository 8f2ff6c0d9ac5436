"""Klaviyo: lists and segments by its JSON:API, with a private key.

Facts: developers.klaviyo.com, revision 2026-07-15. Limits are those of an account, shared by all who hold its keys:
75 calls a second and 700 a minute, and of calls that count profiles or check the account 1 a second and 15 a minute.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

from django.conf import settings

from portal.outbound import CursorExpired, Garbled, Missing, Pace, Refused, Rejected, Reply, Session, raise_for, send
from segments.sources.base import (
    CURSOR_MOST,
    Account,
    Ask,
    Credential,
    Group,
    GroupPage,
    Member,
    MemberPage,
    instant,
    is_plain,
    member,
    told_apart,
    whole,
)

REVISION = "2026-07-15"
MEMBERS_A_PAGE = 100
_PATHS = {"list": "lists", "segment": "segments"}
_WIDE, _NARROW = Pace(per_second=70, per_minute=700), Pace(per_second=1, per_minute=15)


class Klaviyo:
    key: ClassVar[str] = "klaviyo"
    label: ClassVar[str] = "Klaviyo"
    kinds: ClassVar[Mapping[str, str]] = {"list": "Klaviyo list", "segment": "Klaviyo segment"}
    credentials: ClassVar[Sequence[Credential]] = (
        Credential(
            "api_key",
            "Private API key",
            "In Klaviyo: Settings ▸ API keys ▸ Create Private API Key. It begins with pk_.",
        ),
    )
    scopes: ClassVar[str] = "read access to Accounts, Lists, Profiles and Segments"
    identity: ClassVar[str] = "klaviyo_id"
    paces: ClassVar[Mapping[Ask, Pace]] = {
        Ask.CHECK: _NARROW,
        Ask.SIZE: _NARROW,
        Ask.GROUPS: _WIDE,
        Ask.MEMBERS: _WIDE,
    }

    def __init__(self, given: Mapping[str, str]) -> None:
        self._headers = {
            "Authorization": f"Klaviyo-API-Key {given['api_key'].strip()}",
            "revision": REVISION,
            "Accept": "application/vnd.api+json",
        }
        self._session = Session()

    def check(self) -> Account:
        try:
            reply = self._get("accounts")
        except Rejected as error:
            # One of Klaviyo's own pages says that a key it does not know is answered so.
            raise Refused("Klaviyo does not accept this API key.") from error
        accounts = _data(reply)
        if len(accounts) != 1:
            raise Garbled("Klaviyo's answer names no account.")
        attributes = _attributes(accounts[0])
        contact = attributes.get("contact_information")
        name = contact.get("organization_name") if isinstance(contact, dict) else None
        identity = _text(accounts[0].get("id"))
        if not is_plain(identity):
            raise Garbled("Klaviyo's answer names no account.")
        account = Account(identity, _text(name) or identity, _warning(reply))
        if lacking := self._lacking():
            raise Refused(f"The key opens the account “{account.name}”, but lacks read access to {lacking}.")
        return account

    def _lacking(self) -> str:
        """What the key may not read of that which imports ask for, in words: they would fail otherwise."""
        lacking = []
        for path in _PATHS.values():
            try:
                first = _data(self._get(path, {"page[size]": "1"}))[:1]
            except Refused:
                lacking.append(path.title())
                continue
            try:
                for row in first:
                    self._get(f"{path}/{quote(_text(row.get('id')), safe='')}/profiles", {"page[size]": "1"})
            except Refused:
                lacking.append("Profiles")
            except Missing:
                pass  # deleted in this moment
        return " and ".join(dict.fromkeys(lacking))

    def groups(self, kind: str, cursor: str | None) -> GroupPage:
        path = _PATHS[kind]
        query = {f"fields[{kind}]": "name,updated", "page[size]": "10", "sort": "id"}
        document = self._page(path, query, cursor)
        found = [Group(_text(row.get("id")), *_described(row)) for row in _rows(document)]
        return GroupPage([group for group in found if is_plain(group.id)], _next(document))

    def size(self, kind: str, group_id: str) -> int | None:
        path = f"{_PATHS[kind]}/{quote(group_id, safe='')}"
        query = {f"additional-fields[{kind}]": "profile_count", f"fields[{kind}]": "name"}
        document = _document(self._get(path, query))
        row = document.get("data")
        return whole(_attributes(row).get("profile_count")) if isinstance(row, dict) else None

    def members(self, kind: str, group_id: str, cursor: str | None) -> MemberPage:
        path = f"{_PATHS[kind]}/{quote(group_id, safe='')}/profiles"
        query = {"fields[profile]": "email", "page[size]": str(MEMBERS_A_PAGE)}
        document = self._page(path, query, cursor)
        members, bad = told_apart(map(_member, _rows(document)))
        cursor = _next(document)
        is_sure = cursor is not None or "next" in document["links"] or len(members) + len(bad) < MEMBERS_A_PAGE
        return MemberPage(members, cursor, bad, is_sure)

    def close(self) -> None:
        self._session.close()

    def _page(self, path: str, query: dict[str, str], cursor: str | None) -> dict[str, Any]:
        if cursor is not None:
            query = {**query, "page[cursor]": cursor}
        try:
            return _document(self._get(path, query))
        except Rejected as error:
            if cursor is not None and error.reply.status == 400:
                raise CursorExpired from error
            raise

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Reply:
        url = f"{settings.KLAVIYO_API_URL}/api/{path}"
        reply = send(
            "GET", url, headers=self._headers, params=query, trusted=True, session=self._session, service="Klaviyo"
        )
        if reply.status == 403 and (scopes := _missing_scopes(reply)):
            raise Refused(f"The API key lacks permissions: {scopes}.")
        raise_for(reply, "Klaviyo")
        return reply


def _missing_scopes(reply: Reply) -> str:
    """The scopes that Klaviyo names as missing; '' where it names none."""
    try:
        said = re.search(r"missing required scopes:\s*([a-z:, -]{1,200})", json.dumps(reply.json()))
    except Garbled:
        return ""
    return said[1].strip(" ,") if said else ""


def _document(reply: Reply) -> dict[str, Any]:
    document = reply.json()
    if not isinstance(document, dict) or "data" not in document:
        raise Garbled("Klaviyo's answer is not what its interface promises.")
    return document


def _data(reply: Reply) -> list[dict[str, Any]]:
    return list(_rows(_document(reply)))


def _rows(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rows = document["data"]
    if not isinstance(rows, list):
        raise Garbled("Klaviyo's answer is not what its interface promises.")
    for row in rows:
        yield row if isinstance(row, dict) else {}


def _attributes(row: dict[str, Any]) -> dict[str, Any]:
    attributes = row.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _member(row: dict[str, Any]) -> Member | tuple[str, str]:
    """The profile; or its id and what is wrong with it."""
    identity = row.get("id")
    if not isinstance(identity, str) or not is_plain(identity):
        return "", "It has no id."
    attributes = row.get("attributes")
    if not isinstance(attributes, dict):
        return identity, "It has no attributes."
    return member(identity, attributes.get("email"))


def _described(row: dict[str, Any]) -> tuple[str, datetime | None]:
    attributes = _attributes(row)
    return _text(attributes.get("name")), instant(attributes.get("updated"))


def _next(document: dict[str, Any]) -> str | None:
    """The cursor of the next page; None where the answer names none."""
    links = document.get("links")
    if not isinstance(links, dict):
        raise Garbled("Klaviyo's answer does not say whether there is more.")
    url = links.get("next")
    if url is None:
        return None
    cursors = parse_qs(urlsplit(url).query).get("page[cursor]") if isinstance(url, str) else None
    if not cursors or not is_plain(cursors[0], CURSOR_MOST):
        raise Garbled("Klaviyo's answer does not say where there is more.")
    return cursors[0]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _warning(reply: Reply) -> str:
    day = reply.headers.get("sunset") or reply.headers.get("deprecation")
    return f"Klaviyo announces the end of this version of its interface ({day[:60]}). Update Coterie." if day else ""
