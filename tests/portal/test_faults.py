"""When the machinery around the portal fails: what people and programs get to see."""

from __future__ import annotations

import errno
import io
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.core.handlers.wsgi import WSGIRequest
from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.http import UnreadablePostError
from django.test import Client, RequestFactory
from django.urls import clear_url_caches

from portal import errors
from portal.faults import Fault, fault_of
from portal.incoming import WholeBodies
from portal.models import Store, User

JSON = {"accept": "application/json"}


def as_django_raises(cause: Exception, kind: type[Exception] = OperationalError) -> Exception:
    error = kind("sesame at 10.0.0.7")
    error.__cause__ = cause
    return error


def of_sqlite(name: str) -> Exception:
    cause = sqlite3.OperationalError(name)
    cause.sqlite_errorname = name
    return as_django_raises(cause)


AWAY = as_django_raises(psycopg.OperationalError("connection to server at 10.0.0.7 failed"))
TOO_MANY = as_django_raises(psycopg.errors.TooManyConnections("sorry, too many clients already"))
DEADLOCK = as_django_raises(psycopg.errors.DeadlockDetected("deadlock detected"))


@contextmanager
def database_that(error: Exception) -> Iterator[None]:
    """Every statement fails in this way."""

    def fail(*args: Any) -> Any:
        raise error

    with connection.execute_wrapper(fail):
        yield


@pytest.fixture
def visitor(owner: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    return client


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (AWAY, Fault.AWAY),
        (TOO_MANY, Fault.AWAY),
        (as_django_raises(psycopg.errors.AdminShutdown()), Fault.AWAY),
        (as_django_raises(psycopg.errors.DiskFull()), Fault.AWAY),
        (as_django_raises(psycopg.errors.QueryCanceled()), Fault.AWAY),
        (as_django_raises(psycopg.InterfaceError("the connection is closed"), InterfaceError), Fault.AWAY),
        (as_django_raises(psycopg.errors.SerializationFailure()), Fault.IN_THE_WAY),
        (as_django_raises(psycopg.errors.LockNotAvailable()), Fault.IN_THE_WAY),
        (DEADLOCK, Fault.IN_THE_WAY),
        (of_sqlite("SQLITE_BUSY"), Fault.IN_THE_WAY),
        (of_sqlite("SQLITE_BUSY_SNAPSHOT"), Fault.IN_THE_WAY),
        (of_sqlite("SQLITE_IOERR_WRITE"), Fault.AWAY),
        (of_sqlite("SQLITE_FULL"), Fault.AWAY),
        (of_sqlite("SQLITE_ERROR"), None),
        (as_django_raises(psycopg.errors.UndefinedTable(), ProgrammingError), None),
        (OSError(errno.ENOSPC, "No space left on device"), Fault.NO_SPACE),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), Fault.NO_SPACE),
        (OSError(errno.EMFILE, "Too many open files"), Fault.NO_ROOM),
        (FileNotFoundError(errno.ENOENT, "x"), None),
        (ValueError(), None),
        (None, None),
    ],
)
def test_each_error_is_told_apart(error: Exception | None, fault: Fault | None) -> None:
    assert fault_of(error) is fault


@pytest.mark.parametrize("error", [AWAY, TOO_MANY])
@pytest.mark.parametrize("path", ["/", "/s/maple/", "/s/maple/customers/", "/s/maple/segments/", "/admin/"])
def test_a_database_that_is_away_is_said_in_our_own_words(visitor: Client, path: str, error: Exception) -> None:
    with database_that(error):
        answer = visitor.get(path)
    assert answer.status_code == 503
    said = answer.content.decode()
    assert "Back in a moment" in said
    assert answer["Retry-After"].isdigit()
    assert "no-store" in answer["Cache-Control"]
    assert "Content-Security-Policy" in answer
    assert not [word for word in ("Traceback", "sesame", "10.0.0.7", "OperationalError", "maple") if word in said]
    # Nobody is signed out by it, and the next request is served.
    assert "coterie" not in answer.cookies
    assert visitor.get("/s/maple/").status_code == 200


def test_a_form_that_meets_no_database_gets_the_page_too(visitor: Client) -> None:
    with database_that(AWAY):
        assert visitor.post("/s/maple/segments/new/", {"name": "Regulars"}).status_code == 503
        assert Client(raise_request_exception=False).post("/accounts/login/", {"login": "a@b.example"}).status_code in {
            200,  # refused by the form alone
            503,
        }


def test_programs_are_told_as_json(visitor: Client) -> None:
    with database_that(AWAY):
        answer = visitor.get("/s/maple/", headers=JSON)
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/json")
    assert answer.json() == {"status": 503, "error": "The database cannot be reached right now. Try again soon."}
    assert answer["Retry-After"] == "10"


def test_the_log_has_a_line_and_no_traceback(visitor: Client, caplog: pytest.LogCaptureFixture) -> None:
    with database_that(AWAY):
        visitor.get("/s/maple/")
    assert not [record for record in caplog.records if record.exc_info]
    assert len([record for record in caplog.records if "database_unavailable" in record.getMessage()]) == 1


