"""Fields that a form does not have, sent all the same: every field of every model, to every address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction
from django.test import Client
from django.urls import reverse

from portal import access
from portal.models import Staff, Store, User
from tests.attacks.pages import path_of, read
from tests.conftest import make_user
from tests.test_access_matrix import STORE_ROUTES, Furnished

pytestmark = pytest.mark.django_db

TEXT, NUMBER, DAY = "planted-9c41", 770_112, "2001-02-03"
OURS = [model for model in apps.get_models() if model._meta.app_label in ("portal", "customers", "segments")]


def planted() -> dict[str, Any]:
    """A telling value for every field of every model, under each name that it could go by."""
    values: dict[str, Any] = {}
    for model in OURS:
        for field in model._meta.fields:
            value: Any = TEXT
            if isinstance(field, models.BooleanField):
                value = "on"
            elif isinstance(field, models.DateTimeField):
                value = f"{DAY} 04:05"
            elif isinstance(field, models.DateField):
                value = DAY
            elif isinstance(field, models.IntegerField | models.ForeignKey):
                value = NUMBER
            values |= {field.name: value, field.attname: value}
    return {**values, "role": "owner", "plan": "custom", "pk": NUMBER, "is_superuser": "on", "groups": "1"}


PLANTED = planted()


def contents() -> str:
    """Every row of ours, as text."""
    return "\n".join(
        f"{model._meta.label} {row}" for model in OURS for row in model._base_manager.order_by("pk").values_list()
    )


def standing() -> list[Any]:
    """Who may do what, and what the stores hold."""
    flags = User.objects.order_by("pk").values_list("pk", "is_superuser", "is_staff", "is_active", "email", "password")
    places = Staff.everywhere.order_by("pk").values_list("pk", "store_id", "user_id", "role")
    stores = Store.objects.order_by("pk").values_list(
        "pk", "slug", "plan", "subscription_experiences", "rewards", "upload_limit"
    )
    return [list(flags), list(places), list(stores)]


def forms_and_addresses(client: Client, furnished: Furnished) -> list[tuple[str, dict[str, Any]]]:
    """Each form as somebody in a hurry sends it, and each address that takes a POST without one."""
    found: dict[str, dict[str, Any]] = {
        furnished.url(route): {} for route in STORE_ROUTES if "POST" in route.view.methods
    }
    for route in STORE_ROUTES:
        if "GET" in route.view.methods:
            url = furnished.url(route)
            answer = client.get(url)
            if not answer.streaming and answer.status_code == 200:
                for form in read(answer.content.decode(), url).forms:
                    if form.method == "post" and (path := path_of(form.action)):
                        found[path] = {**found.get(path, {}), **form.data(), **dict.fromkeys(form.files, "")}
    return [(url, data) for url, data in found.items() if "/accounts/" not in url]


def plant(client: Client, url: str, data: dict[str, Any], allowed: set[str]) -> None:
    """Send the form with all that it does not have, and look for that in the database; then undo it."""
    extra = {name: value for name, value in PLANTED.items() if name not in data and name not in allowed}
    with transaction.atomic():
        before = standing()
        answer = client.post(url, {**extra, **data})
        assert answer.status_code < 500, url
        rows, after = contents(), standing()
        transaction.set_rollback(True)
    assert not [value for value in (str(NUMBER), DAY, TEXT) if value in rows], url
    assert before[0] == after[0], url
    if not {"role", "plan", "upload_limit"} & set(data) and "staff" not in url:
        assert before == after, url


ALLOWED = {
    # Fields that stand in these requests without a form's help, each with a meaning of its own.
    "change_role": {"role"},
    "invite_staff": {"email", "role"},
}


def test_no_form_takes_what_it_does_not_show(victim: Furnished, client_of: Callable[..., Client]) -> None:
    boss = client_of(make_user("boss@maple.example", owner=victim.store))
    names = {victim.url(route): route.name.split(":")[-1] for route in STORE_ROUTES}
    tried = forms_and_addresses(boss, victim)
    assert len(tried) > 20
    for url, data in tried:
        plant(boss, url, data, ALLOWED.get(names.get(url, ""), set()))


def test_a_manager_gains_nothing_either(victim: Furnished, client_of: Callable[..., Client]) -> None:
    manager = client_of(make_user("manager@maple.example", manager=victim.store))
    for url, data in forms_and_addresses(manager, victim):
        before = standing()
        with transaction.atomic():
            manager.post(url, {**PLANTED, **data})
            after = standing()
            transaction.set_rollback(True)
        assert before == after, url


def test_an_invitation_gives_the_role_that_it_names(store: Store, owner: User) -> None:
    from portal.actions import invitations

    _, token = invitations.invite(store, email="new@maple.example", role=access.Role.VIEWER, actor=owner)
    sent = {**PLANTED, "name": "New", "password": "quite-a-long-passphrase", "email": "other@maple.example"}
    Client().post(reverse("make_account", args=(token,)), sent)
    person = User.objects.get(email="new@maple.example")
    assert (person.is_superuser, person.is_staff, person.pk == NUMBER) == (False, False, False)
    place = Staff.everywhere.get(user=person)
    assert (place.role, place.store) == ("viewer", store)


def test_own_account_pages_give_no_rights(owner: User, client_of: Callable[..., Client]) -> None:
    client = client_of(owner)
    for path in ("/accounts/password/change/", "/accounts/password/reset/", "/accounts/login/", "/accounts/signup/"):
        before = standing()
        assert client.post(path, PLANTED).status_code < 500
        assert standing() == before


@pytest.mark.teeth
@pytest.mark.xfail(raises=AssertionError, reason="A form made of all the fields of its model is noticed.")
def test_a_form_of_all_fields_is_noticed(
    victim: Furnished, client_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    from customers import actions

    real = actions.add_customer

    def careless(store: Store, **fields: Any) -> Any:
        customer = real(store, **fields)
        type(customer).everywhere.filter(pk=customer.pk).update(
            klaviyo_id=PLANTED["klaviyo_id"], acquisition_channel=NUMBER
        )
        return customer

    monkeypatch.setattr(actions, "add_customer", careless)
    client = client_of(make_user("boss@maple.example", owner=victim.store))
    url = f"/s/{victim.store.slug}/customers/new/"
    plant(client, url, dict(forms_and_addresses(client, victim))[url], set())
