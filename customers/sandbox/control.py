"""The addresses below /_sandbox/ of Recharge's stand-in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from portal.sandbox import control
from portal.sandbox.server import Reply, Request

if TYPE_CHECKING:
    from customers.sandbox.recharge import RechargeSandbox

HELP = {
    "GET /_sandbox/": "how many rows it has, the webhooks that were made, faults at work",
    "GET /_sandbox/requests": "what came: the address and the status",
    "POST /_sandbox/faults": '{"fault": "throttle", "path": "/orders", "times": 3, "retry_after": 7}',
    "DELETE /_sandbox/faults": "no more faults",
    "DELETE /_sandbox/webhooks": "all webhooks are taken away",
    "POST /_sandbox/limits": '{"on": false}',
    "DELETE /_sandbox/cursors": "all cursors are too old",
}


def answer(sandbox: RechargeSandbox, request: Request) -> Reply:
    mine = {key: partial(door, sandbox) for key, door in _DOORS.items()}
    return control.answer(mine | control.of_faults(sandbox.faults), HELP, request)


def _state(sandbox: RechargeSandbox, name: str, said: Any) -> Any:
    return {
        "rows": {name: len(rows) for name, rows in sandbox.rows.items()},
        "webhooks": [{"topic": hook.topic, "address": hook.address} for hook in sandbox.hooks],
        "limits": sandbox.limited,
        "faults": control.state_of(sandbox.faults),
        "help": HELP,
    }


def _requests(sandbox: RechargeSandbox, name: str, said: Any) -> Any:
    return [{"path": target, "status": status} for target, status in list(sandbox.requests)]


def _drop_webhooks(sandbox: RechargeSandbox, name: str, said: Any) -> Any:
    sandbox.hooks.clear()
    return []


def _set_limits(sandbox: RechargeSandbox, name: str, said: Any) -> Any:
    sandbox.limited = bool(said["on"])
    return {"on": sandbox.limited}


def _expire_cursors(sandbox: RechargeSandbox, name: str, said: Any) -> Any:
    sandbox.expire_cursors()
    return {"expired": "all"}


_DOORS = {
    ("GET", ""): _state,
    ("GET", "requests"): _requests,
    ("DELETE", "webhooks"): _drop_webhooks,
    ("POST", "limits"): _set_limits,
    ("DELETE", "cursors"): _expire_cursors,
}
