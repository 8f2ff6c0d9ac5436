"""Rows of work that another release wrote, met by a real worker of today's."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from portal.work import Said
from tests.processes.conftest import named_server
from tests.processes.installation import RECOVERY_SECONDS, Installation
from tests.processes.nursery import Nursery

pytestmark = pytest.mark.processes
REMOVE = "segments.remove_members"
MEMBERS = ["a@one.example", "b@one.example", "c@two.example"]
STORED = """INSERT INTO portal_job (store_id, kind, subject_type, subject_id, label, needs, queue, state, phase,
payload, cursor, done, result, error, attempts, caution, lease_token, due_at, created_at)
SELECT store_id, %s, 'segments.segment', g.id, 'Remove', '', 'interactive', 'queued', '', %s, '{}', 0, '{}', '', 0,
'{}', 0, g.created_at, g.created_at FROM segments_segment g
JOIN portal_store s ON s.id = g.store_id WHERE s.slug = 'maple'"""
"""As the release wrote it that knew of no versions."""


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    directory = tmp_path_factory.mktemp("versions")
    with Installation(directory, named_server(), portion=1) as installation:
        yield installation
        assert installation.complaints() == []


def states(installation: Installation) -> list[tuple[str, str]]:
    query = (
        "SELECT state, error FROM portal_job WHERE store_id IN (SELECT id FROM portal_store WHERE slug = 'maple') "
        "ORDER BY id"
    )
    with installation.rows(query) as rows:
        return rows


def test_rows_of_yesterday_are_done_and_rows_of_tomorrow_wait(installation: Installation) -> None:
    payload = json.dumps({"words": "one.example", "until": "2100-01-01T00:00:00+00:00", "total": 2})
    with Nursery({**installation.environment, "CELERY_BROKER_URL": "memory://"}, installation.directory / "n") as born:
        cast = {"customers": MEMBERS, "members": MEMBERS, "removed": [], "file": []}
        born.run("scenes.seed", "maple", cast)
        for kind in (REMOVE, REMOVE, "experiences.next_year"):
            with installation.rows(STORED, kind, payload):
                pass
        with installation.rows("UPDATE portal_job SET version = 99 WHERE id IN (SELECT max(id) - 1 FROM portal_job)"):
            pass
        installation.start("beat")
        installation.start("worker")
        waits = ("queued", str(Said.PARKED))
        installation.wait(
            lambda: states(installation) == [("succeeded", ""), waits, waits], seconds=60, what="all three"
        )
        seen = born.run("oracle.seen", "maple").answer
        assert [key for key, *_ in seen["members"]] == MEMBERS[2:]
        with installation.rows("UPDATE portal_job SET version = 1, due_at = created_at WHERE version = 99"):
            pass
        installation.wait(
            lambda: states(installation)[1] == ("succeeded", ""), seconds=RECOVERY_SECONDS, what="the one that is read"
        )
