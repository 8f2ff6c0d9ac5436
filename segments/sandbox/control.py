"""The addresses below /_sandbox/ of the stand-ins for Klaviyo and Shopify."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from portal.sandbox import control
from portal.sandbox.server import Reply, Request

if TYPE_CHECKING:
    from segments.sandbox.base import Sandbox

HELP = {
    "GET /_sandbox/": "accounts, groups with their sizes, faults at work",
    "GET /_sandbox/requests": "what came: path, arrival, status, key, and whether it came before a 429 was over",
    "POST /_sandbox/faults": '{"fault": "throttle", "path": "/profiles", "times": 3, "retry_after": 7}',
    "DELETE /_sandbox/faults": "no more faults",
    "POST /_sandbox/groups/ID": (
        'one of {"members": ["a@x.example", ["id", "b@x.example"], ["id", null]]}, {"count": 1000}, {"keep": 10}, '
        '{"join": ["c@x.example"]}, {"leave": ["a@x.example"]}, {"name": "New name"}'
    ),
    "DELETE /_sandbox/groups/ID": "the group is gone",
    "POST /_sandbox/keys/KEY": '{"scopes": ["lists:read"]}',
    "DELETE /_sandbox/keys/KEY": "the key is revoked",
    "POST /_sandbox/limits": '{"on": false}',
    "DELETE /_sandbox/cursors": "all cursors are too old",
}


def answer(sandbox: Sandbox, request: Request) -> Reply:
    """What is said at one of these addresses."""
    mine = {key: partial(door, sandbox) for key, door in _DOORS.items()}
    return control.answer(mine | control.of_faults(sandbox.faults), HELP, request)


def _state(sandbox: Sandbox, name: str, said: Any) -> Any:
    accounts = [
        {
            "name": account.name,
            "keys": {key: sorted(scopes) for key, scopes in account.keys.items()},
            "groups": [
                {"kind": kind, "id": group_id, "name": group.name, "members": len(group)}
                for (kind, group_id), group in account.groups.items()
            ],
        }
        for account in sandbox.accounts
    ]
    faults = control.state_of(sandbox.faults)
    return {"accounts": accounts, "limits": sandbox.limits.on, "faults": faults, "help": HELP}


def _requests(sandbox: Sandbox, name: str, said: Any) -> Any:
    return [seen._asdict() for seen in list(sandbox.requests)]


def _set_group(sandbox: Sandbox, name: str, said: Any) -> Any:
    group = sandbox.group(name)
    match said:
        case {"members": [*people]}:
            group.replace([_person(one) for one in people])
        case {"count": int(count)}:
            group.replace(count)
        case {"keep": int(count)}:
            group.keep(count)
        case {"join": [*people]}:
            group.join(*(_person(one) for one in people))
        case {"leave": [*people]}:
            group.leave(*people)
        case {"name": str(called)}:
            group.name = called
        case _:
            raise ValueError("One of members, count, keep, join, leave and name has to be said.")
    return {"id": name, "name": group.name, "members": len(group)}


def _person(said: Any) -> str | tuple[str, str | None]:
    match said:
        case str(email):
            return email
        case [str(profile), (str() | None) as email]:
            return profile, email
    raise ValueError(f"{said!r} is neither an address nor an id with an address.")


def _delete_group(sandbox: Sandbox, name: str, said: Any) -> Any:
    sandbox.delete(name)
    return {"deleted": name}


def _set_key(sandbox: Sandbox, name: str, said: Any) -> Any:
    account = sandbox.account_of(name) or sandbox.accounts[0]
    sandbox.add_key(account, name, frozenset(said["scopes"]))
    return {"key": name, "scopes": sorted(account.keys[name])}


def _revoke_key(sandbox: Sandbox, name: str, said: Any) -> Any:
    sandbox.revoke(name)
    return {"revoked": name}


def _set_limits(sandbox: Sandbox, name: str, said: Any) -> Any:
    sandbox.limits.on = bool(said["on"])
    return {"on": sandbox.limits.on}


def _expire_cursors(sandbox: Sandbox, name: str, said: Any) -> Any:
    sandbox.cursors.expire()
    return {"expired": "all"}


_DOORS: dict[tuple[str, str], Callable[[Sandbox, str, Any], Any]] = {
    ("GET", ""): _state,
    ("GET", "requests"): _requests,
    ("POST", "groups"): _set_group,
    ("DELETE", "groups"): _delete_group,
    ("POST", "keys"): _set_key,
    ("DELETE", "keys"): _revoke_key,
    ("POST", "limits"): _set_limits,
    ("DELETE", "cursors"): _expire_cursors,
}
