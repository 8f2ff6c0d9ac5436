"""What a log says: one event a line, in JSON, without the people and the keys that it is about."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.db import DatabaseError, connection, transaction
from django.test import Client

from customers.models import Customer
from portal import logs
from portal.models import Store
from tests.conftest import is_postgresql, make_customer

EMAIL = "anna.private+1@shop.example"
TOKEN = "Zk3vQ9xWmT7bLr2nYh5cJd8fGs4aPe6u-0_iUoXyBqE"


class Lines(io.StringIO):
    def events(self) -> list[dict[str, Any]]:
        """What was logged; each line must be one event."""
        return [json.loads(line) for line in self.getvalue().split("\n") if line]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """All that is logged meanwhile, formed as in production."""
    kept = Lines()
    handler = logging.StreamHandler(kept)
    handler.setFormatter(logs.formatter())
    root = logging.getLogger()
    root.addHandler(handler)
    level, root.level = root.level, logging.DEBUG
    yield kept
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.mark.parametrize(
    "text",
    ["a\r\nb", 'a\nb\n{"event": "forged"}', "\x1b[31mred\x1b[0m", "\x00\x08\x7f", "a\u2028b\u2029c\u0085d"],
)
def test_an_event_is_one_line_whatever_it_says(lines: Lines, text: str) -> None:
    structlog.get_logger("test").warning(text, where=text, nested={text: [text]})
    logging.getLogger("test").warning("%s said", text)
    assert len(lines.events()) == 2
    assert lines.getvalue().isascii()
    assert lines.getvalue().isprintable() or set(lines.getvalue()) - set(map(chr, range(32, 127))) == {"\n"}
    assert {event["level"] for event in lines.events()} == {"warning"}


def test_half_of_a_pair_is_one_line_too() -> None:
    # Not through the loggers: what pytest keeps of them for its report cannot be half of a pair.
    record = logging.LogRecord("test", logging.WARNING, __file__, 1, "%s said", ("\ud800",), None)
    line = logs.formatter().format(record)
    assert line.isascii()
    assert line.isprintable()


def test_an_error_is_one_line(lines: Lines) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        structlog.get_logger("test").exception("it_failed")
        logging.getLogger("test").exception("it failed")
    assert [("second" in event["exception"], event["level"]) for event in lines.events()] == [(True, "error")] * 2


@pytest.mark.parametrize(
    "text",
    [
        EMAIL, f"to={EMAIL}", f"<{EMAIL}>", f"Anna<{EMAIL}>, b@c.example", f"/customers/?q={EMAIL.replace('@', '%40')}",
        f"'{EMAIL}'", f"mailto:{EMAIL}", f"{{'email': '{EMAIL}'}}", f"x{EMAIL}x",
        f"Not Found: /invitations/{TOKEN}/", f"/accounts/password/reset/key/1-{TOKEN}/", f"sessionid={TOKEN}",
        f"postgresql://coterie:{TOKEN}@db.example/coterie", "redis://:anna.private@redis.example:6379/0",
        f"unique constraint \"once\"\nDETAIL:  Key (store_id, email_key)=(1, {EMAIL}) already exists.\n",
        "null value\nDETAIL:  Failing row contains (1, anna.private).\nCONTEXT:  COPY c, line 3: \"anna.private\"",
        "invalid input syntax for type bigint: \"anna.private\"\nLINE 1: SELECT 'anna.private'\n               ^",
    ],
)  # fmt: skip
def test_people_and_keys_are_masked_in_whatever_is_logged(lines: Lines, text: str) -> None:
    structlog.get_logger("test").info("event", said=text, nested={"deep": [{"er": text}]}, odd=ValueError(text))
    logging.getLogger("test").info("said %s", text)
    logging.getLogger("test").info(text)
    try:
        raise DatabaseError(text)
    except DatabaseError:
        logging.getLogger("test").exception("failed")
    assert len(lines.events()) == 4
    for planted in ("anna.private", "shop.example", "Zk3vQ"):
        assert planted not in lines.getvalue()


def test_values_under_telling_names_are_not_shown(lines: Lines) -> None:
    structlog.get_logger("test").info(
        "e", password="hunter2", csrf_token="hunter2", headers={"Cookie": "hunter2"}, token=7
    )
    assert "hunter2" not in lines.getvalue()
    assert lines.events()[0]["token"] == 7


def test_what_helps_is_left(lines: Lines) -> None:
    said = {"job": 12, "kind": "customers.import", "seconds": 1.5, "path": "/s/maple/customers/123/", "ok": None}
    task = "Task portal.tasks.run_job[b4f5e7a0-1c2d-4e3f-8a9b-0c1d2e3f4a5b] succeeded in 0.1s"
    structlog.get_logger("portal.jobs").info(task, **said)
    (event,) = lines.events()
    assert (event["event"], event["logger"]) == (task, "portal.jobs")
    assert {name: event[name] for name in said} == said


@pytest.mark.django_db
def test_an_error_of_the_database_names_nobody(lines: Lines, store: Store) -> None:
    make_customer(store, EMAIL, first_name="Annabella", phone="555-0199")
    for values in ({"first_name": "Annabella"}, {"marketing_consent": "Annabella" * 9}):
        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            Customer.objects.for_store(store).create(store_id=store.pk, email=EMAIL, email_key=EMAIL, **values)
        logging.getLogger("test").error("failed", exc_info=caught.value)
        if not is_postgresql():
            break
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere WHERE email = 'Annabella' AND phone = %s", ["555-0199"])
    assert lines.events()
    for planted in ("anna.private", "Annabella", "555-0199"):
        assert planted not in lines.getvalue()


@pytest.mark.django_db
def test_requests_leave_no_query_in_the_log(lines: Lines) -> None:
    client = Client()
    for path in ("/nowhere/", f"/invitations/{TOKEN}/", "/s/none/customers/"):
        client.get(path, {"q": EMAIL, "token": TOKEN})
        client.post(path, {"email": EMAIL, "password": "hunter2"})
    client.post("/accounts/login/", {"login": EMAIL, "password": "hunter2"})
    client.post("/accounts/password/reset/", {"email": EMAIL})
    assert len(lines.events()) > 3
    for planted in ("anna.private", "Zk3vQ", "hunter2"):
        assert planted not in lines.getvalue()


@pytest.mark.teeth
@pytest.mark.xfail(raises=AssertionError, reason="Without the mask, logs tell of people.")
def test_without_the_mask_logs_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "masked", lambda _, __, entry: entry)
    kept = Lines()
    handler = logging.StreamHandler(kept)
    handler.setFormatter(logs.formatter())
    handler.handle(logging.makeLogRecord({"msg": f"to {EMAIL}", "levelname": "INFO", "name": "test"}))
    assert "anna.private" not in kept.getvalue()
