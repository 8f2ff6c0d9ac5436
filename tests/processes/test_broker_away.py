"""A broker that goes away, falls silent or has no room, and comes back: work goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes.conftest import named_server
from tests.processes.installation import Installation
from tests.processes.servers import Redis
from tests.processes.shop import opened, press_import
from tests.processes.tcpproxy import TcpProxy

pytestmark = [pytest.mark.processes, pytest.mark.once]  # it is about the broker


def is_checked(installation: Installation) -> bool:
    job = installation.job("segments.check_upload")
    assert job is None or job["state"] not in {"failed", "cancelled"}, job
    return bool(job and job["state"] == "succeeded")


def state(installation: Installation, kind: str = "segments.check_upload") -> str:
    job = installation.job(kind)
    assert job is not None
    return str(job["state"])


def test_a_click_while_the_broker_is_away(redis: Redis, tmp_path: Path) -> None:
    installation = Installation(tmp_path, named_server(), broker=redis.url())
    with opened(installation, "worker", "beat") as (visitor, segment):
        redis.kill()
        page, seconds = press_import(visitor, segment)
        assert seconds < 2
        assert state(installation) == "queued"
        assert visitor.get(page).ok
        assert visitor.get("/healthz").json()["broker"] == "unreachable"
        redis.start()
        installation.wait(lambda: is_checked(installation), seconds=30, what="the check to be done")


def test_a_click_while_the_broker_says_nothing(redis: Redis, tmp_path: Path) -> None:
    with TcpProxy(("127.0.0.1", redis.port)) as proxy:
        installation = Installation(tmp_path, named_server(), broker=redis.url(proxy.port))
        with opened(installation) as (visitor, segment):
            press_import(visitor, segment)
            proxy.black_hole = True
            assert press_import(visitor, segment)[1] < 3
            assert press_import(visitor, segment)[1] < 1, "everybody waits for it anew"


@pytest.mark.parametrize("fault", ["full", "readonly"])
def test_work_goes_on_while_the_broker_takes_nothing(redis: Redis, tmp_path: Path, fault: str) -> None:
    installation = Installation(tmp_path, named_server(), broker=redis.url(), COTERIE_STANDIN_SECONDS="4")
    with opened(installation, "worker", "beat") as (visitor, segment):
        refuse(redis, fault)
        assert press_import(visitor, segment)[1] < 2
        installation.wait(lambda: is_checked(installation), seconds=40, what="the check to be done")
        assert "standin_works" in installation.log("worker")


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="nobody rings, and nobody looks by himself")
def test_work_would_stand_still(redis: Redis, tmp_path: Path) -> None:
    installation = Installation(tmp_path, named_server(), broker=redis.url(), COTERIE_STANDIN_SECONDS="3600")
    with opened(installation, "worker", "beat") as (visitor, segment):
        refuse(redis, "full")
        press_import(visitor, segment)
        installation.wait(lambda: is_checked(installation), seconds=30, what="the check to be done")


def refuse(redis: Redis, fault: str) -> None:
    """Let Redis take no message any more."""
    if fault == "full":
        redis.client.config_set("maxmemory", 1)
        redis.client.config_set("maxmemory-policy", "noeviction")
    else:
        # As after a snapshot that failed: MISCONF.
        redis.client.config_set("min-replicas-to-write", 1)


def test_connections_to_the_broker_that_are_reset(redis: Redis, tmp_path: Path) -> None:
    with TcpProxy(("127.0.0.1", redis.port)) as proxy:
        installation = Installation(tmp_path, named_server(), broker=redis.url(proxy.port))
        with opened(installation, "worker", "beat") as (visitor, _):
            for number in range(8):
                proxy.reset()
                press_import(visitor, installation.ask(_segment(number)))
                installation.wait(lambda: is_checked(installation), seconds=60, what=f"the work after reset {number}")


def _segment(number: int) -> str:
    return (
        "from portal.models import Store\nfrom segments.models import Segment\n"
        f"answer = Segment.objects.create_for(Store.objects.get(), name='Segment {number}').pk"
    )


def test_a_broker_that_forgets_everything(redis: Redis, tmp_path: Path) -> None:
    installation = Installation(tmp_path, named_server(), broker=redis.url(), portion=2)
    with opened(installation, "beat") as (visitor, segment):
        page, _ = press_import(visitor, segment)
        redis.client.flushall()
        installation.start("worker")
        installation.wait(lambda: is_checked(installation), seconds=60, what="the check to be done")
        visitor.press(page, f"{page}import/")
        installation.wait(lambda: imported(installation) > 0, seconds=60, what="the import to begin")
        redis.client.flushall()
        redis.kill()
        redis.start()
        installation.wait(lambda: imported(installation) == 40, seconds=60, what="the import to be done")
        ended = lambda: state(installation, "segments.import_upload") == "succeeded"  # noqa: E731
        installation.wait(ended, seconds=30, what="its end")
        assert "40" in visitor.get(page).text
        installation.manage("check_invariants")


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="nobody sweeps, and the message is gone")
def test_what_was_forgotten_would_wait_for_ever(redis: Redis, tmp_path: Path) -> None:
    installation = Installation(tmp_path, named_server(), broker=redis.url(), COTERIE_STANDIN_SECONDS="3600")
    with opened(installation) as (visitor, segment):
        press_import(visitor, segment)
        redis.client.flushall()
        installation.start("worker")
        installation.wait(lambda: is_checked(installation), seconds=40, what="the check to be done")


def imported(installation: Installation) -> int:
    """How many members the segment has."""
    with installation.rows("SELECT count(*) FROM segments_membership") as rows:
        return int(rows[0][0])
