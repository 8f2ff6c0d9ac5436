"""Ids of another store in every form there is: nothing is bound to them, and nothing tells that they exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.db.models import F
from django.forms import ModelChoiceField
from django.test import Client, RequestFactory
from django.urls import reverse

from customers.models import Customer
from portal import wall
from portal.models import User
from portal.tenancy import StoreModel
from segments import actions
from segments.models import Segment
from tests.attacks.pages import Form, path_of, read
from tests.test_access_matrix import SENTINEL, STORE_ROUTES, Furnished, Route, body, fingerprint

pytestmark = pytest.mark.django_db

ABSENT = 987_654_321
OWNED = [model for model in apps.get_models() if issubclass(model, StoreModel)]
KEYS = {"id", "ids", "pk", "object_id", "subject_id", "_selected_action"}
KEYS |= {
    name for model in OWNED for field in model._meta.fields for name in (field.name, field.attname) if field.is_relation
}
SENDING = [route for route in STORE_ROUTES if "POST" in route.view.methods]


def crossing() -> list[str]:
    """The foreign keys by which a row of one store points at a row of another."""
    found = []
    for model in OWNED:
        for field in model._meta.fields:
            if (
                field.is_relation
                and isinstance(field.related_model, type)
                and issubclass(field.related_model, StoreModel)
            ):
                rows = model.everywhere.filter(**{f"{field.attname}__isnull": False})
                if rows.exclude(**{f"{field.name}__store_id": F("store_id")}).exists():
                    found.append(f"{model.__name__}.{field.name}")
    return found


def ids_of(furnished: Furnished) -> set[int]:
    return {value for named in furnished.objects.values() for value in named.values() if isinstance(value, int)}


def forms_of(client: Client, mine: Furnished) -> Iterator[tuple[Route, Form]]:
    """Every form that is sent by POST, on every page of the own store."""
    for route in STORE_ROUTES:
        if "GET" not in route.view.methods:
            continue
        url = mine.url(route)
        answer = client.get(url)
        if not answer.streaming and answer.status_code == 200:
            yield from ((route, form) for form in read(answer.content.decode(), url).forms if form.method == "post")


def answers(client: Client, url: str, data: dict[str, Any]) -> str:
    """What comes of sending this: where to, or the page; without what differs from one request to the next."""
    with transaction.atomic():
        answer = client.post(url, data, follow=True)
        assert answer.status_code < 500, url
        text = f"{answer.status_code} {answer.redirect_chain} {body(answer)}"
        transaction.set_rollback(True)
    text = re.sub(r'(name="csrfmiddlewaretoken" value|data-csrf)="\w+"', "", text)
    assert SENTINEL not in text, url
    return text


def tried(client: Client, ids: set[int], url: str, data: dict[str, Any], names: list[str]) -> None:
    """Send the form with each of the victim's `ids` in these fields, and with one that nobody has."""
    for theirs in sorted(ids):
        said = {
            who: answers(client, url, {**data, **dict.fromkeys(names, value)})
            for who, value in (("foreign", theirs), ("absent", ABSENT))
        }
        assert said["foreign"] == said["absent"], (url, names)


def test_no_form_binds_an_object_of_another_store(attacker: Client, mine: Furnished, victim: Furnished) -> None:
    before, own = fingerprint(victim.store), {str(value) for value in ids_of(mine)}
    checked = set()
    for route, form in forms_of(attacker, mine):
        url = path_of(form.action) or ""
        names = sorted({name for name, value in form.fields + form.offered if value in own or name in KEYS})
        if (url, *names) in checked:
            continue
        checked.add((url, *names))
        if names:
            tried(attacker, ids_of(victim) - ids_of(mine), url, form.data(), names)
        assert fingerprint(victim.store) == before, route.name
    assert checked
    assert crossing() == []


