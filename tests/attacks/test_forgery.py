"""Requests that another site makes a browser send: without the token nothing happens, and looking never writes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.apps import apps
from django.test import Client

from portal.models import User
from tests.attacks.test_headers import FOR_PROGRAMS, public_urls
from tests.conftest import make_user
from tests.test_access_matrix import STORE_ROUTES, Furnished, body

pytestmark = [pytest.mark.django_db, pytest.mark.once]  # forged forms are refused before anything is read

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
SEEN = {"sessions.Session", "portal.OpenSession", "portal.SecurityEvent", "portal.KnownDevice", "portal.AuditEntry"}
"""What looking may leave: that somebody was there. A file that is taken out is audited as such."""
PUBLIC = sorted({url for url, _ in public_urls()})
ADDRESSES = [url for url in PUBLIC if not url.startswith(FOR_PROGRAMS)]
ADDRESSES_FOR_PROGRAMS = [url for url in PUBLIC if url.startswith(FOR_PROGRAMS)]


def contents() -> dict[str, list[object]]:
    """Every row of every table, but for when people were seen last."""
    found = {}
    for model in apps.get_models():
        if model._meta.label not in SEEN and model._meta.managed:
            names = [
                field.attname
                for field in model._meta.concrete_fields
                if field.name not in ("last_login", "last_seen_at")
            ]
            found[model._meta.label] = list(model._base_manager.order_by("pk").values_list(*names))
    return found


@pytest.mark.parametrize("who", ["nobody", "admin"])
def test_no_address_outside_of_stores_takes_a_forged_form(who: str, victim: Furnished) -> None:
    client = Client(enforce_csrf_checks=True)
    if who == "admin":
        client.force_login(User.objects.create_superuser("admin@elsewhere.example", "x"))
    before = contents()
    for url in ADDRESSES:
        for method in UNSAFE:
            answer = client.generic(method, url, b"a=b", content_type="application/x-www-form-urlencoded")
            assert answer.status_code == 403, (method, url)
    assert contents() == before


@pytest.mark.parametrize("who", ["nobody", "admin"])
def test_no_cookie_opens_an_address_for_programs(who: str, victim: Furnished) -> None:
    client = Client(enforce_csrf_checks=True)
    if who == "admin":
        client.force_login(User.objects.create_superuser("admin@elsewhere.example", "x"))
    before = contents()
    for url in ADDRESSES_FOR_PROGRAMS:
        for method in UNSAFE:
            for sent, kind in ((b"a=b", "application/x-www-form-urlencoded"), (b"{}", "application/json")):
                answer = client.generic(method, url, sent, content_type=kind)
                assert answer.status_code in {400, 401, 404, 405}, (method, url, answer.status_code)
                assert not answer.cookies
    assert contents() == before


@pytest.mark.parametrize("token", ["", "x" * 32, "x" * 64, "ﬀ", "\x00"])
def test_a_token_of_ones_own_making_is_none(token: str, victim: Furnished, client_of: Callable[..., Client]) -> None:
    boss = client_of(make_user("boss@maple.example", owner=victim.store), enforce_csrf_checks=True)
    before = contents()
    for route in (route for route in STORE_ROUTES if "POST" in route.view.methods):
        answer = boss.post(victim.url(route), {"csrfmiddlewaretoken": token})
        assert answer.status_code == 403, route.name
    assert contents() == before


def test_looking_at_everything_writes_nothing(victim: Furnished, client_of: Callable[..., Client]) -> None:
    boss = make_user("boss@maple.example", owner=victim.store)
    User.objects.filter(pk=boss.pk).update(is_staff=True, is_superuser=True)
    client = client_of(boss)
    before = contents()
    urls = [victim.url(route) for route in STORE_ROUTES] + [url for url in PUBLIC if "logout" not in url]
    for url in urls:
        for method, query in (
            ("GET", "?delete=1&confirm=yes&action=delete&_method=POST"),
            ("HEAD", ""),
            ("OPTIONS", ""),
        ):
            body(client.generic(method, url + query))
    assert contents() == before
