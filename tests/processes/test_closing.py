"""A store full of everything is closed while a file is brought in, and erased by workers that are killed at it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.visitor import Visitor

pytestmark = pytest.mark.processes
SLUG, NAME = "juniper", "SELECT name FROM portal_store WHERE slug = %s"
IMPORT = "segments.import_upload"
SETTLES = 5
"""Seconds after which nothing of a closed store may be written or go out any more."""
ROWS = 4_000
DIGEST = """
from django.apps import apps
from portal.closing import owned
from portal.models import Store, User
from portal.sheets.retention import upload_models
from django.core.files.storage import default_storage
import hashlib
def digest(rows):
    return hashlib.sha256("\\n".join(sorted(map(repr, rows))).encode()).hexdigest()
stores = {store.slug: store.pk for store in Store.objects.all()}
answer = {
    "stores": stores,
    "rows": {model._meta.db_table: model.everywhere.filter(store_id=GONE).count() for model in owned()},
    "others": {m._meta.db_table: digest(m.everywhere.exclude(store_id=GONE).values_list()) for m in owned()},
    "people": digest(User.objects.values_list("pk", "email", "password", "is_active")),
    "named": sorted(f for m in upload_models() for f in m.everywhere.exclude(file="").values_list("file", flat=True)),
    "files": sorted(f"sheets/{name}" for name in default_storage.listdir("sheets")[1]),
}
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    directory = tmp_path_factory.mktemp("closing")
    with Installation(directory, named_server(), COTERIE_DEMO="1") as made:
        made.manage("load_demo", seconds=300)
        made.environment["TEST_PORTION"] = "300"
        yield made


def look(installation: Installation, store: int) -> dict[str, Any]:
    seen: dict[str, Any] = installation.ask(DIGEST.replace("GONE", str(store)))
    return seen


def import_under_way(installation: Installation, owner: Visitor) -> None:
    """A file with thousands of customers is being brought into a segment."""
    with installation.rows("SELECT max(id) FROM segments_segment WHERE deleted_at IS NULL AND store_id = "
                           "(SELECT id FROM portal_store WHERE slug = %s)", SLUG) as rows:  # fmt: skip
        segment = rows[0][0]
    query = (
        "SELECT email FROM customers_customer WHERE email != '' AND store_id = "
        "(SELECT id FROM portal_store WHERE slug = %s)"
    )
    with installation.rows(query, SLUG) as rows:
        content = "\n".join(["email", *(email for (email,) in rows[:ROWS])]).encode()
    answer = owner.post(f"/s/{SLUG}/segments/{segment}/imports/new/", {}, file=("all.csv", content, "text/csv"))
    page = answer.url.removeprefix(owner.base)
    upload = page.rstrip("/").rpartition("/")[2]
    checked = "SELECT checked_at FROM segments_upload WHERE id = %s"

    def is_checked() -> bool:
        with installation.rows(checked, upload) as rows:
            return rows[0][0] is not None

    installation.wait(is_checked, seconds=60, what="the check")
    owner.press(page, f"{page}import/").raise_for_status()
    installation.wait(lambda: at_work(installation), seconds=60, what="the import")


def at_work(installation: Installation) -> bool:
    job = installation.job(IMPORT) or {"state": "", "done": 0}
    return bool(job["state"] == "running" and job["done"])


def newest(installation: Installation, store: int) -> list[Any]:
    """The highest numbers that rows of the store have, in tables which work writes to."""
    found = []
    for table in ("segments_membership", "segments_membershipchange", "portal_job", "portal_auditentry"):
        with installation.rows(f"SELECT max(id) FROM {table} WHERE store_id = %s", store) as rows:
            found.append(rows[0][0] or 0)
    return found


def test_it_is_erased_to_the_last_row_whoever_dies_at_it(installation: Installation) -> None:
    store = look(installation, 0)["stores"][SLUG]
    installation.start("web")
    owner = installation.browser()
    installation.wait(lambda: owner.get("/accounts/login/").ok, seconds=60, what="the web")
    owner.sign_in("owner@demo.example", "coterie-demo")
    installation.start("worker", TEST_PAUSE="0.2")
    import_under_way(installation, owner)
    page = f"/s/{SLUG}/settings/store/close/"
    with installation.rows(NAME, SLUG) as rows:
        assert owner.press(page, page, confirm=rows[0][0]).status_code in {200, 410}
    closed_at = time.monotonic()
    job = installation.job(IMPORT)
    assert job is not None
    assert job["state"] == "cancelled", "the import was over before"
    before = look(installation, store)
    written = newest(installation, store)
    assert owner.get(f"/s/{SLUG}/").status_code == 410
    time.sleep(max(0.0, SETTLES - (time.monotonic() - closed_at)))
    assert newest(installation, store) == written
    erased_by_the_dying(installation, store)
    installation.start("worker")
    installation.start("beat")
    installation.wait(lambda: not exists(installation, store), seconds=120, what="its end")
    after = look(installation, store)
    assert SLUG not in after["stores"]
    assert {table: count for table, count in after["rows"].items() if count} == {}
    assert set(after["stores"]) == set(before["stores"]) - {SLUG}
    assert (after["others"], after["people"]) == (before["others"], before["people"])
    assert after["files"] == after["named"], "a file is left"
    assert len(after["files"]) < len(before["files"]), "it had none"
    assert "store_erased" in installation.log("worker")
    installation.manage("check_invariants")
    assert owner.get(f"/s/{SLUG}/").status_code == 404


def erased_by_the_dying(installation: Installation, store: int) -> None:
    """Each worker is killed in the middle of a portion; what was kept before stays done."""
    installation.kill("worker")
    # Its rows are many: in portions this small as the import's no round would come as far as to its files.
    installation.environment["TEST_PORTION"] = "2000"
    for place in ("store.portion:3", "store.files gone:1", "store.portion:9"):
        held = sum(look(installation, store)["rows"].values())
        with pytest.raises(AssertionError):
            manage_erasing(installation, place)
        assert 0 < sum(look(installation, store)["rows"].values()) <= held


def manage_erasing(installation: Installation, place: str) -> None:
    """What the clock has a worker do, in a process that dies at `place`."""
    installation.environment["CRASH_AT"] = place
    try:
        installation.manage("shell", "-v0", "-c", "from portal import tasks; tasks.erase_closed()")
    finally:
        del installation.environment["CRASH_AT"]


def exists(installation: Installation, store: int) -> bool:
    with installation.rows("SELECT count(*) FROM portal_store WHERE id = %s", store) as rows:
        return bool(rows[0][0])
