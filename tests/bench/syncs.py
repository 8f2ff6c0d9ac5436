"""Segments that follow a list elsewhere: reading it, and having the segment follow."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from tests.bench import floors
from tests.bench.measures import Store
from tests.bench.source import Source, fewest_seconds, key_of, list_of
from tests.bench.town import COLUMNS, OWNER, address, customers_select

CHANGED_PERCENT = 5
MEMORY_MOST = 200
PACED = 100_000
"""The profiles that are read once more at the pace that Klaviyo allows."""
A_PAGE = 100

_HERE = """
from portal.models import Store, User
from segments import actions
from segments.external import connections, groups, links
from segments.models import Connection, Segment
store, owner = Store.objects.get(pk={store}), User.objects.get(email={owner!r})
"""
_CONNECT = """
given = {{"api_key": {key!r}}}
connections.connect(store, "klaviyo", given, connections.try_out("klaviyo", given), actor=owner)
answer = None
"""
_FOLLOW = """
connection = Connection.objects.for_store(store).get()
connection.store = store
segment = actions.create_segment(store, name={name!r}, actor=owner)
segment.store = store
links.link_segment(segment, groups.groups(connection, "list").get(group_id={group!r}), actor=owner)
answer = segment.pk
"""
_SYNC = """
segment = Segment.objects.for_store(store).get(pk={segment})
segment.store = store
links.sync_now(segment, actor=owner)
answer = None
"""
_TOOK = """
SELECT extract(epoch FROM sync.read_at - reading.started_at),
       extract(epoch FROM sync.finished_at - applying.started_at),
       extract(epoch FROM applying.finished_at - sync.created_at),
       sync.id, sync.counts
FROM segments_sync sync
JOIN portal_job reading ON reading.subject_id = sync.id AND reading.kind = 'segments.sync'
JOIN portal_job applying ON applying.subject_id = sync.id AND applying.kind = 'segments.apply_sync'
WHERE sync.segment_id = %s ORDER BY sync.id DESC LIMIT 1
"""


class Followed:
    """A segment of the store that follows the list of all its customers."""

    def __init__(self, store: Store, source: Source, name: str) -> None:
        self.store, self.source = store, source
        self.segment = int(self._ask(_FOLLOW, name=name, group=list_of(store.size)))

    def _ask(self, program: str, **said: Any) -> Any:
        return ask(self.store, program, **said)

    def again(self) -> None:
        self._ask(_SYNC, segment=self.segment)

    def wait(self, after: int) -> tuple[float, float, float, int, dict[str, int]]:
        """Until the sync that began after job number `after` is applied: seconds of reading, of the difference, and of
        everything; the sync, and what it counted."""
        self.store.desk.wait_for("segments.apply_sync", after)
        with self.store.desk.installation.rows(_TOOK, self.segment) as rows:
            reading, difference, whole, sync, counts = rows[0]
        return float(reading), float(difference), float(whole), sync, counts


def ask(store: Store, program: str, **said: Any) -> Any:
    return store.desk.installation.ask((_HERE + program).format(store=store.id, owner=OWNER, **said))


def syncs(store: Store, source: Source) -> None:
    """All customers brought in by a list; nothing changed; and one in twenty changed."""
    desk = store.desk
    desk.restart_worker()
    desk.restart_worker("outside", BENCH_UNHURRIED="1")
    desk.run("segments.index_groups", lambda: ask(store, _CONNECT, key=key_of(store.size)))
    with floors.following(store.database, segment=0) as floor:
        began = desk.last_job()
        followed = Followed(store, source, "Follows all")
        _tell(store, "Import of a list of all customers", followed, began, floor)
    for name, changes in (("Sync without changes", 0), (f"Sync with {CHANGED_PERCENT} % changes", CHANGED_PERCENT)):
        _change(store, source, store.size * changes // 200)
        with floors.following(store.database, followed.segment) as floor:
            began = desk.last_job()
            followed.again()
            _tell(store, name, followed, began, floor)
    store.add("… memory of the worker that reads", desk.worker_memory("outside"), "MB", most=MEMORY_MOST)
    store.add("… of the worker that applies", desk.worker_memory(), "MB", most=MEMORY_MOST)
    if store.size == PACED:
        paced(store, source)


def _tell(store: Store, name: str, followed: Followed, began: int, floor: floors.Following) -> None:
    reading, difference, whole, sync, counts = followed.wait(began)
    if counts["read"] != store.size:
        raise RuntimeError(f"{counts['read']:,} profiles were read.")
    store.add(f"{name}, end to end", whole, "s")
    store.add("… profiles a second, " + name, store.size / whole, "/s")
    store.add("… its reading, " + name, reading, "s")
    store.add("… its difference, " + name, difference, "s", floor=floor.seconds(sync), most=3)


def _change(store: Store, source: Source, people: int) -> None:
    """Of the list, so many leave, and as many customers come who were never on it."""
    if not people:
        return
    with psycopg.connect(store.database, autocommit=True) as connection:
        late = customers_select().replace("'p' ||", "'late' ||")
        connection.execute(f"INSERT INTO customers_customer ({COLUMNS}) {late}".encode(), [store.id, people - 1])
        connection.execute("ANALYZE customers_customer")
    numbers = range(people)
    source.change(store.size, leave=[address("p", n) for n in numbers], join=[address("late", n) for n in numbers])


def paced(store: Store, source: Source) -> None:
    """The whole list once more, by a source that refuses whoever asks too often; not one call is to be refused."""
    desk = store.desk
    source.limit(on=True)
    desk.restart_worker("outside")
    time.sleep(61)  # what was asked without limits is no longer counted
    before, began = len(source.statuses(store.size)), desk.last_job()
    followed = Followed(store, source, "Follows all, in no hurry")
    reading = followed.wait(began)[0]
    source.limit(on=False)
    statuses = source.statuses(store.size, before)
    ideal = fewest_seconds(store.size // A_PAGE)
    store.add("Reading a list at the pace that Klaviyo allows", reading, "s", floor=ideal, most=1.1)
    store.add("… calls that were one too many", statuses.count(429), "", most=0)
    store.add("… memory of the worker that reads, at that pace", desk.worker_memory("outside"), "MB", most=MEMORY_MOST)
