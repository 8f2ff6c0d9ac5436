"""The Django admin: it sees all stores, and changes nothing that would break them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from portal import audit, tasks
from portal.access import Plan, Role
from portal.actions import invitations
from portal.actions.staff import LAST_OWNER
from portal.admin_base import BoundedPaginator
from portal.models import AuditEntry, Hold, Job, Staff, Store, User
from portal.models.job import JobState
from tests.conftest import make_user
from tests.portal.test_runs import make_run

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
MODELS = ("user", "store", "staff", "invitation", "auditentry", "job", "heartbeat", "hold")
READ_ONLY = ("invitation", "auditentry", "job", "heartbeat", "hold")


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("admin@coterie.example", "a-long-test-password", name="Admin")


@pytest.fixture
def signed_in(superuser: User, client_of: SignIn) -> Client:
    return client_of(superuser)


@pytest.fixture
def rows(store: Store, other_store: Store, owner: User, stranger: User) -> dict[str, int]:
    """A row of each model, by the model's name."""
    for place, person in ((store, owner), (other_store, stranger)):
        invitation, _ = invitations.invite(place, email="anna@maple.example", role=Role.VIEWER, actor=person)
        job = make_run(place, JobState.QUEUED, created_by=person)
    tasks.heartbeat("bulk")
    staff, entry = Staff.objects.for_store(store).get(), AuditEntry.objects.for_store(store).get()
    found = {"user": owner, "store": store, "staff": staff, "invitation": invitation, "auditentry": entry, "job": job}
    found["hold"] = Hold.objects.create(reason="The database was restored.")
    return {name: row.pk for name, row in found.items()} | {"heartbeat": "bulk"}


@pytest.mark.parametrize("model", MODELS)
def test_every_list_and_row_is_there_for_all_stores(signed_in: Client, rows: dict[str, int], model: str) -> None:
    listed = signed_in.get(f"/admin/portal/{model}/")
    assert listed.status_code == 200
    if model not in {"user", "store", "heartbeat", "hold"}:
        assert {row.store.slug for row in listed.context["cl"].result_list} == {"maple", "willow"}
    assert signed_in.get(f"/admin/portal/{model}/{rows[model]}/change/").status_code == 200
    assert signed_in.get(f"/admin/portal/{model}/?q=maple").status_code == 200


def test_entries_without_an_object_are_chosen_by_a_link_with_a_text(signed_in: Client, store: Store) -> None:
    audit.record(store, "exported", actor=None)
    audit.record(store, "renamed", store, actor=None)
    page = signed_in.get("/admin/portal/auditentry/").content.decode()
    assert '<a href="?object_type=">None</a>' in page
    chosen = signed_in.get("/admin/portal/auditentry/?object_type=")
    assert [entry.verb for entry in chosen.context["cl"].result_list] == ["exported"]


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_the_portal_alone_writes_is_only_looked_at(signed_in: Client, rows: dict[str, int], model: str) -> None:
    for address in ("add/", f"{rows[model]}/delete/"):
        assert signed_in.post(f"/admin/portal/{model}/{address}", {"post": "yes"}).status_code == 403
    assert signed_in.post(f"/admin/portal/{model}/{rows[model]}/change/", {}).status_code == 403


@pytest.mark.parametrize("model", ["user", "store"])
def test_people_and_stores_are_not_deleted(signed_in: Client, rows: dict[str, int], model: str) -> None:
    assert signed_in.post(f"/admin/portal/{model}/{rows[model]}/delete/", {"post": "yes"}).status_code == 403
    fields = {"action": "delete_selected", "_selected_action": rows[model], "post": "yes"}
    signed_in.post(f"/admin/portal/{model}/", fields)
    assert (Store.objects.count(), User.objects.count()) == (2, 3)


