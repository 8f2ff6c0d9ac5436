"""Stories of a segment that follows a list elsewhere; see scenes. The rows of their casts are profiles of the list:
when they are on it ("first", "later" or "both"), their id, and their address.

The source is a stand-in of the test's own, at KLAVIYO_API_URL.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import requests
from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from customers.models import Customer
from customers.register import lock_customers
from portal import outbound
from portal.actions import Refusal
from portal.models import Job
from portal.outbound import Pace
from segments.external import links, newcomers, schedule
from segments.external.calls import sealed
from segments.models import Connection, ExternalGroup, ExternalLink, Sync
from segments.sources import klaviyo
from segments.sources.base import Ask
from tests.processes import scenes
from tests.processes.oracle import on_list
from tests.processes.scene import Rows, Scene

KEY, LIST, ACCOUNT = "pk_test", "L1", "AcC000"
A_PAGE = 8


def connect(slug: str, key: str, account: str, *groups: str) -> None:
    """Have the store be connected with an account that has these lists, and know their names."""
    scene = Scene(slug)
    connection = Connection.objects.create_for(
        scene.store,
        source="klaviyo",
        account_id=account,
        account_name="Little Shop",
        credentials=sealed({"api_key": key}),
        connected_by=scene.owner,
        indexed_at=timezone.now(),
    )
    for group in groups:
        ExternalGroup.objects.create_for(
            scene.store, connection=connection, kind="list", group_id=group, name=group, name_key=group, seen_in=0
        )


def follow(slug: str, group: str = LIST, segment: int | None = None) -> None:
    """Have the segment follow the list from now on, as “Import external segment” does."""
    scene = Scene(slug)
    found = ExternalGroup.objects.for_store(scene.store).get(group_id=group)
    mine = scene.segment if segment is None else type(scene.segment).objects.for_store(scene.store).get(pk=segment)
    mine.store = scene.store
    links.link_segment(mine, found, actor=scene.owner)


def _unhurried() -> None:
    """Small pages, asked for as fast as one likes."""
    klaviyo.MEMBERS_A_PAGE = A_PAGE
    klaviyo.Klaviyo.paces = dict.fromkeys(Ask, Pace(per_second=10_000, per_minute=1_000_000))


def _put_on_the_list(rows: Rows, when: str) -> None:
    members = [[profile, email or None] for profile, email in on_list(rows, when)]
    said = requests.post(f"{settings.KLAVIYO_API_URL}/_sandbox/groups/{LIST}", json={"members": members}, timeout=10)
    said.raise_for_status()


def _link(scene: Scene) -> ExternalLink | None:
    found: ExternalLink | None = ExternalLink.objects.for_store(scene.store).select_related("synced").first()
    return found


def _work(scene: Scene) -> None:
    """What is done, and what is asked for by that."""
    scene.work()
    scene.work()


def import_list(slug: str, rows: Rows) -> None:
    scene = Scene(slug)
    _unhurried()
    _put_on_the_list(rows, "first")
    if not Connection.objects.for_store(scene.store).exists():
        with transaction.atomic():
            connect(slug, KEY, ACCOUNT, LIST)
    if _link(scene) is None:
        follow(slug)
    _work(scene)


def sync_list(slug: str, rows: Rows) -> None:
    scene = Scene(slug)
    _unhurried()
    _put_on_the_list(rows, "later")
    if Sync.objects.for_store(scene.store).count() < 2:
        scene.segment.store = scene.store
        links.sync_now(scene.segment, actor=scene.owner)
    _work(scene)


def _unlink(slug: str, *, keep_members: bool) -> None:
    scene = Scene(slug)
    if _link(scene) is not None:
        scene.segment.store = scene.store
        links.unlink(scene.segment, keep_members=keep_members, actor=scene.owner)
    _work(scene)


def unlink_and_keep(slug: str, _: Rows) -> None:
    _unlink(slug, keep_members=True)


def unlink_and_let_go(slug: str, _: Rows) -> None:
    _unlink(slug, keep_members=False)


def newcomers_join(slug: str, rows: Rows) -> None:
    """New people on the list become customers, each by themselves, and the clock comes by."""
    scene = Scene(slug)
    for email in (email for _, profile, email in rows if profile.startswith("new-")):
        with transaction.atomic():
            version = lock_customers(scene.store)
            if not Customer.objects.for_store(scene.store).filter(email_key=email).exists():
                Customer(store=scene.store, email=email, changed_in=version).save()
    newcomers.join_newcomers()


scenes.STORIES.update(
    {
        "import a list": import_list,
        "sync a list": sync_list,
        "unlink and keep": unlink_and_keep,
        "unlink and let go": unlink_and_let_go,
        "newcomers join": newcomers_join,
    }
)
scenes.EARLIER.update(
    dict.fromkeys(("sync a list", "unlink and keep", "unlink and let go", "newcomers join"), "import a list")
)


def hold_off(account: str, seconds: float) -> None:
    """The source has said that it does not want to be asked for so long."""
    for what in Ask:
        outbound.hold_off(f"klaviyo:{account}:{what}", seconds)


# --- Many at once -----------------------------------------------------------------------------------------------------


def press(slug: str, people: int, clocks: int, locked: bool) -> dict[str, int]:
    """So many people press “Sync from Klaviyo” at the same moment at which so many clocks find the sync due; what was
    said → how often. Without `locked`, none of them holds the segment."""
    scene = Scene(slug)
    if not locked:
        links.membership.lock = lambda segment: segment.version
        links.hold = lambda link: link
    ExternalLink.objects.for_store(scene.store).update(next_sync_at=timezone.now())
    start, said = threading.Barrier(people + clocks), []

    def at_once(do: Callable[[], Any]) -> None:
        try:
            start.wait(60)
            said.append(do())
        finally:
            connections.close_all()

    def by_hand() -> str:
        mine = Scene(slug)
        mine.segment.store = mine.store
        try:
            links.sync_now(mine.segment, actor=mine.owner)
        except Refusal as refusal:
            return "running already" if "running already" in str(refusal) else str(refusal)
        return "begun"

    def by_clock() -> str:
        return "begun" if schedule.run_due(timezone.now()) else "not due"

    threads = [threading.Thread(target=at_once, args=(do,)) for do in [by_hand] * people + [by_clock] * clocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {one: said.count(one) for one in set(said)}


def at_work(slug: str) -> list[Any]:
    """The kinds and states of the store's jobs."""
    return list(Job.everywhere.filter(store__slug=slug).order_by("pk").values_list("kind", "state"))
