"""What may go wrong with a service of JSON:API, in its own form."""

from __future__ import annotations

from collections.abc import Callable

from portal.sandbox.faults import Effect, instead
from portal.sandbox.server import Reply
from segments.sandbox.documents import refusal


def throttle(retry_after: float | str | None = 1) -> Effect:
    """429; `retry_after` is sent as it is (a number, a date, nonsense), or, when None, not at all."""
    said = f"Request was throttled. Expected available in {retry_after or 0} seconds."

    def reply() -> Reply:
        answer = refusal(429, "throttled", "Request was throttled.", said, pointer="/data/")
        if retry_after is not None:
            answer.headers["Retry-After"] = str(retry_after)
        return answer

    return instead(reply)


def error(status: int = 503, retry_after: float | str | None = None) -> Effect:
    """A fault of the service, in its own form."""

    def reply() -> Reply:
        answer = refusal(status, "error", "A server error occurred.", "An internal error has occurred.")
        if retry_after is not None:
            answer.headers["Retry-After"] = str(retry_after)
        return answer

    return instead(reply)


def refuse(status: int = 401, detail: str = "Missing or invalid private key.") -> Effect:
    """An answer of 400, 401, 403, 404 or 410, whoever asks for whatever."""
    codes = {401: "authentication_failed", 403: "permission_denied", 404: "not_found", 410: "gone"}
    return instead(lambda: refusal(status, codes.get(status, "invalid"), "Refused.", detail))


OF_JSON_API: dict[str, Callable[..., Effect]] = {maker.__name__: maker for maker in (throttle, error, refuse)}
