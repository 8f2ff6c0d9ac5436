"""A request that names an Idempotency-Key is acted on once, and answered as the first time when it comes again.

The rules are Stripe's (docs.stripe.com/api/idempotent_requests): what was answered is kept for a day once the request
was begun, mistakes of ours included; what is refused before, or could not be kept, is not, and may be sent again.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from customers.models import KeyedRequest, WayIn
from portal import crash, wall

HEADER = "Idempotency-Key"
LONGEST = 255
KEPT = timedelta(days=1)
GIVEN_UP = timedelta(seconds=30)
"""A request that was begun so long ago, and has no answer, has nobody at it: none may take that long."""


class InvalidKey(Exception):
    """It is no key."""


class OtherRequest(Exception):
    """The key was used for another request."""


class InFlight(Exception):
    """Somebody is at the same request now."""


@dataclass(frozen=True)
class Answered:
    """What was answered the first time: the status, and the body as it was sent."""

    status: int
    body: str


@dataclass(frozen=True)
class Claim:
    """The right to answer the request: it is lost to whoever takes it up after GIVEN_UP."""

    way_in: WayIn
    number: int
    turn: int

    def settle(self, status: int, body: str) -> None:
        """Keep the answer, in the transaction in which is done what it tells of. Raises InFlight when somebody else
        has taken the request up: then nothing may be done."""
        with wall.around(self.way_in.store):
            if not self._mine().update(status=status, answer=body):
                raise InFlight

    def drop(self) -> None:
        """Nothing was done: the request may come again at once."""
        with wall.around(self.way_in.store):
            self._mine().delete()

    def _mine(self) -> Any:
        mine = KeyedRequest.objects.for_store(self.way_in.store)
        return mine.filter(pk=self.number, turn=self.turn, status=None)


def claim(way_in: WayIn, key: str, call: str, body: bytes) -> Claim | Answered:
    """The right to act on the request, or what was answered to it. Raises InvalidKey, OtherRequest, InFlight, and the
    database's errors. Call it outside of any transaction, with a `way_in` that has its store."""
    if not 0 < len(key) <= LONGEST or not key.isprintable():
        raise InvalidKey
    key_digest = hashlib.sha256(key.encode()).hexdigest()
    request_digest = hashlib.sha256(call.encode() + b"\n" + body).hexdigest()
    with wall.around(way_in.store):
        fields = {"way_in": way_in, "key_digest": key_digest, "request_digest": request_digest}
        try:
            with transaction.atomic(durable=True):
                row = KeyedRequest.objects.create_for(way_in.store, **fields)
        except IntegrityError:
            return _known(way_in, key_digest, request_digest)
    crash.point("request.claimed")
    return Claim(way_in, row.pk, row.turn)


@transaction.atomic(durable=True)
def _known(way_in: WayIn, key_digest: str, request_digest: str) -> Claim | Answered:
    mine = KeyedRequest.objects.for_store(way_in.store).filter(way_in=way_in, key_digest=key_digest)
    row = mine.select_for_update(of=("self",)).annotate(now=Now()).first()
    if row is None:
        # It was dropped just now.
        raise InFlight
    age = row.now - row.begun_at
    if age < KEPT:
        if not hmac.compare_digest(row.request_digest, request_digest):
            raise OtherRequest
        if row.status is not None:
            return Answered(row.status, row.answer)
        if age < GIVEN_UP:
            raise InFlight
    row.turn, row.begun_at, row.request_digest = row.turn + 1, row.now, request_digest
    row.status, row.answer = None, ""
    row.save(update_fields=["turn", "begun_at", "request_digest", "status", "answer"])
    return Claim(way_in, row.pk, row.turn)
