"""What pages ask about connections: which segments follow lists there, and what is at work on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from portal.models import Job, Store
from portal.queries import at_work
from segments.external.connections import CHECK
from segments.external.groups import INDEX
from segments.models import Connection, ExternalGroup, ExternalLink
from segments.sources import SOURCES


def followers(connection: Connection) -> QuerySet[ExternalLink]:
    """The links of segments that follow lists of this account, in the order of the segments' names."""
    found: QuerySet[ExternalLink] = ExternalLink.objects.for_store(connection.store).filter(connection=connection)
    return found.filter(segment__deleted_at=None).select_related("segment").order_by("segment__name_key")


def indexing(connection: Connection) -> Job | None:
    """The job that reads the names of the account's lists just now."""
    return at_work(connection, INDEX)


def checking(connection: Connection) -> Job | None:
    """The job that tries the account's key just now."""
    return at_work(connection, CHECK)


@dataclass(frozen=True)
class Described:
    """A source as pages name it; a class would be called by a template."""

    key: str
    label: str
    scopes: str
    kinds: tuple[str, ...]


def described(key: str) -> Described:
    """What pages say of the source of this key. Raises KeyError."""
    source = SOURCES[key]
    return Described(key, source.label, source.scopes, tuple(source.kinds.values()))


@dataclass(frozen=True)
class Kind:
    """A type of segment that can be imported: its name in addresses, what it is called, and whose it is."""

    value: str
    label: str
    source: str
    source_label: str
    kind: str
    connection: Connection | None

    @property
    def is_open(self) -> bool:
        return self.connection is not None and self.connection.is_connected

    @property
    def why_not(self) -> str:
        """Why nothing of this type can be imported, in two or three words."""
        if self.connection is None or not self.connection.credentials:
            return "not connected"
        return "" if self.is_open else "needs attention"


def kinds(mine: Mapping[str, Connection]) -> dict[str, Kind]:
    """Every type of segment of every source, by its name in addresses; `mine` as `connections` gives it."""
    return {
        f"{key}-{kind}": Kind(f"{key}-{kind}", label, key, source.label, kind, mine.get(key))
        for key, source in SOURCES.items()
        for kind, label in source.kinds.items()
    }


def imported_into(store: Store, groups: Iterable[ExternalGroup]) -> dict[tuple[str, str], str]:
    """Kind and id of those groups that segments follow already → the name of such a segment."""
    ids = [group.group_id for group in groups]
    links = ExternalLink.objects.for_store(store).filter(group_id__in=ids, segment__deleted_at=None)
    return {(link.kind, link.group_id): link.segment.name for link in links.select_related("segment")}
