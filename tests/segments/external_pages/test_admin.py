"""Lists elsewhere in the Django admin: everything is looked at, nothing is changed, and no key is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.models import User
from segments.models import Connection, ExternalGroup, ExternalLink, ExternalMember, Sync
from segments.sandbox.klaviyo import KlaviyoSandbox
from tests.segments.external_pages.conftest import KEY, Office

pytestmark = pytest.mark.django_db
MODELS: list[Any] = [Connection, ExternalGroup, ExternalLink, Sync, ExternalMember]


@pytest.fixture
def followed(office: Office, klaviyo: KlaviyoSandbox) -> Office:
    klaviyo.list("AbC123", "Newsletter", ["ada@x.example"])
    office.connect()
    office.bring("Newsletter")
    return office


@pytest.mark.parametrize("model", MODELS)
def test_rows_are_looked_at_only(followed: Office, client_of: Callable[[User], Client], model: Any) -> None:
    admin = client_of(User.objects.create_superuser("admin@coterie.example", "a-long-test-password"))
    name, row = f"admin:segments_{model._meta.model_name}", model.everywhere.values().first()
    listed = admin.get(reverse(f"{name}_changelist"), {"q": "newsletter"})
    shown = admin.get(reverse(f"{name}_change", args=[row["id"]]))
    assert (listed.status_code, shown.status_code) == (200, 200)
    page = admin.get(reverse(f"{name}_changelist")).content.decode() + shown.content.decode()
    assert KEY not in page
    assert Connection.everywhere.get().credentials not in page
    assert admin.get(reverse(f"{name}_add")).status_code == 403
    for action in ("change", "delete"):
        assert admin.post(reverse(f"{name}_{action}", args=[row["id"]]), {"post": "yes"}).status_code == 403
    assert model.everywhere.values().get(pk=row["id"]) == row
