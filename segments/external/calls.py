"""Asking a source: at its account's pace, and with what its refusals mean for the work at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from portal import letters, vault
from portal.jobs import GiveUp
from portal.outbound import Blocked, Refused, Throttled
from portal.turns import held_off, sit_out
from segments.models import Connection, ExternalLink
from segments.models.external import ConnectionState
from segments.sources import Source, label_of, source_of
from segments.sources.base import Ask

T = TypeVar("T")
QUEUE = "outside"
NOT_CONNECTED = "{} is not connected. Connect it again in Settings ▸ Connections."


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
        sit_out(self._key(what), self.source_class.paces[what], service=self.label, queue=QUEUE)
        if self._source is None:
            self._source = opened(self.connection)
        try:
            return call(self._source)
        except Throttled as error:
            keys = [self._key(one) for one in self.source_class.paces]
            raise held_off(keys, error, service=self.label) from error
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
