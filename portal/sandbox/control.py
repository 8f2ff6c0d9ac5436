"""A stand-in's own addresses, below /_sandbox/: what a test does in the process, for one that runs by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from portal.sandbox.faults import Faults
from portal.sandbox.server import Reply, Request

PREFIX = "/_sandbox"
JSON = "application/json"
Door = Callable[[str, Any], Any]
"""Gets the name at the end of the address and what was said in the body; what is answered."""


def answer(doors: Mapping[tuple[str, str], Door], help_text: Mapping[str, str], request: Request) -> Reply:
    """What is said at one of these addresses, by method and first word; web pages of others are refused, as a browser
    would carry them here."""
    if "origin" in request.headers or request.headers.get("host", "").partition(":")[0] not in {
        "127.0.0.1",
        "localhost",
    }:
        return _told(403, {"error": "Programs on this machine alone may do this."})
    room, _, name = request.path.removeprefix(PREFIX).strip("/").partition("/")
    if (door := doors.get((request.method, room))) is None:
        return _told(404, {"error": "There is nothing here.", "help": help_text})
    try:
        said = json.loads(request.body or b"{}")
        return _told(200, door(unquote(name), said))
    except KeyError as error:
        return _told(404, {"error": f"There is no {error}."})
    except (TypeError, ValueError, AttributeError) as error:
        return _told(400, {"error": str(error), "help": help_text})


def of_faults(faults: Faults) -> dict[tuple[str, str], Door]:
    """The doors that every stand-in has: something is to go wrong, and nothing any more."""

    def add(_name: str, said: Any) -> Any:
        faults.add(said.pop("fault"), **said)
        return faults.told()

    def clear(_name: str, _said: Any) -> Any:
        faults.clear()
        return []

    return {("POST", "faults"): add, ("DELETE", "faults"): clear}


def state_of(faults: Faults) -> dict[str, Any]:
    return {"at work": faults.told(), "kinds": faults.kinds()}


def _told(status: int, what: Any) -> Reply:
    return Reply(status, json.dumps(what, indent=1).encode() + b"\n", content_type=JSON)