@pytest.mark.parametrize("route", SENDING, ids=lambda route: route.name)
def test_no_address_takes_ids_that_its_form_does_not_have(
    route: Route, attacker: Client, mine: Furnished, victim: Furnished
) -> None:
    """Every name that a key goes by anywhere, in the query and in the body, with ids of the other store."""
    before = fingerprint(victim.store)
    for theirs in sorted(ids_of(victim)):
        sprayed = dict.fromkeys(sorted(KEYS), theirs)
        answer = attacker.post(mine.url(route), sprayed, query_params=sprayed)
        assert answer.status_code != 500
        assert SENTINEL not in body(answer) + str(answer.headers)
    assert fingerprint(victim.store) == before
    assert crossing() == []


def test_hidden_fields_and_choices_name_nothing_of_another_store(
    attacker: Client, mine: Furnished, victim: Furnished
) -> None:
    theirs = {str(value) for value in ids_of(victim)} - {str(value) for value in ids_of(mine)}
    offered = {
        (route.name, name)
        for route, form in forms_of(attacker, mine)
        for name, value in form.fields + form.offered
        if value in theirs and (name in KEYS or name.endswith("_id"))
    }
    assert not offered


def test_choices_of_the_admin_cannot_cross_stores(db: None, rf: RequestFactory) -> None:
    """Whoever works in the admin sees all stores, and still cannot make a row of one point into another."""
    request = rf.get("/admin/")
    request.user = User.objects.create_superuser("admin@elsewhere.example", "x")
    crossing_fields = []
    for model, model_admin in admin.site._registry.items():
        for change in (False, True):
            may = model_admin.has_change_permission(request) if change else model_admin.has_add_permission(request)
            if not may:
                continue
            form = model_admin.get_form(request, model() if change else None, change=change)
            for name, field in form.base_fields.items():
                rows: Any = getattr(field, "queryset", None)
                if isinstance(field, ModelChoiceField) and issubclass(rows.model, StoreModel):
                    crossing_fields.append(f"{model.__name__}.{name}")
        inlines = model_admin.get_inline_instances(request)
        crossing_fields += [
            f"{model.__name__}: {type(inline).__name__}"
            for inline in inlines
            if inline.has_add_permission(request, None) or inline.has_change_permission(request)
        ]
    # Nothing to choose that belongs to a store: with the first such field, a test of its form has to stand here.
    assert crossing_fields == []


def test_a_row_of_the_admin_stays_in_its_store(client: Client, victim: Furnished, mine: Furnished) -> None:
    client.force_login(User.objects.create_superuser("admin@elsewhere.example", "x"))
    for model, model_admin in admin.site._registry.items():
        row = model.everywhere.filter(store=victim.store).first() if issubclass(model, StoreModel) else None
        if row is None:
            continue
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=(row.pk,))
        answer = client.get(url)
        assert answer.status_code == 200, url
        forms = [form.data() for form in read(answer.content.decode(), url).forms if form.method == "post"]
        sent = {**(forms or [{}])[0], "store": mine.store.pk, "store_id": mine.store.pk}
        assert client.post(url, {**sent, "in_store": mine.store.pk}).status_code in (200, 302, 403), url
        row.refresh_from_db()
        assert row.store_id == victim.store.pk, model_admin
    assert crossing() == []


@pytest.mark.teeth
@pytest.mark.xfail(raises=AssertionError, reason="Ids that are taken as they come do reach the other store.")
def test_ids_taken_as_they_come_are_noticed(
    attacker: Client, mine: Furnished, victim: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(segment: Segment, customer_ids: list[int], **_: Any) -> list[Customer]:
        found = Customer.everywhere.filter(pk__in=customer_ids)
        return list(found)

    monkeypatch.setattr(actions, "remove_customers", careless)
    monkeypatch.setattr(wall, "around", nullcontext)
    test_no_form_binds_an_object_of_another_store(attacker, mine, victim)


def test_a_crossing_row_is_found(mine: Furnished, victim: Furnished) -> None:
    """`crossing` bites."""
    model: Any = next(model for model in OWNED if model.__name__ == "Upload")
    model.everywhere.filter(store=mine.store).update(segment_id=victim.objects["segments:*"]["segment_id"])
    assert crossing() == ["Upload.segment"]
