"""People and keys, planted in an installation that logs all it can: none of them is in what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.tooling.postgres import any_programs

pytestmark = pytest.mark.processes

OWNER, PASSWORD, WRONG = "owner@maple.example", "Planted-Passphrase-4417", "Planted-Wrong-4417"
KEY = "planted-secret-key-4417-which-is-long-enough-to-be-accepted-as-one"
DATABASE_PASSWORD = "planted-database-4417"
TOTP = "PLANTEDTOTPSECRET4417ABCDEFGHIJK"
PERSON = {
    "email": "sentinel.person@shop.example",
    "first_name": "Sentinelia",
    "last_name": "Planted4417",
    "phone": "555-4417-0199",
}
INVITED = "invited.sentinel@shop.example"

SEED = f"""
from allauth.mfa.totp.internal.auth import TOTP
from portal.models import Staff, Store, User
store = Store.objects.create(slug="maple", name="Maple Coffee", plan="pro")
for email, secret in (("{OWNER}", ""), ("second@maple.example", "{TOTP}")):
    user = User.objects.create_user(email, "{PASSWORD}")
    Staff.objects.create_for(store, user=user, role="owner")
    if secret:
        TOTP.activate(user, secret)
from segments.models import Segment
answer = Segment.objects.create_for(store, name="Big Spenders").pk
"""


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, named_server(), COTERIE_LOG_LEVEL="DEBUG", COTERIE_SECRET_KEY=KEY) as made:
        if made.server:
            parts = urlsplit(made.environment["DATABASE_URL"])
            if not parts.password:
                # A server that trusts whoever comes takes any password.
                user, _, host = parts.netloc.rpartition("@")
                parts = parts._replace(netloc=f"{user}:{DATABASE_PASSWORD}@{host}")
                made.environment["DATABASE_URL"] = urlunsplit(parts)
        yield made


def people() -> bytes:
    rows = [
        ",".join(PERSON),
        ",".join(PERSON.values()),
        f"not an address,{PERSON['first_name']},,",
        "another@shop.example,,,",
    ]
    return "\n".join(rows).encode()


def dump(installation: Installation) -> str:
    """The whole database as text."""
    if installation.server:
        return pg_dump(installation.database_url)
    with contextlib.closing(sqlite3.connect(installation.directory / "coterie.sqlite3")) as database:
        return "\n".join(database.iterdump())


def pg_dump(url: str) -> str:
    with any_programs() as programs:
        program = shutil.which("pg_dump", path=str(programs)) or shutil.which("pg_dump")
    if program is None:
        pytest.skip("no pg_dump")
    return subprocess.run([program, "--inserts", url], check=True, capture_output=True, text=True).stdout


def break_the_database(installation: Installation) -> None:
    """From now on the home page fails, and, where the database can say so, the import of the planted person."""
    with installation.rows("ALTER TABLE segments_segmentday RENAME TO segments_segmentday_gone"):
        pass
    if installation.server:
        check = "ALTER TABLE customers_customer ADD CONSTRAINT planted CHECK (first_name <> 'Sentinelia')"
        with installation.rows(check):
            pass


def test_nothing_planted_is_left_behind(planted: Installation) -> None:
    segment = planted.ask(SEED)
    planted.start("web", "web", "-c", "deploy/gunicorn.conf.py")
    planted.start("worker")
    planted.start("beat")
    visitor = planted.browser()
    planted.wait(lambda: visitor.get("/accounts/login/").ok, seconds=60, what="the web")
    visitor.post("/accounts/login/", {"login": OWNER, "password": WRONG})
    visitor.post("/accounts/login/", {"login": PERSON["email"], "password": WRONG})
    visitor.sign_in(OWNER, PASSWORD)
    second = planted.browser()
    second.post("/accounts/login/", {"login": "second@maple.example", "password": PASSWORD})
    made = visitor.press("/s/maple/settings/staff/", "/s/maple/settings/staff/invite/", email=INVITED, role="viewer")
    (token,) = set(re.findall(r"/invitations/([\w-]{30,})/", made.text)) or [""]
    assert token, made.text[:500]
    planted.browser().get(f"/invitations/{token}/")
    planted.browser().get(f"/nowhere/{token}/?email={PERSON['email']}")
    answer = visitor.post("/s/maple/customers/import/", {}, file=("people.csv", people(), "text/csv"))
    page = answer.url.removeprefix(planted.base)
    if "columns" in page:
        visitor.get(page)
    visitor.get(f"/s/maple/customers/?q={PERSON['email']}")
    break_the_database(planted)
    assert visitor.get("/s/maple/").status_code in (500, 503)
    planted.wait(
        lambda: (planted.job("customers.check_import") or {}).get("state") in ("succeeded", "failed"),
        seconds=60,
        what="the check",
    )
    visitor.press(page, re.sub(r"(imports/\d+/).*", r"\1start/", page))
    planted.wait(lambda: planted.job("customers.import"), seconds=30, what="the import")
    planted.wait(
        lambda: (
            (planted.job("customers.import") or {})["state"] in ("succeeded", "failed")
            or (planted.job("customers.import") or {})["attempts"] > 1
        ),
        seconds=60,
        what="the import to end",
    )
    # What is asked for now stays with the broker.
    planted.kill("worker")
    visitor.post(f"/s/maple/segments/{segment}/imports/new/", {}, file=("people.csv", people(), "text/csv"))
    sessions = [
        value for cookie in (visitor, second) for name, value in cookie.session.cookies.items() if name == "coterie"
    ]
    keys = {KEY, DATABASE_PASSWORD, PASSWORD, WRONG, TOTP, token}
    examine(planted, keys, sessions)


def examine(planted: Installation, keys: set[str], sessions: list[str]) -> None:
    secrets = keys | {*PERSON.values(), INVITED, OWNER, *sessions}
    logs = {path.name: path.read_text(errors="replace") for path in planted.directory.glob("*.log")}
    assert {"web.log", "worker.log", "beat.log"} <= set(logs)
    assert len("".join(logs.values())) > 20_000
    assert "Traceback" in logs["web.log"]
    messages = {
        path.name: path.read_text(errors="replace")
        for path in (planted.directory / "broker").rglob("*")
        if path.is_file()
    }
    for name, text in (logs | messages).items():
        found = [secret for secret in secrets if secret in text]
        assert not found, (name, found, [line[:500] for line in text.splitlines() if found[0] in line][:3])
    text = dump(planted)
    assert PERSON["email"] in text
    assert not [secret for secret in keys if secret in text]
    loud = [line for line in logs["web.log"].splitlines() if line and not is_event(line)]
    assert not loud, loud[:5]


def is_event(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
