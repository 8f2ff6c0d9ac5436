"""The names of lists and segments at a source, kept here: sources cannot be searched by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q, QuerySet, Value
from django.utils import timezone

from portal import sets
from portal.jobs import GiveUp, Later, Step, register
from portal.models import Job
from portal.outbound import CursorExpired, OutboundError, Temporary, backoff
from portal.turns import chance
from segments.external.calls import Caller
from segments.models import Connection, ExternalGroup, ExternalLink
from segments.models.external import NAME_LENGTH
from segments.sources.base import Ask, Group

INDEX = "segments.index_groups"
FAILURES_MOST = 8
PAGES_MOST = 10_000
STALE_AFTER = timedelta(hours=24)
"""After so long the names are read anew by themselves."""
_NAMELESS = "(without a name)"


def groups(connection: Connection, kind: str, words: str = "") -> QuerySet[ExternalGroup]:
    """The groups of this kind whose name holds each of `words`, in the order of their names."""
    found: QuerySet[ExternalGroup] = ExternalGroup.objects.for_store(connection.store).filter(
        connection=connection, kind=kind
    )
    for word in words.replace("\x00", "").casefold().split()[:10]:
        found = found.filter(name_key__contains=word)
    return found.order_by("name_key", "pk")


def count(connection: Connection) -> int:
    """How many groups of the account are known by name."""
    return ExternalGroup.objects.for_store(connection.store).filter(connection=connection).count()


def shown(name: str) -> tuple[str, bool]:
    """A name as it is kept: without what cannot be shown, and no longer than there is room; whether it was cut."""
    plain = " ".join("".join(letter if letter.isprintable() or letter == " " else " " for letter in name).split())
    plain = plain.encode("utf-8", "replace").decode()
    return plain[:NAME_LENGTH] or _NAMELESS, len(plain) > NAME_LENGTH


@register(INDEX, queue="outside")
class IndexGroups:
    """Reads the names of all groups of an account, kind by kind and page by page; those not met are gone."""

    def __init__(self, job: Job) -> None:
        self.job, self.store = job, job.store
        connection: Connection | None = Connection.objects.for_store(job.store).filter(pk=job.subject_id).first()
        if connection is None:
            raise GiveUp("This account is gone.")
        self.connection = connection
        self.connection.store = job.store
        self.caller = Caller(connection)
        self.kinds = list(self.caller.source_class.kinds)
        self._found: Sequence[Group] = ()
        self._next: str | None = None
        self._again = False

    def close(self) -> None:
        self.caller.close()

    @property
    def _kind(self) -> str | None:
        at: int = self.job.cursor.get("kind", 0)
        return self.kinds[at] if at < len(self.kinds) else None

    def prepare(self) -> None:
        kind, cursor = self._kind, self.job.cursor
        if kind is None:
            return
        self._again = False
        try:
            page = self.caller.ask(Ask.GROUPS, lambda source: source.groups(kind, cursor.get("page")))
        except CursorExpired:
            self._again = True
        except Temporary as error:
            failures = cursor.get("failures", 0) + 1
            if failures > FAILURES_MOST:
                raise GiveUp(f"{error} The names stay as they were; they are read again by themselves.") from error
            raise Later(
                str(error), seconds=backoff(failures, chance), cursor={**cursor, "failures": failures}
            ) from error
        except OutboundError as error:
            raise GiveUp(str(error)) from error
        else:
            self._found, self._next = page.groups, page.next

    def step(self) -> Step:
        held = Connection.objects.for_store(self.store).select_for_update(no_key=True, of=("self",))
        held.get(pk=self.connection.pk)
        kind, cursor = self._kind, self.job.cursor
        if kind is None:
            return self._ends()
        if self._again:
            return self._at(kind=cursor.get("kind", 0), page=None)
        self._write(kind)
        pages = cursor.get("pages", 0) + 1
        if pages > PAGES_MOST:
            raise GiveUp(f"{self.caller.label} has more pages of lists than there can be.")
        done = self.job.done + len(self._found)
        following = cursor.get("kind", 0) + (self._next is None)
        return self._at(done=done, kind=following, page=self._next, pages=pages)

    def _at(self, *, done: int | None = None, **changes: object) -> Step:
        cursor = {**self.job.cursor, **changes}
        cursor.pop("failures", None)
        return Step(self.job.done if done is None else done, None, cursor, "Reading names")

    def _write(self, kind: str) -> None:
        once = {group.id[:100]: group for group in self._found}
        rows = [self._row(kind, group) for group in once.values()]
        fields = ("name", "name_is_cut", "name_key", "updated_at", "seen_in")
        ExternalGroup.objects.for_store(self.store).bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["store", "connection", "kind", "group_id"],
            update_fields=fields,
        )
        for row in rows:
            mine = ExternalLink.objects.for_store(self.store).filter(connection=self.connection, kind=kind)
            mine.filter(group_id=row.group_id).exclude(name=row.name).update(name=Value(row.name))

    def _row(self, kind: str, group: Group) -> ExternalGroup:
        name, is_cut = shown(group.name)
        return ExternalGroup(
            store=self.store,
            connection=self.connection,
            kind=kind,
            group_id=group.id[:100],
            name=name,
            name_is_cut=is_cut,
            name_key=name.casefold(),
            updated_at=group.updated_at,
            seen_in=self.job.pk,
        )

    def _ends(self) -> Step:
        mine = ExternalGroup.objects.for_store(self.store).filter(~Q(seen_in=self.job.pk), connection=self.connection)
        sets.delete_matching(mine)
        self_now = Connection.objects.for_store(self.store).filter(pk=self.connection.pk)
        self_now.update(indexed_at=timezone.now())
        return Step(self.job.done, self.job.done, {}, "Finished", result={"names": self.job.done})
