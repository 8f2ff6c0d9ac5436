"""Whatever takes personal data out as a file is written in the audit trail: who, what, how many; and names nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal import audit
from portal.models import AuditEntry, Invitation, Store, User
from segments.actions import add_customer, create_segment
from tests.conftest import make_customer
from tests.customers.conftest import PAGES, Importer, body
from tests.segments.conftest import Desk, download

MAIL = "ann@x.example"
FILE = f"email,first_name,last_name,phone\n{MAIL},Ann,Lee,\nbob@x.example,Bob,Bell,\n"


def last(store: Store) -> AuditEntry:
    entry = AuditEntry.objects.for_store(store).order_by("pk").last()
    assert entry is not None
    assert "@x.example" not in f"{entry.object_label} {entry.changes}"
    return entry


def test_a_report_of_customers(client: Client, importer: Importer, store: Store, manager: User) -> None:
    upload = importer.bring(FILE, f"{MAIL}.csv")
    body(client.get(f"{PAGES}imports/{upload.pk}/report/?result=created"))
    entry = last(store)
    assert (entry.verb, entry.object_id, entry.actor_id) == ("exported the report of", upload.pk, manager.pk)
    assert entry.changes == {"rows": [None, 2]}
    assert entry.object_label == "[address]"


def test_a_report_and_the_members_of_a_segment(store: Store, owner: User, run_jobs: Any, client_of: Any) -> None:
    make_customer(store, MAIL)
    tea = create_segment(store, name="Tea", actor=owner)
    desk = Desk(client_of(owner), tea, run_jobs)
    upload = desk.bring([(MAIL, "Ann", ""), ("nobody@x.example", "", "")], f"for {MAIL}.csv")
    desk.report(upload)
    entry = last(store)
    assert (entry.verb, entry.changes) == ("exported a report of", {"file": [None, "for [address]"], "rows": [None, 2]})
    download(desk.client.post(desk.url("export", tea.pk)))
    assert (last(store).verb, last(store).changes["members"]) == ("exported", [None, 1])


@pytest.mark.parametrize("model", ["segment", "membership"])
def test_the_admins_exports(
    store: Store, other_store: Store, owner: User, client_of: Callable[..., Client], model: str
) -> None:
    tea = create_segment(store, name=f"Tea for {MAIL}", actor=owner)
    add_customer(tea, make_customer(store, MAIL), actor=owner)
    create_segment(other_store, name="Theirs", actor=owner)
    admin = client_of(User.objects.create_superuser("admin@coterie.example", "x"))
    form = admin.get(f"/admin/segments/{model}/export/").context["form"]
    chosen = dict.fromkeys(set(form.fields) - {"resource", "format", "export_items"}, "on")
    answer = admin.post(f"/admin/segments/{model}/export/", {**chosen, "resource": "0", "format": "0"})
    assert answer.status_code == 200
    entry = last(store)
    assert (entry.verb, entry.changes[f"{model}s"]) == ("exported", [None, 1])
    assert AuditEntry.objects.for_store(other_store).filter(verb="exported").exists() is (model == "segment")


def test_addresses_of_staff_stay_in_the_trail(store: Store, owner: User) -> None:
    invited = Invitation.objects.create_for(
        store, email="new@maple.example", role="viewer", token_hash="1" * 64, expires_at="2030-01-01T00:00Z"
    )
    entry = audit.record(store, "invited", invited, actor=owner)
    assert (entry.object_label, entry.actor_label) == ("new@maple.example", owner.email)


def test_addresses_in_what_people_typed_do_not(store: Store, owner: User) -> None:
    segment = create_segment(store, name="x", actor=owner)
    changes = {"file": [None, f"Ann <{MAIL}>, all.csv"], "which": [f"to:{MAIL}"], "fun @ home": None, "rows": [1, 2]}
    entry = audit.record(store, "changed", segment, actor=None, label=f"List of {MAIL}", changes=changes)
    assert entry.object_label == "List of [address]"
    assert entry.changes == {
        "file": [None, "Ann <[address]>, all.csv"],
        "which": ["to:[address]"],
        "fun @ home": None,
        "rows": [1, 2],
    }
