"""What the addresses for programs share: who may ask from where, and an answer in JSON whatever happens."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from portal import deadline
from portal.faults import fault_of

log = structlog.get_logger(__name__)

DOOR_SECONDS = 2.5
"""How long the database may take over a request of a program. Providers wait for five seconds, and then take it that
nothing was kept; making a connection and ringing the bell take their time too."""
RETRY_SECONDS = 5
Say = Callable[[int, str, str], dict[str, Any]]
"""Status, code and message → what the body says."""


def answer(status: int, said: dict[str, Any], **headers: str) -> HttpResponse:
    """JSON, for every program to see, and for no cache."""
    response = HttpResponse(json.dumps(said), status=status, content_type="application/json", headers=headers)
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "no-store"
    return response


def for_programs(say: Say) -> Callable[[Any], Any]:
    """Decorator of a view that programs post to, of browsers on any site too: without cookies, and with an answer in
    the words of `say` also when something around us, or in us, is at fault."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if request.method == "OPTIONS":
                return _preflight()
            if request.method != "POST":
                return answer(405, say(405, "method_not_allowed", "Send it by POST."), Allow="POST, OPTIONS")
            try:
                with deadline.within(DOOR_SECONDS):
                    return view(request, **kwargs)
            except UnreadablePostError:
                return answer(400, say(400, "unreadable", "The request broke off."))
            except Exception as error:  # noqa: BLE001  (whatever it is, the one who asks reads JSON)
                return _at_fault(request, error, say)

        guarded.methods = ("POST", "OPTIONS")  # type: ignore[attr-defined]
        return guarded

    return decorate


def _at_fault(request: HttpRequest, error: Exception, say: Say) -> HttpResponse:
    fault = fault_of(error)
    if fault is None:
        log.error("ingest_failed", path=request.path, exc_info=error)
        return answer(500, mistake(say))
    log.warning(fault.value, path=request.path, error=type(error).__name__)
    said = say(503, "unavailable", "It could not be kept right now. Send it again.")
    return answer(503, said, **{"Retry-After": str(RETRY_SECONDS)})


def mistake(say: Say) -> dict[str, Any]:
    """What is said when something in us is at fault."""
    return say(500, "server_error", "Something went wrong on our side. Send it again.")


def _preflight() -> HttpResponse:
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Methods"] = "POST"
    response["Access-Control-Allow-Headers"] = "Authorization, Content-Encoding, Content-Type, Idempotency-Key"
    response["Access-Control-Max-Age"] = "86400"
    return response
