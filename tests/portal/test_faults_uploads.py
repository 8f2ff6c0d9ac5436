"""Files that come twice, come to a full disk, or come half: kept once and whole, or not at all."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.imports import actions as import_actions
from customers.models import CustomerImport
from portal.models import Job, Store, User
from portal.sheets import retention
from portal.storage import WholeFiles
from segments.models import Segment, Upload
from segments.uploads import actions as upload_actions
from tests.portal.counting import at_once

PEOPLE = b"email,first_name\nada@maple.example,Ada\n"
KINDS = ["segment", "customers"]


@pytest.fixture
def segment(store: Store) -> Segment:
    made: Segment = Segment.objects.create_for(store, name="Big Spenders")
    return made


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, segment: Segment) -> tuple[str, type[Any]]:
    """Where a file is brought, and what it becomes."""
    if request.param == "segment":
        return f"/s/maple/segments/{segment.pk}/imports/new/", Upload
    return "/s/maple/customers/import/", CustomerImport


@pytest.fixture
def visitor(owner: User) -> Client:
    return signed_in(owner)


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def token_on(client: Client, url: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{32})"', client.get(url).content.decode())
    assert found is not None
    return found[1]


def send(client: Client, url: str, token: str = "", content: bytes = PEOPLE) -> Any:
    return client.post(url, {"token": token, "file": SimpleUploadedFile("people.csv", content)})


def kept() -> list[str]:
    return default_storage.listdir("sheets")[1] if default_storage.exists("sheets") else []


@pytest.fixture(autouse=True)
def _files(settings: Any, tmp_path: Path) -> None:
    """Files of this test alone, in memory none of them."""
    options = {**settings.STORAGES["default"]["OPTIONS"], "location": str(tmp_path / "files")}
    settings.STORAGES = {**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": options}}
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()


# --- Twice ------------------------------------------------------------------------------------------------------------


def test_a_form_sent_twice_brings_one_file(visitor: Client, place: tuple[str, type[Any]]) -> None:
    url, model = place
    token = token_on(visitor, url)
    first, second = send(visitor, url, token), send(visitor, url, token, b"email\nother@maple.example\n")
    assert (first.status_code, second.status_code) == (302, 302)
    assert first["Location"] == second["Location"]
    assert (model.everywhere.count(), Job.everywhere.count(), len(kept())) == (1, 1, 1)


def test_every_form_is_another(visitor: Client, place: tuple[str, type[Any]]) -> None:
    url, model = place
    tokens = {token_on(visitor, url) for _ in range(3)}
    assert len(tokens) == 3
    for token in tokens:
        # Each its own content, as the same file once more is known by that.
        send(visitor, url, token, PEOPLE + token.encode() + b"@maple.example\n")
    assert model.everywhere.count() == 3


def test_a_form_that_was_refused_may_be_sent_again(visitor: Client, place: tuple[str, type[Any]]) -> None:
    url, model = place
    token = token_on(visitor, url)
    refused = send(visitor, url, token, b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert refused.status_code == 422
    assert token in refused.content.decode()
    assert send(visitor, url, token).status_code == 302
    assert model.everywhere.count() == 1


@pytest.mark.parametrize("token", ["x", "0" * 31, "0" * 33, "A" * 32])
def test_a_token_of_nobody_is_refused(visitor: Client, place: tuple[str, type[Any]], token: str) -> None:
    assert send(visitor, place[0], token).status_code == 422


def test_stores_do_not_share_tokens(visitor: Client, stranger: User, place: tuple[str, type[Any]]) -> None:
    token = "5" * 32
    assert send(visitor, place[0], token).status_code == 302
    theirs = send(signed_in(stranger), "/s/willow/customers/import/", token)
    assert theirs["Location"].startswith("/s/willow/")
    assert CustomerImport.everywhere.filter(store__slug="willow").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment(owner: User, place: tuple[str, type[Any]]) -> None:
    url, model = place
    clients = [signed_in(owner) for _ in range(2)]
    token = token_on(clients[0], url)
    first, second = at_once(*[lambda client=client: send(client, url, token) for client in clients])
    assert (first.status_code, second.status_code) == (302, 302), (first.content[-300:], second.content[-300:])
    assert first["Location"] == second["Location"]
    assert (model.everywhere.count(), Job.everywhere.count(), len(kept())) == (1, 1, 1)


@pytest.mark.teeth
@pytest.mark.django_db(transaction=True)
@pytest.mark.xfail(strict=True, reason="a form without its token is a new one every time")
def test_the_token_is_what_tells_it(owner: User, place: tuple[str, type[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_actions, "_sent", lambda upload: setattr(upload, "form_token", None))
    monkeypatch.setattr(upload_actions, "_sent", lambda upload: setattr(upload, "form_token", None))
    monkeypatch.setattr(upload_actions, "_same", lambda upload: None)
    test_two_clicks_at_the_same_moment(owner, place)


# --- A full disk ------------------------------------------------------------------------------------------------------


class FullAfter:
    """A file that takes so many bytes."""

    def __init__(self, file: Any, most: int) -> None:
        self._file, self._left = file, most

    def write(self, data: bytes) -> int:
        self._file.write(data[: self._left])
        self._file.flush()
        if len(data) > self._left:
            raise OSError(28, "No space left on device")
        self._left -= len(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.fixture(params=[0, 1, 20, len(PEOPLE) - 1])
def disk_full(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.fdopen
    monkeypatch.setattr(
        "django.core.files.storage.filesystem.os.fdopen", lambda *args: FullAfter(opened(*args), request.param)
    )


@pytest.mark.usefixtures("disk_full")
def test_a_full_disk_is_told_and_nothing_is_kept(visitor: Client, place: tuple[str, type[Any]]) -> None:
    url, model = place
    answer = send(visitor, url, token_on(visitor, url))
    assert answer.status_code == 507
    assert "nothing was saved" in answer.content.decode()
    assert (kept(), model.everywhere.count(), Job.everywhere.count()) == ([], 0, 0)
    assert visitor.get(url).status_code == 200


@pytest.mark.teeth
@pytest.mark.usefixtures("disk_full")
@pytest.mark.xfail(strict=True, reason="Django leaves the half of the file that was written")
def test_half_a_file_has_to_be_taken_away(
    visitor: Client, place: tuple[str, type[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(WholeFiles, "_save")
    test_a_full_disk_is_told_and_nothing_is_kept(visitor, place)


@pytest.fixture
def tiny_disk(settings: Any, tmp_path: Path) -> Iterator[None]:
    """A disk of 256 kB, where files come in and are kept."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount")
    options = {**settings.STORAGES["default"]["OPTIONS"], "location": str(disk / "files")}
    settings.STORAGES = {**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": options}}
    settings.FILE_UPLOAD_TEMP_DIR = disk / "incoming"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.usefixtures("tiny_disk")
@pytest.mark.parametrize("in_memory", [True, False])
def test_a_disk_that_is_really_full(
    visitor: Client, place: tuple[str, type[Any]], settings: Any, in_memory: bool
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10_000_000 if in_memory else 1000
    url, model = place
    large = b"email\n" + b"".join(b"person%d@maple.example\n" % number for number in range(15_000))
    answer = send(visitor, url, token_on(visitor, url), large)
    assert answer.status_code == 507
    assert (kept(), list(settings.FILE_UPLOAD_TEMP_DIR.iterdir()), model.everywhere.count()) == ([], [], 0)
    assert send(visitor, url, token_on(visitor, url)).status_code == 302


# --- What was left behind ---------------------------------------------------------------------------------------------


def test_what_a_killed_web_has_left_goes_within_the_hour(db: None, settings: Any) -> None:
    stored, incoming = Path(default_storage.path("sheets")), settings.FILE_UPLOAD_TEMP_DIR
    stored.mkdir(parents=True)
    files = [stored / f"{'a' * 32}.csv", incoming / "tmp1.upload.csv"]
    fresh = [stored / f"{'b' * 32}.csv", incoming / "tmp2.upload.csv"]
    for path in files + fresh:
        path.write_bytes(PEOPLE)
    for path in files:
        os.utime(path, (time.time() - 3700,) * 2)
    assert retention.forget_files() == 2
    assert [path.exists() for path in files + fresh] == [False, False, True, True]
