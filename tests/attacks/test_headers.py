"""What every answer says of itself, whatever it is, as it is served under an https:// address."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, resolve, reverse

from portal import store_views
from portal.models import User
from tests.conftest import make_user
from tests.test_access_matrix import ALL, STORE_ROUTES, Furnished, body
from tests.test_architecture import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.once]  # headers come from the code alone

NAMES = ("SECURE_", "SESSION_COOKIE_", "CSRF_COOKIE_", "X_FRAME", "LANGUAGE_COOKIE_")
YEAR = 365 * 24 * 3600
FOR_PROGRAMS = ("/v1/", "/segment/v1/", "/2/httpapi", "/batch", "/ingest/", "/webhooks/")
"""Where programs call with a key or a signature, on any site's pages too; cookies count for nothing there."""
FILES = ("clean.csv", "robots.txt", "favicon.ico")


@cache
def settings_under_https() -> dict[str, Any]:
    """What the settings make of an https:// address."""
    code = (
        "import json; from portal import settings; "
        "print(json.dumps({name: value for name, value in vars(settings).items()"
        f" if name.startswith({NAMES!r}) and isinstance(value, (bool, int, str, list))}}))"
    )
    environment = {**os.environ, "COTERIE_PUBLIC_URL": "https://portal.example", "COTERIE_SECRET_KEY": "k" * 60}
    asked = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=True, capture_output=True)
    return dict(json.loads(asked.stdout))


@pytest.fixture(autouse=True)
def under_https(settings: Any) -> None:
    for name, value in settings_under_https().items():
        setattr(settings, name, value)


def get(client: Client, url: str, method: str = "GET") -> Any:
    return client.generic(method, url, secure=True)


def check(answer: Any) -> None:
    """What must be true of any answer."""
    policy = {name: values for name, *values in (part.split() for part in answer["Content-Security-Policy"].split(";"))}
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == ["'self'"]
    assert {source for sources in policy.values() for source in sources} <= {"'self'", "'none'", "data:"}
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    seconds, *more = answer["Strict-Transport-Security"].split("; ")
    assert int(seconds.removeprefix("max-age=")) >= YEAR
    assert "includeSubDomains" in more
    open_to_all = {"Access-Control-Allow-Origin"} if answer.wsgi_request.path.startswith(FOR_PROGRAMS) else set()
    told_to_browsers = {name for name in answer.headers if name.lower().startswith("access-control-")}
    assert told_to_browsers <= open_to_all
    assert answer.get("Access-Control-Allow-Origin", "*") == "*"
    assert "Server" not in answer.headers
    kind = answer.get("Content-Type", "")
    assert not kind.startswith("text/") or kind.replace('"', "").endswith("charset=utf-8")
    for cookie in answer.cookies.values():
        assert cookie.key == "messages" or cookie.key.startswith("__Host-"), cookie.key
        # One that is taken back holds nothing any more.
        assert (cookie["secure"] and cookie["httponly"]) or not cookie.value
        assert cookie["samesite"] in ("Lax", "Strict")
        assert (cookie["path"], cookie["domain"]) == ("/", "")


def told(client: Client, urls: Iterator[tuple[str, str]] | list[tuple[str, str]], *, private: bool) -> None:
    for url, method in urls:
        answer = get(client, url, method)
        body(answer)
        try:
            check(answer)
            if private or ("/static/" not in url and answer.wsgi_request.user.is_authenticated):
                assert "no-store" in answer["Cache-Control"]
        except (AssertionError, KeyError) as error:
            raise AssertionError(f"{method} {url}: {answer.status_code} {answer.headers}") from error
        finally:
            for close in answer._resource_closers if "/static/" in url else ():
                close()


def test_every_page_of_a_store(victim: Furnished, client_of: Callable[..., Client]) -> None:
    client = client_of(make_user("boss@maple.example", owner=victim.store))
    told(client, [(victim.url(route), "GET") for route in STORE_ROUTES], private=True)
    # What is sent may delete what would be looked at, so it comes second.
    told(client, [(victim.url(route), "POST") for route in STORE_ROUTES], private=True)


