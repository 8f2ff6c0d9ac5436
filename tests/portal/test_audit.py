"""The audit trail: what is written, how it reads, and that it stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from portal import audit, history
from portal.models import AuditEntry, Store, User
from portal.models.audit import RowsAreKept

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
PAGE = "/s/maple/audit/"


def shown(client: Client, query: str = "") -> list[str]:
    """The names of the objects that the page lists, in its order."""
    table = client.get(f"{PAGE}{query}").context["table"]
    return [row.record.object_label for row in table.rows]


def write(
    store: Store, label: str, *, verb: str = "changed", actor: User | None = None, at: datetime | None = None
) -> None:
    extra = {"at": at} if at else {}
    AuditEntry.objects.create_for(
        store,
        actor=actor,
        actor_label=actor.email if actor else audit.SYSTEM,
        verb=verb,
        object_type="store",
        object_id=store.pk,
        object_label=label,
        **extra,
    )


@pytest.fixture
def entries(store: Store, other_store: Store, owner: User, manager: User) -> None:
    # New York is five hours behind in winter: the first is still of the 14th there.
    write(store, "late on the 14th", at=datetime(2026, 1, 15, 4, 59, tzinfo=UTC), actor=owner)
    write(store, "early on the 15th", at=datetime(2026, 1, 15, 5, 0, tzinfo=UTC), actor=manager)
    write(store, "late on the 15th", at=datetime(2026, 1, 16, 4, 59, tzinfo=UTC), verb="deleted")
    write(store, "early on the 16th", at=datetime(2026, 1, 16, 5, 0, tzinfo=UTC), actor=owner)
    write(other_store, "not to be seen here", at=datetime(2026, 1, 15, 12, tzinfo=UTC), verb="hidden verb")


ALL = ["early on the 16th", "late on the 15th", "early on the 15th", "late on the 14th"]


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ALL),
        ("?who=owner@maple.example", [ALL[0], ALL[3]]),
        ("?who=Coterie", [ALL[1]]),
        ("?verb=deleted", [ALL[1]]),
        ("?object=store", ALL),
        ("?since=2026-01-15&until=2026-01-15", [ALL[1], ALL[2]]),
        ("?until=2026-01-14", [ALL[3]]),
        ("?since=2026-01-16", [ALL[0]]),
        ("?q=EARLY", [ALL[0], ALL[2]]),
        ("?verb=changed&who=manager@maple.example&since=2026-01-01", [ALL[2]]),
        ("?verb=hidden verb", ALL),
        ("?since=yesterday", ALL),
        ("?since=9999-12-31&until=0001-01-01", ALL),
        ("?who=nobody&after=nonsense&sort=store__slug", ALL),
        ("?until=2025-12-31", []),
    ],
)
def test_the_list_is_narrowed_down(client_of: SignIn, owner: User, query: str, expected: list[str]) -> None:
    assert shown(client_of(owner), query) == expected


@pytest.mark.usefixtures("entries")
def test_nothing_of_another_store_is_offered(client_of: SignIn, owner: User) -> None:
    page = client_of(owner).get(PAGE).content.decode()
    assert "early on the 15th" in page
    assert "hidden verb" not in page
    assert "not to be seen" not in page


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_however_long(
    client_of: SignIn, owner: User, store: Store, rows: int, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        audit.record(store, f"verb {number}", store, actor=owner)
    client = client_of(owner)
    with django_assert_num_queries(7):
        assert client.get(PAGE).status_code == 200


def test_the_list_goes_on(client_of: SignIn, owner: User, store: Store) -> None:
    for number in range(60):
        write(store, f"entry {number:02}")
    client = client_of(owner)
    first = client.get(PAGE).context["page"]
    assert first.count == 60
    second = shown(client, first.next)
    assert second == [f"entry {number:02}" for number in range(9, -1, -1)]


def test_who_may_see_it(client_of: SignIn, owner: User, manager: User, viewer: User) -> None:
    assert [client_of(person).get(PAGE).status_code for person in (owner, manager, viewer)] == [200, 200, 403]


def test_an_empty_trail_says_what_will_stand_here(client_of: SignIn, owner: User) -> None:
    client = client_of(owner)
    assert "Nothing has happened yet" in client.get(PAGE).content.decode()
    assert "No entry matches" in client.get(f"{PAGE}?q=x").content.decode()


def entry(**fields: Any) -> AuditEntry:
    return AuditEntry(**{"verb": "changed", "object_type": "store", "object_id": 7, "object_label": "Maple"} | fields)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"upload_limit": [8900, 20000]}, ["upload limit from 8,900 to 20,000"]),
        ({"rewards": [False, True]}, ["rewards from off to on"]),
        ({"plan": ["pro", "custom"], "name": ["Elm", "Oak"]}, ["plan from Pro to Custom", "name from “Elm” to “Oak”"]),
        ({"role": [None, "viewer"]}, ["role: Viewer"]),
        ({"role": ["owner", None]}, ["role: Owner (removed)"]),
        ({"phone": None, "first_name": [None, None]}, ["phone", "first name"]),
        ({"customers": 12400}, ["customers: 12,400"]),
        ({"tags": [["a"], ["a", "b"]]}, ["tags from “a” to “a”, “b”"]),
        ({"name": ["", "Oak"]}, ["name from nothing to “Oak”"]),
        ({"counts": {"added": 5, "invalid": 1}}, ["counts: added: 5, invalid: 1"]),
        ({}, []),
    ],
)
def test_changes_read_as_sentences(changes: dict[str, Any], words: list[str]) -> None:
    assert history.changes(entry(changes=changes)) == words


def test_objects_are_named_and_linked(store: Store) -> None:
    assert history.object_url(store, entry()) == "/s/maple/settings/store/"
    assert history.object_url(store, entry(object_type="job")) == "/s/maple/runs/7/"
    assert history.object_url(store, entry(object_type="comet")) is None
    assert history.object_url(store, entry(object_id=None)) is None
    assert history.object_name("job") == "Run"
    assert history.object_words(entry(object_label="")) == "no. 7"


def test_a_name_with_markup_is_only_text(client_of: SignIn, owner: User, store: Store) -> None:
    write(store, "<script>alert(1)</script>")
    assert "<script>alert" not in client_of(owner).get(PAGE).content.decode()


def test_entries_are_kept_by_the_models(store: Store, owner: User) -> None:
    row = audit.record(store, "changed", store, actor=owner)
    mine = AuditEntry.objects.for_store(store)
    for act in (
        row.save,
        row.delete,
        mine.delete,
        lambda: mine.update(verb="praised"),
        AuditEntry.everywhere.all().delete,
    ):
        with pytest.raises(RowsAreKept):
            act()
    assert mine.get().verb == "changed"


@pytest.mark.parametrize(
    "statement", ["UPDATE portal_auditentry SET verb = 'praised'", "DELETE FROM portal_auditentry"]
)
def test_entries_are_kept_by_the_database(store: Store, statement: str) -> None:
    audit.record(store, "changed", store, actor=None)
    with (
        pytest.raises(DatabaseError, match="never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditEntry.objects.for_store(store).get().verb == "changed"
