"""A store's accounts at the sources: connecting with a key, trying it, disconnecting."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal import audit, jobs
from portal.access import Permission
from portal.actions import Refusal
from portal.faults import retried
from portal.jobs import GiveUp, Later, Step, register
from portal.models import Job, Store, User
from portal.outbound import Blocked, Garbled, Missing, OutboundError, Refused, Rejected, Throttled, held
from portal.queries import at_work
from segments.external import schedule
from segments.external.calls import opened, sealed
from segments.external.groups import INDEX, shown
from segments.external.syncs import work_with
from segments.models import Connection, ExternalLink
from segments.models.external import ConnectionState
from segments.sources import label_of, source_of
from segments.sources.base import Account, Ask

CHECK = "segments.check_connection"


def connections(store: Store) -> dict[str, Connection]:
    """Key of the source → the store's connection with it, those that were disconnected among them."""
    found = Connection.objects.for_store(store).select_related("connected_by")
    return {connection.source: connection for connection in found}


def try_out(source: str, given: Mapping[str, str]) -> Account:
    """Ask the source whose account these credentials open; a call over the network, outside of any transaction.

    Raises Refusal, in words for the person: what is wrong, and what to do.
    """
    label = label_of(source)
    try:
        with closing(source_of(source)(given)) as client:
            return client.check()
    except (Refused, Rejected) as error:
        needs = f"It needs {source_of(source).scopes}."
        raise Refusal(f"{error} Check that it was copied whole and is still valid. {needs}") from error
    except Blocked as error:
        raise Refusal(str(error)) from error
    except Throttled as error:
        raise Refusal(f"{label} is asked too much at the moment. Try again in a minute.") from error
    except (Garbled, Missing) as error:
        raise Refusal(f"What answered is not {label}. {error} Try again later.") from error
    except OutboundError as error:
        raise Refusal(f"{error} Nothing was saved; try again later.") from error


@retried
def connect(store: Store, source: str, given: Mapping[str, str], account: Account, *, actor: User) -> Connection:
    """Keep the credentials, which were just tried and open `account`, and read the names of its lists.

    Raises Refusal when segments follow lists of another account.
    """
    now = timezone.now()
    with transaction.atomic():
        connection = _held(store, source=source) or Connection(store=store, source=source)
        is_new = connection.pk is None
        _refuse_other_account(connection, account)
        connection.credentials = sealed({name: text.strip() for name, text in given.items()})
        connection.account_id, connection.account_name = account.id[:100], shown(account.name)[0]
        connection.state, connection.state_at, connection.said = ConnectionState.CONNECTED, now, ""
        connection.warning, connection.checked_at = shown(account.warning)[0] if account.warning else "", now
        connection.connected_by, connection.connected_at = actor, now
        connection.save()
        label = label_of(source)
        changes = {"account": [None, connection.account_name]}
        audit.record(
            store, "connected" if is_new else "reconnected", connection, actor=actor, label=label, changes=changes
        )
        schedule.resume(connection, now=now)
        index(connection, actor=actor)
    return connection


def _held(store: Store, **which: Any) -> Connection | None:
    """A connection of the store as it is now, kept from others until the transaction ends."""
    mine = Connection.objects.for_store(store).select_for_update(no_key=True, of=("self",))
    connection: Connection | None = mine.filter(**which).first()
    if connection is not None:
        connection.store = store
    return connection


def _refuse_other_account(connection: Connection, account: Account) -> None:
    if connection.pk is None or connection.account_id == account.id[:100]:
        return
    links = ExternalLink.objects.for_store(connection.store).filter(connection=connection).count()
    if links:
        segments = "segment follows a list" if links == 1 else "segments follow lists"
        raise Refusal(
            f"This key belongs to the account “{account.name}”, and {links} {segments} of “{connection.account_name}”. "
            f"Use a key of “{connection.account_name}”, or unlink first."
        )
    connection.indexed_at = None


