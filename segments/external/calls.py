"""Asking a source: at its account's pace, and with what its refusals mean for the work at hand."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from portal import jobs, letters, vault
from portal.jobs import GiveUp, Later
from portal.outbound import Blocked, Refused, Throttled, backoff, held, hold_off, wait_for
from segments.models import Connection, ExternalLink
from segments.models.external import ConnectionState
from segments.sources import Source, label_of, source_of
from segments.sources.base import Ask

T = TypeVar("T")
chance = random.Random()  # noqa: S311

QUEUE = "outside"
WAIT_AT_MOST = 65.0
"""Seconds that work sits out by itself; for longer it is put down."""
GIVE_WAY = 4.0
"""Who waits for longer lets other work of the queue have the worker meanwhile, and looks for it as often."""
DEFER_AFTER = 900.0
"""Seconds; who asks us to come again later than that is asked again with the next sync."""
NOT_CONNECTED = "{} is not connected. Connect it again in Settings ▸ Connections."


class Deferred(GiveUp):
    """The source does not want to be asked for long; the next sync does."""


class Caller:
    """Asks the source of a connection. Made for one lease of a job; opens its credentials when it is first used."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.source_class = source_of(connection.source)
        self._source: Source | None = None

    @property
    def label(self) -> str:
        return label_of(self.connection.source)

    def ask(self, what: Ask, call: Callable[[Source], T]) -> T:
        """What `call` gives, once it is its turn. Raises Later while the source wants to be left alone, GiveUp when it
        has to be connected anew, Deferred, and what `portal.outbound` says of anything else."""
        self._refuse_unless_connected()
        self._sit_out(what)
        if self._source is None:
            self._source = opened(self.connection)
        try:
            return call(self._source)
        except Throttled as error:
            raise self._held_off(error) from error
        except (Refused, Blocked) as error:
            note_refusal(self.connection, str(error))
            raise GiveUp(f"{error} {NOT_CONNECTED.format(self.label)}") from error

    def close(self) -> None:
        """Let go of connections; asked again, it opens new ones."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _refuse_unless_connected(self) -> None:
        # Asked anew each time: all work with an account ends once it is refused.
        mine = Connection.objects.for_store(self.connection.store).filter(pk=self.connection.pk)
        if not mine.filter(state=ConnectionState.CONNECTED).exists():
            raise GiveUp(NOT_CONNECTED.format(self.label))

    def _sit_out(self, what: Ask) -> None:
        key = self._key(what)
        seconds = wait_for(key, self.source_class.paces[what], most=WAIT_AT_MOST)
        if seconds > WAIT_AT_MOST:
            raise Later(self._waiting(), seconds=seconds)
        self._wait(seconds)
        if seconds and (quiet := held(key)):
            raise Later(self._waiting(), seconds=quiet)

    def _wait(self, seconds: float) -> None:
        """Until then, or until the worker is to go, or others need it who would not have to wait."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if left > GIVE_WAY and jobs.are_waiting(QUEUE):
                raise Later(self._waiting(), seconds=left)
            if jobs.stopping.wait(min(left, GIVE_WAY)):
                raise Later(self._waiting(), seconds=0)

    def _held_off(self, error: Throttled) -> Exception:
        seconds = backoff(1, chance) if error.retry_after is None else error.retry_after
        for what in self.source_class.paces:
            hold_off(self._key(what), min(seconds, DEFER_AFTER))
        if seconds > DEFER_AFTER:
            return Deferred(f"{self.label} asks us not to come again before long. The next sync tries again.")
        return Later(self._waiting(), seconds=seconds)

    def _waiting(self) -> str:
        return f"Waiting for {self.label}, which limits how much it is asked."

    def _key(self, what: Ask) -> str:
        return f"{self.connection.budget_key}:{what}"


def opened(connection: Connection) -> Source:
    """The source with the connection's credentials. Raises GiveUp when they cannot be read, and Refused."""
    try:
        given: dict[str, str] = json.loads(vault.unseal(connection.credentials))
    except (vault.Unreadable, ValueError) as error:
        note_refusal(connection, "The stored credentials cannot be read any more: connect anew.")
        raise GiveUp("The stored credentials cannot be read any more. Connect anew.") from error
    return source_of(connection.source)(given)


def sealed(given: dict[str, str]) -> str:
    """The credentials as they are stored."""
    return vault.seal(json.dumps(given))


def note_refusal(connection: Connection, why: str) -> None:
    """Have nobody ask with these credentials any more, until a person connects anew or a probe goes well."""
    now = timezone.now()
    mine = Connection.objects.for_store(connection.store).filter(pk=connection.pk, state=ConnectionState.CONNECTED)
    with transaction.atomic():
        if mine.update(state=ConnectionState.REFUSED, state_at=now, checked_at=now, said=why[:500]):
            _tell_owners(connection, why)


def _tell_owners(connection: Connection, why: str) -> None:
    store, label = connection.store, label_of(connection.source)
    context = {
        "source": label,
        "account": connection.account_name,
        "why": why,
        "segments": ExternalLink.objects.for_store(store).filter(connection=connection).count(),
        "page": reverse("segments:connections", args=(store.slug,)),
    }
    said = f"Letter to the owners: {label} refuses the key"
    letters.enqueue(store, "segments/mail/key_refused", label=said, context=context, to=letters.owners(store))
