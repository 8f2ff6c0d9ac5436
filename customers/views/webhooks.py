"""The addresses to which providers send webhooks: outside of any page, without cookies, answered within seconds."""

from __future__ import annotations

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from customers.ingest import keys
from customers.ingest.receiving import TooLarge, Unreadable, body
from customers.models import WayInKind
from customers.providers.receiving import BODY_MOST, Garbage, NotGenuine, take
from customers.views.answering import DOOR_SECONDS
from portal import deadline
from portal.faults import fault_of

log = structlog.get_logger(__name__)

RETRY_SECONDS = 60
TOPIC_LONGEST = 100


@csrf_exempt
def webhook(request: HttpRequest, kind: str, address: str, topic: str) -> HttpResponse:
    """200 once it is kept (`stored`, or `duplicate` where it was), 401 for what is not signed as it should be, 400 and
    413 for what cannot be read, and 503 while it cannot be kept: then the provider sends it again."""
    if request.method != "POST":
        return _said(405, "Send it by POST.", Allow="POST")
    try:
        with deadline.within(DOOR_SECONDS):
            return _taken(request, WayInKind(kind), address, topic)
    except NotGenuine:
        return _said(401, "It is not signed as it should be.")
    except TooLarge:
        return _said(413, f"It is larger than {BODY_MOST:,} bytes.")
    except (Garbage, Unreadable, UnreadablePostError) as error:
        return _said(400, str(error) or "It could not be read.")
    except Exception as error:  # noqa: BLE001  (whatever it is, the provider is to send it again)
        return _at_fault(request, error)


webhook.methods = ("POST",)  # type: ignore[attr-defined]


def _taken(request: HttpRequest, kind: WayInKind, address: str, topic: str) -> HttpResponse:
    way_in = keys.find(address, (kind,))
    if way_in is None or len(topic) > TOPIC_LONGEST:
        raise NotGenuine
    received = take(way_in, topic, body(request, BODY_MOST), request.headers)
    return JsonResponse({"status": received.value}, status=200, headers={"Cache-Control": "no-store"})


def _at_fault(request: HttpRequest, error: Exception) -> HttpResponse:
    if fault_of(error) is None:
        log.error("webhook_failed", exc_info=error)
    else:
        log.warning("webhook_put_off", error=type(error).__name__)
    return _said(503, "It could not be kept right now. Send it again.", **{"Retry-After": str(RETRY_SECONDS)})


def _said(status: int, words: str, **headers: str) -> HttpResponse:
    return JsonResponse({"error": words}, status=status, headers={"Cache-Control": "no-store", **headers})
