"""Who may do what: the table of roles and plans, and the door that asks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory

from portal.access import PLAN_HOLDS, ROLE_MAY, Feature, Permission, Plan, Role, holds, may
from portal.models import Store, User
from portal.store_views import StoreRequest, staff_of, store_view
from tests.conftest import make_store, make_user

SignIn = Callable[..., Client]

MAY = {
    Permission.VIEW: "owner manager viewer",
    Permission.EDIT_CUSTOMERS: "owner manager",
    Permission.EDIT_SEGMENTS: "owner manager",
    Permission.EXPORT: "owner manager",
    Permission.EXPORT_PERSON: "owner manager",
    Permission.ERASE_PERSON: "owner",
    Permission.MANAGE_RUNS: "owner manager",
    Permission.VIEW_AUDIT: "owner manager",
    Permission.MANAGE_STORE: "owner",
    Permission.MANAGE_STAFF: "owner",
    Permission.MANAGE_CONNECTIONS: "owner",
}


@pytest.mark.parametrize("permission", Permission)
def test_each_role_may_what_the_table_says(permission: Permission) -> None:
    assert " ".join(role for role in Role.values if may(role, permission)) == MAY[permission]


def test_every_role_and_plan_stands_in_its_table() -> None:
    assert set(ROLE_MAY) == set(Role)
    assert set(PLAN_HOLDS) == set(Plan)


def test_what_is_unknown_may_nothing_and_holds_nothing() -> None:
    assert not any(may("king", permission) for permission in Permission)
    assert not any(holds("gold", feature) for feature in Feature)


def test_segments_are_for_pro_and_custom() -> None:
    assert [plan for plan in Plan if holds(plan, Feature.SEGMENTS)] == [Plan.PRO, Plan.CUSTOM]


@store_view(Permission.VIEW)
def looks(request: StoreRequest) -> HttpResponse:
    return HttpResponse(f"{request.store.name} {request.staff.role}")


@store_view(Permission.MANAGE_STAFF, methods=("POST",))
def acts(request: StoreRequest) -> HttpResponse:
    return HttpResponse("done")


def ask(view: Any, user: User, slug: str, method: str = "GET") -> HttpResponse:
    request = RequestFactory().generic(method, "/")
    request.user = user
    return view(request, store_slug=slug)


@pytest.mark.django_db
def test_the_door_lets_staff_in_and_says_where_they_are(owner: User) -> None:
    assert ask(looks, owner, "maple").content == b"Maple Coffee owner"


@pytest.mark.django_db
def test_a_foreign_store_and_none_are_the_same(owner: User, stranger: User) -> None:
    refusals = []
    for slug in ("willow", "nowhere"):
        with pytest.raises(Http404) as refusal:
            ask(looks, owner, slug)
        refusals.append(str(refusal.value))
    assert refusals[0] == refusals[1]


@pytest.mark.django_db
def test_other_methods_are_refused(owner: User) -> None:
    answer = ask(acts, owner, "maple")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert ask(acts, owner, "maple", "POST").content == b"done"


@pytest.mark.django_db
def test_a_role_that_may_not_is_refused_before_anything_else(client_of: SignIn, viewer: User) -> None:
    assert client_of(viewer).get("/s/maple/audit/").status_code == 403
    assert client_of(viewer).post("/s/maple/runs/1/cancel/").status_code == 403


@pytest.mark.django_db
def test_whoever_is_signed_out_is_asked_to_sign_in(store: Store) -> None:
    answer = Client().get("/s/maple/audit/?verb=changed")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/s/maple/audit/%3Fverb%3Dchanged")


@pytest.mark.django_db
def test_a_form_from_elsewhere_changes_nothing_and_says_why(client_of: SignIn, owner: User) -> None:
    answer = client_of(owner, enforce_csrf_checks=True).post("/s/maple/settings/store/", {"name": "Mine"})
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()
    assert Store.objects.get(slug="maple").name == "Maple Coffee"


@pytest.mark.django_db
def test_a_change_of_role_counts_from_the_next_click(client_of: SignIn, manager: User) -> None:
    client = client_of(manager)
    assert client.get("/s/maple/audit/").status_code == 200
    place = staff_of(manager, "maple")
    place.role = Role.VIEWER
    place.save()
    assert client.get("/s/maple/audit/").status_code == 403
    place.delete()
    assert client.get("/s/maple/runs/").status_code == 404


@pytest.mark.django_db
def test_who_works_in_several_stores_can_change_between_them(client_of: SignIn, owner: User) -> None:
    assert 'href="/"' not in client_of(owner).get("/s/maple/runs/").content.decode().split("shell-store", 1)[1][:200]
    assert client_of(owner).get("/").headers["Location"] == "/s/maple/"
    birch = make_store("birch", plan=Plan.STANDARD)
    both = make_user("both@maple.example", owner=birch, viewer=Store.objects.get(slug="maple"))
    client = client_of(both)
    chooser = client.get("/").content.decode()
    assert "Birch" in chooser
    assert "Owner · Standard plan" in chooser
    assert "Viewer · Pro plan" in chooser
    assert 'href="/" class="shell-store"' in client.get("/s/birch/runs/").content.decode()


@pytest.mark.django_db
def test_who_works_nowhere_is_told_what_to_do(client_of: SignIn) -> None:
    page = client_of(make_user("nobody@maple.example")).get("/").content.decode()
    assert "You work in no store yet" in page
