"""Klaviyo's documents: JSON:API, written quickly."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from portal.sandbox.server import Reply
from segments.sandbox.crowd import Account, Group
from segments.sandbox.members import Key, iso

PROFILE_FIELDS = (
    "email", "phone_number", "external_id", "first_name", "last_name", "organization", "locale", "title", "image",
    "created", "updated", "last_event_date", "location", "properties", "joined_group_at",
)  # fmt: skip
LIST_FIELDS = ("name", "created", "updated", "opt_in_process")
SEGMENT_FIELDS = ("name", "definition", "created", "updated", "is_active", "is_processing", "is_starred")
_EMPTY = {"location": "{}", "properties": "{}"}


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def refusal(status: int, code: str, title: str, detail: str, *, pointer: str = "", parameter: str = "") -> Reply:
    """An error in the envelope that all of Klaviyo's have."""
    source = {name: value for name, value in (("pointer", pointer), ("parameter", parameter)) if value}
    told = {
        "id": str(uuid.uuid4()),
        "status": status,
        "code": code,
        "title": title,
        "detail": detail,
        "source": source or {"pointer": "/data/"},
        "links": {},
        "meta": {},
    }
    return Reply(status, json.dumps({"errors": [told]}).encode())


def invalid(detail: str, parameter: str) -> Refused:
    """400 for what the query says."""
    return Refused(refusal(400, "invalid", "Invalid input.", detail, parameter=parameter))


def account(of: Account, base: str, wanted: Collection[str] | None) -> dict[str, Any]:
    """The one account that a key belongs to, with the attributes `wanted`, or all."""
    attributes: dict[str, Any] = {
        "test_account": False,
        "contact_information": {
            "default_sender_name": of.name,
            "default_sender_email": "hello@sender.example",
            "website_url": None,
            "organization_name": of.name,
            "street_address": dict.fromkeys(("address1", "address2", "city", "region", "country", "zip")),
        },
        "industry": None,
        "timezone": "US/Eastern",
        "preferred_currency": "USD",
        "public_api_key": of.account_id,
        "locale": "en-US",
    }
    tops = {name.partition(".")[0] for name in wanted or ()}
    chosen = {name: value for name, value in attributes.items() if wanted is None or name in tops}
    links = {"self": f"{base}/api/accounts/{of.account_id}/"}
    return {"type": "account", "id": of.account_id, "attributes": chosen, "links": links}


def group(of: Group, base: str, wanted: Collection[str] | None, *, counted: bool = False) -> dict[str, Any]:
    """A list or a segment, with the attributes `wanted`, or all, and the number of its members when it is `counted`."""
    attributes: dict[str, Any] = {"name": of.name, "created": _moment(of.created), "updated": _moment(of.updated)}
    if of.kind == "list":
        attributes["opt_in_process"] = "single_opt_in"
    else:
        attributes["definition"] = None
        attributes |= {"is_active": of.is_active, "is_processing": False, "is_starred": of.is_starred}
    if wanted is not None:
        attributes = {name: value for name, value in attributes.items() if name in wanted}
    if counted:
        attributes["profile_count"] = len(of)
    self_link = f"{base}/api/{of.kind}s/{of.group_id}"
    related = {
        name: {"links": {"self": f"{self_link}/relationships/{name}/", "related": f"{self_link}/{name}/"}}
        for name in ("profiles", "tags", "flow-triggers")
    }
    links = {"self": f"{self_link}/"}
    return {
        "type": of.kind,
        "id": of.group_id,
        "attributes": attributes,
        "relationships": related,
        "links": links,
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat()


def members(of: Group, keys: list[Key], base: str, fields: tuple[str, ...]) -> str:
    """The `data` of a page of members."""
    row, email_of = _row(base, fields), of.account.email_of
    if "email" not in fields:
        return ",".join([row(profile, "null", iso(joined)) for joined, profile in keys])
    return ",".join(
        [
            row(profile, "null" if (email := email_of(profile)) is None else quoted(email), iso(joined))
            for joined, profile in keys
        ]
    )


@lru_cache(maxsize=64)
def _row(base: str, fields: tuple[str, ...]) -> Callable[[str, str, str], str]:
    """Writes a member from an id, an address as JSON, and the time of joining, which is there whoever asked for it."""
    known = {"email": "{1}", "created": '"{2}"', "updated": '"{2}"', "joined_group_at": '"{2}"'}
    attributes = ",".join(
        f'"{name}":{known.get(name) or _EMPTY.get(name, "null").replace("{", "{{").replace("}", "}}")}'
        for name in PROFILE_FIELDS
        if name in fields or name == "joined_group_at"
    )
    link = f"{base}/api/profiles/{{0}}"
    return (
        f'{{{{"type":"profile","id":"{{0}}","attributes":{{{{{attributes}}}}},'
        f'"relationships":{{{{"lists":{{{{"links":{{{{"self":"{link}/relationships/lists/","related":"{link}/lists/"}}}}'
        f'}}}}}}}},"links":{{{{"self":"{link}/"}}}}}}}}'
    ).format


def identifiers(keys: list[Key]) -> str:
    """The `data` of a page of members of whom only the ids are asked."""
    return ",".join([f'{{"type":"profile","id":"{profile}"}}' for _, profile in keys])


def collection(data: str, links: dict[str, str | None]) -> bytes:
    """A page: `data` is JSON, without its brackets."""
    return f'{{"data":[{data}],"links":{json.dumps(links)}}}'.encode()