def test_refusals_of_a_store(victim: Furnished, attacker: Client) -> None:
    told(attacker, [(victim.url(route), method) for route in STORE_ROUTES for method in ("GET", "PUT")], private=True)
    told(Client(), [(victim.url(route), "GET") for route in STORE_ROUTES], private=False)


PROGRAMS = {
    "track_segment": [{"call": call} for call in ("batch", "identify", "t")],
    "webhook": [
        {"kind": kind, "address": "cw_nobody", "topic": topic}
        for kind, topic in (("shopify", "orders/create"), ("recharge", "order/created"))
    ],
}
"""Addresses whose parts stand in a pattern, with some of what fits it."""


def public_urls() -> Iterator[tuple[str, str]]:
    for route in ALL:
        for arguments in PROGRAMS.get(route.name, []):
            yield reverse(route.name, kwargs=arguments), "GET"
            yield reverse(route.name, kwargs=arguments), "POST"
        if "store_slug" not in route.parameters and route.name not in PROGRAMS:
            known = {
                "token": "x" * 43,
                "uidb36": "1",
                "key": "k-1",
                "object_id": "1",
                "app_label": "portal",
                "url": "none",
            }
            known |= {"content_type_id": "1", "pk": "1", "id": "1"}
            for arguments in ({name: known.get(name, "1") for name in route.parameters}, {}):
                try:
                    yield reverse(route.name, kwargs=arguments), "GET"
                    yield reverse(route.name, kwargs=arguments), "POST"
                except NoReverseMatch:
                    continue
                break


def test_every_address_for_programs_is_among_them() -> None:
    tried = {resolve(url).url_name for url, _ in public_urls()}
    wanted = {route.name for route in ALL if re.match(r"track_|webhook|ingest_", route.name)}
    assert wanted <= tried


@pytest.mark.parametrize("who", ["nobody", "admin"])
def test_every_page_outside_of_stores(who: str, victim: Furnished, client_of: Callable[..., Client]) -> None:
    urls = [each for each in public_urls() if "logout" not in each[0]]
    assert len(urls) > 60
    client = client_of(User.objects.create_superuser("admin@elsewhere.example", "x")) if who == "admin" else Client()
    told(client, urls, private=False)
    if who == "admin":
        for url, _ in urls:
            if url.startswith("/admin/") and "jsi18n" not in url:
                answer = get(client, url)
                assert answer.status_code != 200 or "no-store" in answer.get("Cache-Control", ""), url


def test_errors_and_files(victim: Furnished, client_of: Callable[..., Client], monkeypatch: Any) -> None:
    owner = client_of(make_user("boss@maple.example", owner=victim.store), raise_request_exception=False)
    told(owner, [(f"/{name}", "GET") for name in (*FILES, "no/such/page", "static/none.css", "healthz")], private=False)
    told(owner, [("/static/css/coterie.css", "GET")], private=False)

    def fail(*_: Any) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(store_views, "staff_of", fail)
    answer = get(owner, f"/s/{victim.store.slug}/")
    assert answer.status_code == 500
    check(answer)
    assert "no-store" in answer["Cache-Control"]
    assert "on purpose" not in body(answer)
    assert "Traceback" not in body(answer)


def test_plain_http_leads_to_https(victim: Furnished) -> None:
    answer = Client().get("/accounts/login/?next=/s/x/")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/accounts/login/?next=/s/x/")


@pytest.mark.teeth
@pytest.mark.xfail(raises=AssertionError, reason="A policy that lets inline scripts in is noticed.")
def test_a_lax_policy_is_noticed(victim: Furnished, settings: Any, client_of: Callable[..., Client]) -> None:
    directives = {**settings.CONTENT_SECURITY_POLICY["DIRECTIVES"], "script-src": ["'self'", "'unsafe-inline'"]}
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": directives}
    told(Client(), [("/accounts/login/", "GET")], private=False)
