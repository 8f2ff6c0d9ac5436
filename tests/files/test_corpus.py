"""Every file of the corpus, through every door that it may come to, gets the verdict that is right."""

from __future__ import annotations

import time
from typing import Any

import pytest

from portal.emails import email_key
from portal.models import Job
from portal.sheets import read_format
from portal.tabular.table import unguarded
from tests.corpus import CASES, Case
from tests.files.conftest import Doors, stored_files
from tests.files.doors import CustomerDoor, Door

pytestmark = pytest.mark.django_db

SECONDS_A_MEGABYTE = 2  # of the processor, so that a busy machine fails nothing
SECONDS_BESIDES = 3  # for the pages and the jobs


def doors_of(number: int, case: Case) -> tuple[str, ...]:
    """The doors to try. What is refused at once is refused by the part that both share: every other one is enough."""
    is_shared = bool(case.refused) and not case.late and len(case.doors) > 1
    return case.doors[number % 2 :][:1] if is_shared else case.doors


SENT = [(name, door) for number, (name, case) in enumerate(CASES.items()) for door in doors_of(number, case)]


def sent(name: str, door: str) -> Any:
    """The parameters of a test. What is refused at once never comes to the database."""
    case = CASES[name]
    marks = [pytest.mark.once] if case.refused and not case.late else []
    return pytest.param(name, door, id=f"{name}-{door}", marks=marks)


@pytest.mark.parametrize(("name", "door"), [sent(name, door) for name, door in SENT])
def test_every_file_gets_its_verdict(doors: Doors, name: str, door: str) -> None:
    case = CASES[name]
    content = case.make()
    started = time.process_time()
    if case.refused:
        is_refused(doors[door], case, content)
    else:
        is_taken(doors[door], case, content)
    most = SECONDS_A_MEGABYTE * len(content) / 1024**2 + SECONDS_BESIDES
    assert time.process_time() - started < most


def is_refused(door: Door, case: Case, content: bytes) -> None:
    before = stored_files()
    answer = door.send(content, case.filename)
    if not case.late:
        assert answer.status_code == 422, door.check().__dict__
        assert answer.context["form"].errors["file"] == [case.refused]
        assert not door.model.everywhere.exists()
        assert not Job.everywhere.exists()
        assert stored_files() == before
        return
    assert answer.status_code == 302, answer.context["form"].errors
    upload = door.check()
    assert upload.refusal == case.refused
    assert upload.counts == {}
    assert upload.row_count is None
    assert door.report(upload) == []


def is_taken(door: Door, case: Case, content: bytes) -> None:
    answer = door.send(content, case.filename)
    assert answer.status_code == 302, answer.context["form"].errors
    upload = door.check()
    assert upload.refusal == ""
    report = door.report(upload)
    assert [(int(line), result, reason) for line, _, result, reason in report] == door.expected(case)
    said = {int(line): email_key(unguarded(email)) for line, email, *_ in report if int(line) in case.people}
    assert said == case.people
    assert upload.row_count == len(case.people) + len(case.bad)
    assert sum(upload.counts.get(name, 0) for name in VERDICTS) == upload.row_count
    assert read_format(upload).guessed == case.guessed or read_format(upload).kind == "xlsx"
    door.page(upload)
    if upload.row_count:
        is_imported(door, case, upload)


VERDICTS = ("matched", "already", "kept_out", "unmatched", "created", "updated", "unchanged", "repeated", "invalid")


def is_imported(door: Door, case: Case, upload: object) -> None:
    door.start(upload)
    done = door.latest()
    assert done.finished_at
    after = {int(line): result for line, _, result, _ in door.report(done)}
    before = {line: result for line, result, _ in door.expected(case)}
    settled = {"Invalid", "Again later in the file", "No customer with this e-mail"}
    assert {line for line in after if after[line] in settled} == {line for line in before if before[line] in settled}
    assert set(after) == set(before)
    if isinstance(door, CustomerDoor):
        for key in set(case.people.values()):
            customer = door.customer(key)
            said = {name: getattr(customer, name) for name in case.holds.get(key, {})}
            assert said == dict(case.holds.get(key, {}))
