"""Some of the files go the whole way: through the form, the job, the report and the import, into a database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db import transaction

from portal.models.job import JobState
from portal.sheets import REPORT_HEADERS
from segments.uploads.columns import find_columns
from segments.uploads.work import too_long
from tests.files.doors import CustomerDoor, Door, SegmentDoor
from tests.fuzz.mutators import made
from tests.fuzz.oracles import must, read
from tests.fuzz.runner import note, rng_of
from tests.fuzz.tally import Tally


def through_doors(seed: int, number: int, doors: Mapping[str, Door], tally: Tally, keep: Path | None) -> None:
    """Send the file through both doors, and take back what it left."""
    content, filename = made(rng_of(seed, number))
    tally.through_doors += 1
    for door in doors.values():
        try:
            with transaction.atomic():
                _send(door, content, filename)
                transaction.set_rollback(True)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            note(tally, seed, number, type(door).__name__, error, keep, (content, filename))


def _send(door: Door, content: bytes, filename: str) -> None:
    outcome, table, _ = read(content, filename)
    answer = door.send(content, filename)
    must(answer.status_code in (302, 422), f"answered with {answer.status_code}")
    if answer.status_code == 422:
        said = answer.context["form"].errors["file"][0]
        must(said.endswith("."), f"refused with {said!r}")
        must(outcome.refused or "no e-mail column" in said or not content, f"read, but refused at the door: {said!r}")
        return
    if isinstance(door, CustomerDoor) and "email" not in door.latest().mapping:
        must(table is not None and not _has_email(table.headers), "the column of addresses was not found")
        return
    upload = door.check()
    refused = outcome.refused or _too_long(door, outcome.rows)
    must(upload.refusal == refused, f"{upload.refusal!r} is said of what is {refused!r}")
    report = door.report(upload)
    if refused:
        must(not report, "rows of a file that was refused")
        return
    must(upload.row_count == len(report) == outcome.rows, f"{outcome.rows} rows, {len(report)} in the report")
    must(all(len(row) == len(REPORT_HEADERS) for row in report), "a report of other columns")
    invalid = sum(row[2] == "Invalid" for row in report)
    must(invalid == upload.counts.get("invalid", 0) >= outcome.bad, "rows without a verdict")
    door.page(upload)
    if report:
        door.start(upload)
        must(door.latest().finished_at, "not imported")
        must([row[0] for row in door.report(upload)] == [row[0] for row in report], "other rows after the import")
    must(door.job_states() <= {JobState.SUCCEEDED}, "a job failed")


def _too_long(door: Door, rows: int) -> str:
    """What a segment's door says of more rows than the store takes at a time."""
    is_limited = isinstance(door, SegmentDoor) and rows > settings.UPLOAD_LIMIT_DEFAULT
    return too_long(rows, settings.UPLOAD_LIMIT_DEFAULT) if is_limited else ""


def _has_email(headers: list[str]) -> bool:
    try:
        find_columns(headers)
    except Exception:  # noqa: BLE001
        return False
    return True
