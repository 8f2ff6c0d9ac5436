"""Acting once on a request that names an Idempotency-Key, however often it comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from customers.ingest import idempotency
from customers.models import WayIn
from customers.views.answering import Say, answer, mistake
from portal.faults import fault_of

AGAIN_SECONDS = 1
REPLAYED = "Idempotent-Replayed"
Settle = Callable[[], None]
Keep = Callable[[Settle | None], None]
"""Does what the request asks for, and in the same transaction what it is given."""


def once(
    request: HttpRequest, way_in: WayIn, call: str, body: bytes, *, keep: Keep, said: dict[str, Any], say: Say
) -> HttpResponse:
    """`keep` what the request brings and answer with `said`; or, where the request names a key, as `idempotency` says:
    400 for a key that is none, 422 where it stood for another request, 409 while somebody is at it, and else what was
    answered the first time."""
    key = request.headers.get(idempotency.HEADER)
    if key is None:
        keep(None)
        return answer(200, said)
    try:
        claim = idempotency.claim(way_in, key, call, body)
        if isinstance(claim, idempotency.Answered):
            return answer(claim.status, json.loads(claim.body), **{REPLAYED: "true"})
        return _acted(claim, keep, said, say)
    except idempotency.InvalidKey:
        words = f"An {idempotency.HEADER} has 1 to {idempotency.LONGEST} printable characters."
        return answer(400, say(400, "invalid_idempotency_key", words))
    except idempotency.OtherRequest:
        words = f"This {idempotency.HEADER} was used for another request within the last day."
        return answer(422, say(422, "idempotency_key_reused", words))
    except idempotency.InFlight:
        words = f"A request with this {idempotency.HEADER} is being answered. Send it again."
        return answer(409, say(409, "idempotency_key_in_use", words), **{"Retry-After": str(AGAIN_SECONDS)})


def _acted(claim: idempotency.Claim, keep: Keep, said: dict[str, Any], say: Say) -> HttpResponse:
    try:
        keep(partial(claim.settle, 200, json.dumps(said)))
    except idempotency.InFlight:
        raise
    except Exception as error:
        # What cannot be told now is told by nobody: after a while whoever comes takes the request up.
        with suppress(DatabaseError):
            if fault_of(error) is None:
                claim.settle(500, json.dumps(mistake(say)))
            else:
                claim.drop()
        raise
    return answer(200, said)
