"""Settings ▸ Store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.access import Plan
from portal.actions.edits import ChangedMeanwhile
from portal.actions.store import change_store
from portal.forms import StoreSettingsForm, currencies, time_zones
from portal.models import AuditEntry, Store, User

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
PAGE = "/s/maple/settings/store/"


def as_on_the_page(store: Store, **typed: Any) -> dict[str, Any]:
    """What the browser sends: the hidden fields of what was seen, and the fields with what was `typed`."""
    form = StoreSettingsForm(store=store)
    seen = {form.add_initial_prefix(name): str(form.initial[name]) for name in form.fields}
    values = {name: form.initial[name] for name in form.fields} | typed
    return seen | {name: value for name, value in values.items() if value is not False}


def entries(store: Store) -> list[AuditEntry]:
    return list(AuditEntry.objects.for_store(store).order_by("pk"))


def test_an_owner_changes_what_is_to_change(client_of: SignIn, owner: User, store: Store) -> None:
    fields = as_on_the_page(store, upload_limit="20000", plan="custom", rewards="on")
    answer = client_of(owner).post(PAGE, fields, follow=True)
    assert "Settings saved" in answer.content.decode()
    store.refresh_from_db()
    assert (store.upload_limit, store.plan, store.rewards, store.name) == (20_000, Plan.CUSTOM, True, "Maple Coffee")
    [entry] = entries(store)
    assert entry.actor == owner
    assert entry.changes == {"upload_limit": [8900, 20000], "plan": ["pro", "custom"], "rewards": [False, True]}


def test_the_page_shows_what_is_saved(client_of: SignIn, owner: User) -> None:
    page = client_of(owner).get(PAGE).content.decode()
    assert '<option value="America/New_York" selected>' in page
    assert 'name="upload_limit" value="8900"' in page
    assert "Subscription Experiences" in page


def test_nothing_changed_says_so_and_writes_nothing(client_of: SignIn, owner: User, store: Store) -> None:
    answer = client_of(owner).post(PAGE, as_on_the_page(store), follow=True)
    assert "Nothing was changed" in answer.content.decode()
    assert entries(store) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("upload_limit", "0", "at least 1"),
        ("upload_limit", "5000001", "at most 5,000,000"),
        ("upload_limit", "many", "whole number"),
        ("time_zone", "Mars/Olympus", "Select a valid choice"),
        ("currency", "usd", "Select a valid choice"),
        ("plan", "gold", "Select a valid choice"),
        ("name", "   ", "This field is required"),
        ("name", "x\x00y", "Null characters are not allowed"),
    ],
)
def test_nonsense_is_refused(client_of: SignIn, owner: User, store: Store, name: str, value: str, said: str) -> None:
    before = Store.objects.values().get(pk=store.pk)
    answer = client_of(owner).post(PAGE, as_on_the_page(store, **{name: value}))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "<title>Store settings" in answer.content.decode()
    assert Store.objects.values().get(pk=store.pk) == before
    assert entries(store) == []


def test_the_most_that_an_upload_may_hold_is_allowed(client_of: SignIn, owner: User, store: Store) -> None:
    client_of(owner).post(PAGE, as_on_the_page(store, upload_limit="5000000"))
    store.refresh_from_db()
    assert store.upload_limit == 5_000_000


def test_two_people_change_different_fields_and_both_count(client_of: SignIn, owner: User, store: Store) -> None:
    fields = as_on_the_page(store, currency="EUR")
    Store.objects.filter(pk=store.pk).update(name="Maple & Sons")
    client_of(owner).post(PAGE, fields)
    store.refresh_from_db()
    assert (store.name, store.currency) == ("Maple & Sons", "EUR")


def test_two_people_change_the_same_field_and_the_second_is_told(client_of: SignIn, owner: User, store: Store) -> None:
    fields = as_on_the_page(store, plan="custom")
    Store.objects.filter(pk=store.pk).update(plan=Plan.STANDARD)
    client = client_of(owner)
    answer = client.post(PAGE, fields)
    assert answer.status_code == 422
    assert "Someone else has made this Standard meanwhile" in answer.content.decode()
    assert '<input type="hidden" name="initial-plan" value="standard"' in answer.content.decode()
    store.refresh_from_db()
    assert store.plan == Plan.STANDARD
    client.post(PAGE, fields | {"initial-plan": "standard"})
    store.refresh_from_db()
    assert store.plan == Plan.CUSTOM


def test_a_form_without_memory_changes_what_differs_now(client_of: SignIn, owner: User, store: Store) -> None:
    fields = {name: value for name, value in as_on_the_page(store, name="Maple").items() if "initial" not in name}
    client_of(owner).post(PAGE, fields)
    store.refresh_from_db()
    assert store.name == "Maple"
    assert [entry.changes for entry in entries(store)] == [{"name": ["Maple Coffee", "Maple"]}]


def test_the_action_refuses_to_overwrite_what_was_not_seen(store: Store, owner: User) -> None:
    with pytest.raises(ChangedMeanwhile) as clash:
        change_store(store, actor=owner, seen={"name": "Elm"}, wanted={"name": "Oak"})
    assert clash.value.current == {"name": "Maple Coffee"}
    assert change_store(store, actor=owner, seen={"name": "Elm"}, wanted={"name": "Maple Coffee"}) == {}


def test_only_owners_see_and_change_settings(client_of: SignIn, manager: User, viewer: User, store: Store) -> None:
    for person in (manager, viewer):
        assert client_of(person).get(PAGE).status_code == 403
        assert client_of(person).post(PAGE, as_on_the_page(store, name="Mine")).status_code == 403
    store.refresh_from_db()
    assert store.name == "Maple Coffee"


def test_the_choices_are_whole() -> None:
    groups = dict(time_zones()[1:])
    assert ("Europe/Berlin", "Europe/Berlin") in groups["Europe"]
    assert ("America/Los_Angeles", "America/Los Angeles") in groups["America"]
    assert len(currencies()) > 140
    assert {"USD", "EUR", "GBP", "JPY"} <= {code for code, _ in currencies()}
    assert all(len(code) == 3 and code.isupper() for code, _ in currencies())
