"""The admin of segments: what it lists, and that membership cannot be touched there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from portal.models import AuditEntry, Store, User
from segments import actions
from segments.models import Exclusion, Membership, MembershipChange, Segment, SegmentDay, Upload, UploadRow
from tests.segments.conftest import Desk, make_customers

pytestmark = pytest.mark.django_db
MODELS: list[Any] = [Segment, Membership, Exclusion, MembershipChange, SegmentDay, Upload, UploadRow]
READ_ONLY = MODELS[1:]


@pytest.fixture
def admin_client(client_of: Callable[[User], Client]) -> Client:
    return client_of(User.objects.create_superuser("admin@coterie.example", "a-long-test-password"))


@pytest.fixture
def full(desk: Desk, store: Store, owner: User) -> Segment:
    people = make_customers(store, 3)
    desk.bring([(person.email, "", "") for person in people])
    actions.remove_customers(desk.segment, [people[0].pk], actor=owner)
    return desk.segment


def url(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", MODELS)
def test_lists_search_and_show_each_row(admin_client: Client, full: Segment, model: Any) -> None:
    assert model.everywhere.exists()
    answer = admin_client.get(url(model, "changelist"))
    assert answer.status_code == 200
    assert "Big Spenders" in answer.content.decode() or model is UploadRow
    assert admin_client.get(url(model, "changelist"), {"q": "p00001@x.example"}).status_code == 200
    assert admin_client.get(url(model, "change", model.everywhere.first().pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_added_or_deleted(admin_client: Client, full: Segment, model: Any) -> None:
    pk = model.everywhere.first().pk
    assert admin_client.get(url(model, "add")).status_code == 403
    assert admin_client.post(url(model, "delete", pk), {"post": "yes"}).status_code == 403
    admin_client.post(url(model, "changelist"), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert model.everywhere.filter(pk=pk).exists()


@pytest.mark.parametrize("model", READ_ONLY)
def test_rows_are_looked_at_only(admin_client: Client, full: Segment, model: Any) -> None:
    row = model.everywhere.values().first()
    assert admin_client.post(url(model, "change", row["id"]), {"name": "x", "sources": 1}).status_code == 403
    assert model.everywhere.values().get(pk=row["id"]) == row


def test_a_name_can_be_mended(admin_client: Client, full: Segment) -> None:
    answer = admin_client.post(
        url(Segment, "change", full.pk), {"name": "Whales", "description": "", "member_count": 99}
    )
    assert answer.status_code == 302
    full.refresh_from_db()
    assert (full.name, full.name_key, full.member_count) == ("Whales", "whales", 2)
    entry = AuditEntry.everywhere.latest("pk")
    assert (entry.verb, entry.changes) == ("changed", {"name": ["Big Spenders", "Whales"]})


def test_a_name_that_is_taken_is_no_error_page(admin_client: Client, full: Segment, store: Store, owner: User) -> None:
    actions.create_segment(store, name="Whales", actor=owner)
    answer = admin_client.post(url(Segment, "change", full.pk), {"name": "WHALES", "description": ""})
    assert answer.status_code == 200
    assert "Another segment of the store has this name." in answer.content.decode()


@pytest.mark.parametrize("model", [Segment, Membership])
def test_export(admin_client: Client, full: Segment, model: Any) -> None:
    answer = admin_client.post(url(model, "export"), {"format": "0", "resource": "0", **chosen_fields(model)})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "Big Spenders" in text or "p00001@x.example" in text


def chosen_fields(model: Any) -> dict[str, str]:
    resource = admin.site._registry[model].resource_classes[0]  # type: ignore[attr-defined]
    return {f"{resource.__name__.lower()}_{name}": "on" for name in resource().get_export_order()}


@pytest.mark.parametrize("model", [Segment, Membership])
def test_there_is_no_import(full: Segment, model: Any) -> None:
    assert not hasattr(admin.site._registry[model], "import_action")
