"""Cookies: bound to the host, out of scripts' reach, and gone from other sites' requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portal.models import User
from tests.portal.visitors import Visitor

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, django
django.setup()
from django.conf import settings
from portal.flash import Storage
names = [name for name in dir(settings) if "COOKIE" in name] + ["SECURE_HSTS_SECONDS", "SECURE_SSL_REDIRECT"]
values = {name: getattr(settings, name) for name in names} | {"messages": Storage.cookie_name}
print(json.dumps(values, default=str))
"""


@pytest.fixture(scope="module")
def in_production(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The settings of an installation that is served by HTTPS."""
    given = {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "COTERIE_PUBLIC_URL": "https://portal.example",
        "COTERIE_SECRET_KEY": "a key that only the tests use, and that opens nothing at all",
        "COTERIE_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "CELERY_BROKER_URL": "memory://",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COTERIE_", "DJANGO_"))}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=kept | given, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_in_production_every_cookie_is_of_this_host_alone(in_production: dict[str, Any]) -> None:
    names = [in_production[f"{kind}_COOKIE_NAME"] for kind in ("SESSION", "CSRF", "DEVICE")]
    assert all(name.startswith("__Host-") for name in [*names, in_production["messages"]])
    for kind in ("SESSION", "CSRF"):
        assert in_production[f"{kind}_COOKIE_SECURE"]
        assert in_production[f"{kind}_COOKIE_HTTPONLY"]
        assert in_production[f"{kind}_COOKIE_SAMESITE"] == "Lax"
        assert in_production[f"{kind}_COOKIE_PATH"] == "/"
        assert in_production[f"{kind}_COOKIE_DOMAIN"] is None


@pytest.mark.django_db
def test_no_cookie_is_within_reach_of_scripts_or_other_sites(owner: User) -> None:
    browser = Visitor()
    browser.get("/accounts/login/")
    browser.sign_in(owner.email)
    browser.post("/accounts/sessions/end-others/")
    assert set(browser.cookies) == {"coterie", "csrf", "device", "messages"}
    for cookie in browser.cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/"), cookie