@retried
def disconnect(store: Store, source: str, *, actor: User) -> None:
    """Forget the credentials. Segments that follow lists there keep their members and are synced no more.

    Raises Refusal when there is nothing to disconnect.
    """
    with transaction.atomic():
        connection = _held(store, source=source)
        if connection is None or connection.state == ConnectionState.DISCONNECTED:
            raise Refusal("This account is not connected any more.")
        connection.state, connection.state_at = ConnectionState.DISCONNECTED, timezone.now()
        connection.credentials = connection.said = connection.warning = ""
        connection.save(update_fields=["state", "state_at", "credentials", "said", "warning"])
        ExternalLink.objects.for_store(store).filter(connection=connection).update(next_sync_at=None)
        for job in work_with(connection):
            jobs.cancel(job)
        changes = {"account": [connection.account_name, None]}
        label = label_of(source)
        audit.record(store, "disconnected", connection, actor=actor, label=label, changes=changes)


def index(connection: Connection, *, actor: User | None) -> Job | None:
    """Read the names of the account's lists anew, in the background; None while that is being done already.

    The caller holds the connection.
    """
    if at_work(connection, INDEX) is not None:
        return None
    label = f"Read the names of lists at {label_of(connection.source)}"
    return jobs.enqueue(
        connection.store, INDEX, label=label, subject=connection, actor=actor, needs=Permission.EDIT_SEGMENTS
    )


@retried
def refresh_index(connection: Connection, *, actor: User | None) -> Job | None:
    """Read the names of the account's lists anew; None while that is being done. Raises Refusal."""
    with transaction.atomic():
        row = _held(connection.store, pk=connection.pk)
        if row is None or not row.is_connected:
            raise Refusal("This account is not connected any more. Connect it again in Settings ▸ Connections.")
        return index(row, actor=actor)


@retried
def check_again(store: Store, source: str, *, actor: User) -> Job | None:
    """Try a refused key once more, in the background; None while that is being done. Raises Refusal."""
    with transaction.atomic():
        connection = _held(store, source=source, state=ConnectionState.REFUSED)
        if connection is None:
            raise Refusal("There is nothing to try: the account is connected, or was disconnected.")
        return ask_for_check(connection, actor=actor)


def ask_for_check(connection: Connection, *, actor: User | None) -> Job | None:
    """Try the credentials in the background; None while that is being done. The caller holds the connection."""
    if at_work(connection, CHECK) is not None:
        return None
    label = f"Try the connection with {label_of(connection.source)}"
    return jobs.enqueue(connection.store, CHECK, label=label, subject=connection, actor=actor)


@register(CHECK, queue="outside")
class CheckConnection:
    """Tries credentials that were refused once more: they may have been mended at the source."""

    def __init__(self, job: Job) -> None:
        self.job, self.store = job, job.store
        found = Connection.objects.for_store(job.store).filter(pk=job.subject_id, state=ConnectionState.REFUSED)
        connection: Connection | None = found.first()
        if connection is None:
            raise GiveUp("This account waits for no check.")
        self.connection = connection
        self.connection.store = job.store
        self._said = ""

    def prepare(self) -> None:
        if quiet := held(f"{self.connection.budget_key}:{Ask.CHECK}"):
            raise Later("The account is left alone for a while, as it asked.", seconds=quiet)
        try:
            with closing(opened(self.connection)) as source:
                account = source.check()
            same = account.id[:100] == self.connection.account_id
            self._said = "" if same else f"The key belongs to another account now: {account.name}."
        except OutboundError as error:
            self._said = str(error)

    def step(self) -> Step:
        now = timezone.now()
        mine = Connection.objects.for_store(self.store).filter(pk=self.connection.pk, state=ConnectionState.REFUSED)
        if self._said:
            mine.update(checked_at=now, said=self._said[:500])
        elif mine.update(state=ConnectionState.CONNECTED, state_at=now, checked_at=now, said=""):
            self.connection.state = ConnectionState.CONNECTED
            schedule.resume(self.connection, now=now)
            label = label_of(self.connection.source)
            audit.record(self.store, "reconnected", self.connection, actor=None, label=label)
        return Step(1, 1, {}, "Checked", result={"connected": int(not self._said)})
