"""Answers for what went wrong, in our own words. None of them needs a database, a session or a store."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers

from portal.faults import Fault, as_json, fault_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Answer:
    """`retry_after` in seconds; `said` is the whole message for programs, which the template says at more length."""

    status: int
    template: str
    said: str
    retry_after: int | None = None


_AT_FAULT = {
    Fault.AWAY: _Answer(503, "503.html", "The database cannot be reached right now. Try again soon.", 10),
    Fault.NO_ROOM: _Answer(503, "503.html", "The server is too busy right now. Try again soon.", 10),
    Fault.IN_THE_WAY: _Answer(503, "503_busy.html", "Others were changing the same. Nothing was saved; try again.", 2),
    Fault.NO_SPACE: _Answer(507, "507.html", "There is no space left on the server. Nothing was saved."),
}
_OUR_MISTAKE = _Answer(500, "500.html", "Something went wrong on our side.")
_UNREADABLE = _Answer(400, "400.html", "The request could not be read.")
_TOO_LARGE = _Answer(413, "413.html", "The request is too large.")
_WITHOUT_A_PAGE = {
    405: _Answer(405, "405.html", "This address does not do that."),
    413: _TOO_LARGE,
}


def server_error(request: HttpRequest) -> HttpResponse:
    """For whatever was raised: 503 or 507 when something around us is at fault, else 500."""
    error = sys.exc_info()[1]
    if isinstance(error, UnreadablePostError):
        return _respond(request, _UNREADABLE)
    fault = fault_of(error)
    if fault is None:
        return _respond(request, _OUR_MISTAKE)
    response = _respond(request, _AT_FAULT[fault])
    # A line for each request, not a traceback: while the database is away there are many, and all alike.
    log.warning(fault.value, path=request.path, error=type(error).__name__)
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """For a request that cannot be read, or is too large."""
    return _respond(request, _TOO_LARGE if isinstance(exception, RequestDataTooBig) else _UNREADABLE)


def unreadable(request: HttpRequest) -> HttpResponse:
    return _respond(request, _UNREADABLE)


def too_large(request: HttpRequest) -> HttpResponse:
    return _respond(request, _TOO_LARGE)


def with_a_page(request: HttpRequest, response: Any) -> Any:
    """The refusal `response`, with a page of ours where it has none."""
    answer = _WITHOUT_A_PAGE.get(response.status_code)
    if answer is None or response.streaming or response.content:
        return response
    ours = _respond(request, answer)
    if response.has_header("Allow"):
        ours["Allow"] = response["Allow"]
    return ours


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was too old, or came from elsewhere."""
    return render(request, "403_csrf.html", status=403)


def _respond(request: HttpRequest, answer: _Answer) -> HttpResponse:
    response: HttpResponse
    if as_json(request):
        response = JsonResponse({"status": answer.status, "error": answer.said}, status=answer.status)
    else:
        response = HttpResponse(render_to_string(answer.template), status=answer.status)
    if answer.retry_after is not None:
        response["Retry-After"] = str(answer.retry_after)
    add_never_cache_headers(response)
    return response