def test_who_was_in_the_way_is_said_otherwise(visitor: Client) -> None:
    with database_that(DEADLOCK):
        answer = visitor.get("/s/maple/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "Nothing of yours was saved" in answer.content.decode()


def test_a_mistake_of_ours_stays_one(visitor: Client) -> None:
    with database_that(ProgrammingError("sesame")):
        answer = visitor.get("/s/maple/")
    assert (answer.status_code, answer.has_header("Retry-After")) == (500, False)
    assert "sesame" not in answer.content.decode()


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="without the handler an absent database is an error of ours")
def test_the_handler_is_what_tells_it(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.urls.handler500", "django.views.defaults.server_error")
    clear_url_caches()
    try:
        with database_that(AWAY):
            assert visitor.get("/s/maple/").status_code == 503
    finally:
        monkeypatch.undo()
        clear_url_caches()


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("get", "/s/maple/segments/nothing-here/", 404, "There is nothing here"),
        ("put", "/s/maple/segments/", 405, "This does not work like that"),
        ("delete", "/healthz", 405, "This does not work like that"),
        ("get", "/s/maple/customers/?page=%00", 200, ""),
    ],
)
def test_refusals_have_pages_of_ours(visitor: Client, method: str, path: str, status: int, words: str) -> None:
    answer = getattr(visitor, method)(path)
    assert answer.status_code == status
    assert words in answer.content.decode()
    if status == 405:
        assert "GET" in answer["Allow"]
        assert getattr(visitor, method)(path, headers=JSON).json()["status"] == 405


@pytest.mark.parametrize("charset", ["hex", "rot13", "base64", "undefined", "idna", "utf-16", "klingon", "cp1252"])
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_in_no_encoding_of_ours_is_refused(visitor: Client, store: Store, kind: str, charset: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nRegulars\r\n--x--\r\n'
    answer = visitor.generic("POST", "/s/maple/segments/new/", body, f"{kind}; charset={charset}")
    assert answer.status_code == 400
    assert "made no sense" in answer.content.decode()


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "us-ascii", '"utf-8"'])
def test_a_body_in_our_encoding_is_read(visitor: Client, charset: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nRegulars\r\n--x--\r\n'
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    assert visitor.generic("POST", "/s/maple/segments/new/", body, kind).status_code == 302


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="Django looks the encoding up, and finds later that it is none for text")
def test_the_look_at_the_encoding_is_needed(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.middleware._is_utf8", lambda request: True)
    body = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nRegulars\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x; charset=hex"
    assert visitor.generic("POST", "/s/maple/segments/new/", body, kind).status_code < 500


def test_what_is_larger_than_allowed_is_refused_before_it_is_read(visitor: Client, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    answer = visitor.generic("POST", "/s/maple/customers/import/", b"x" * 2_000_000, "multipart/form-data; boundary=x")
    assert answer.status_code == 413
    assert "That is too large" in answer.content.decode()


def test_a_form_without_a_file_has_a_smaller_bound(visitor: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = visitor.post("/s/maple/segments/new/", {"name": "x" * 5000})
    assert answer.status_code == 413


def test_a_disk_without_space_is_told_as_such(visitor: Client, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0

    def full(self: Any, raw_data: bytes, start: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", full)
    with (settings.BASE_DIR / "LICENSE").open("rb") as file:
        answer = visitor.post("/s/maple/customers/import/", {"file": file})
    assert answer.status_code == 507
    assert not list(settings.FILE_UPLOAD_TEMP_DIR.iterdir())
    assert "nothing was saved" in answer.content.decode()
    assert visitor.get("/s/maple/").status_code == 200


WHOLE = (
    b"--x\r\nContent-Disposition: form-data; name=file; filename=people.csv\r\n\r\nemail\r\n"
    + b"ada@maple.example\r\n" * 200
    + b"\r\n--x--\r\n"
)


FORM = b"csrfmiddlewaretoken=x&name=Regulars"


def cut_off(body: bytes, sent: int, application: Any) -> Any:
    """The request as the application gets to see it, when only so many bytes of what was announced have come."""
    kind = "multipart/form-data; boundary=x" if body is WHOLE else "application/x-www-form-urlencoded"
    environ = {**RequestFactory().post("/").environ, "CONTENT_TYPE": kind}
    environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body[:sent])}
    return application(lambda environ, start: WSGIRequest(environ))(environ, None)


@pytest.mark.parametrize("body", [WHOLE, FORM])
def test_half_a_body_is_no_body(body: bytes) -> None:
    whole = cut_off(body, len(body), WholeBodies)
    assert whole.POST or whole.FILES
    for half in (1, len(body) // 2, len(body) - 1):
        with pytest.raises(UnreadablePostError):
            cut_off(body, half, WholeBodies).POST  # noqa: B018
        with pytest.raises(UnreadablePostError):
            cut_off(body, half, WholeBodies).body  # noqa: B018


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, reason="half a word is taken for a whole one")
def test_the_length_has_to_be_watched() -> None:
    with pytest.raises(UnreadablePostError):
        assert cut_off(FORM, len(FORM) - 5, lambda application: application).POST["name"] == "Reg"


@pytest.mark.parametrize("template", sorted({a.template for a in [*errors._AT_FAULT.values(), errors._OUR_MISTAKE]}))
def test_pages_of_errors_need_nothing(template: str) -> None:
    from django.template.loader import render_to_string

    page = render_to_string(template)
    assert 'id="main"' in page
    assert "{{" not in page