@pytest.mark.parametrize("model", [name for name in MODELS if name != "heartbeat"])
def test_lists_cost_the_same_however_long(
    signed_in: Client, store: Store, owner: User, model: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        person = make_user(f"viewer{number}@maple.example", viewer=store)
        audit.record(store, "changed", store, actor=person)
        make_run(store, created_by=person)
        invitations.invite(store, email=f"new{number}@maple.example", role=Role.VIEWER, actor=owner)
    with django_assert_max_num_queries(9):
        assert signed_in.get(f"/admin/portal/{model}/").status_code == 200


def test_a_person_is_made_without_a_username(signed_in: Client) -> None:
    fields = {
        "email": "New@Maple.example",
        "name": "New",
        "usable_password": "true",
        "password1": "several words together",
        "password2": "several words together",
    }
    answer = signed_in.post("/admin/portal/user/add/", fields, follow=True)
    assert "was added successfully" in answer.content.decode()
    assert User.objects.get(email="new@maple.example").check_password("several words together")


def test_a_store_is_made_and_changed_with_an_entry_in_its_audit(signed_in: Client, superuser: User) -> None:
    fields = {
        "slug": "birch",
        "name": "Birch",
        "plan": "pro",
        "time_zone": "UTC",
        "currency": "EUR",
        "upload_limit": "8900",
    }
    signed_in.post("/admin/portal/store/add/", fields)
    birch = Store.objects.get(slug="birch")
    changed = fields | {"slug": "elm", "plan": "standard", "time_zone": "Asia/Tokyo"}
    signed_in.post(f"/admin/portal/store/{birch.pk}/change/", changed)
    birch.refresh_from_db()
    assert (birch.slug, birch.plan) == ("birch", Plan.STANDARD)
    created, entry = AuditEntry.objects.for_store(birch).order_by("pk")
    assert (created.verb, entry.actor) == ("created", superuser)
    assert entry.changes == {"plan": ["pro", "standard"], "time_zone": ["UTC", "Asia/Tokyo"]}


def test_somebody_is_added_to_a_store_once(signed_in: Client, store: Store, stranger: User) -> None:
    fields = {"in_store": store.pk, "user": stranger.pk, "role": "owner"}
    signed_in.post("/admin/portal/staff/add/", fields)
    assert Staff.objects.for_store(store).get().role == Role.OWNER
    assert AuditEntry.objects.for_store(store).get().verb == "added"
    again = signed_in.post("/admin/portal/staff/add/", fields)
    assert "works in the store already" in again.content.decode()


def test_roles_change_by_the_portals_rules(signed_in: Client, store: Store, owner: User, viewer: User) -> None:
    place, last = Staff.everywhere.get(user=viewer), Staff.everywhere.get(user=owner)
    signed_in.post(f"/admin/portal/staff/{place.pk}/change/", {"role": "manager"})
    place.refresh_from_db()
    assert place.role == Role.MANAGER
    assert AuditEntry.objects.for_store(store).get().changes == {"role": ["viewer", "manager"]}
    refused = signed_in.post(f"/admin/portal/staff/{last.pk}/change/", {"role": "viewer"})
    assert LAST_OWNER in refused.content.decode()
    assert signed_in.post(f"/admin/portal/staff/{last.pk}/delete/", {"post": "yes"}).status_code == 403
    last.refresh_from_db()
    assert last.role == Role.OWNER
    signed_in.post(f"/admin/portal/staff/{place.pk}/delete/", {"post": "yes"})
    assert not Staff.everywhere.filter(pk=place.pk).exists()


def test_runs_are_cancelled_and_tried_again(signed_in: Client, store: Store) -> None:
    job = make_run(store, JobState.QUEUED)
    for action, state in (("cancel_runs", JobState.CANCELLED), ("retry_runs", JobState.QUEUED)):
        signed_in.post("/admin/portal/job/", {"action": action, "_selected_action": job.pk})
        assert Job.everywhere.get(pk=job.pk).state == state
    assert AuditEntry.objects.for_store(store).count() == 2


def test_the_hash_of_a_link_is_not_shown(signed_in: Client, store: Store, owner: User) -> None:
    invitation, _ = invitations.invite(store, email="anna@maple.example", role=Role.VIEWER, actor=owner)
    page = signed_in.get(f"/admin/portal/invitation/{invitation.pk}/change/").content.decode()
    assert "anna@maple.example" in page
    assert invitation.token_hash not in page


def test_signing_in_goes_by_the_one_page(client: Client, client_of: SignIn, owner: User) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=%2Fadmin%2F")
    assert client_of(owner).get("/admin/", follow=True).status_code == 403


def test_pages_keep_to_the_content_security_policy(signed_in: Client, rows: dict[str, int]) -> None:
    for model in MODELS:
        for address in (f"/admin/portal/{model}/", f"/admin/portal/{model}/{rows[model]}/change/"):
            answer = signed_in.get(address)
            page = answer.content.decode()
            assert "style=" not in page
            assert "onclick=" not in page
            assert "script-src 'self'" in answer["Content-Security-Policy"]


def test_counting_stops_where_it_would_be_slow(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedPaginator, "most", 3)
    for _ in range(5):
        make_run(store, created_at=timezone.now() - timedelta(days=1))
    assert BoundedPaginator(Job.everywhere.order_by("pk"), 2).num_pages == 2
    assert BoundedPaginator(["a"] * 5, 2).count == 5


def test_the_site_bears_the_portals_name() -> None:
    assert admin.site.site_header == "Coterie"
