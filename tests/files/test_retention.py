"""Behind both doors a file goes after its time, and its page and report stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.sheets import retention
from tests.corpus import CASES
from tests.files.conftest import Doors, stored_files

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("door", ["segment", "customers"])
def test_a_file_goes_and_its_report_stays(doors: Doors, door: str) -> None:
    way, case, before = doors[door], CASES["three-times"], stored_files()
    way.send(case.make(), case.filename)
    upload = way.check()
    report = way.report(upload)
    assert len(stored_files() - before) == 1
    retention.forget_files(timezone.now() + timedelta(days=31))
    assert stored_files() - before == set()
    gone = way.latest()
    assert not gone.file
    assert way.report(gone) == report
    page = way.page(gone)
    assert "the file itself is deleted" in page
    assert "Read the file differently" not in page
    way.start(gone)
    assert way.latest().finished_at


def test_both_kinds_of_uploads_are_looked_after() -> None:
    assert {model.__name__ for model in retention.upload_models()} == {"Upload", "CustomerImport"}
