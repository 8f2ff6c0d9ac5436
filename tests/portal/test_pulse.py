"""The pulse of a lease: how long it beats, and what ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from portal.pulse import Pulse, kept, kept_meanwhile


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.JOB_LEASE_SECONDS = 0.06
    settings.JOB_STEP_SECONDS_MOST = 60


def beats(renew: Callable[[], int], seconds: float, during: Callable[[Pulse], None] = lambda pulse: None) -> Pulse:
    pulse = Pulse(1, renew)
    pulse.start()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        during(pulse)
        time.sleep(0.005)
    return pulse


class Renewals:
    def __init__(self, *answers: int | Exception) -> None:
        self.answers, self.count = answers, 0

    def __call__(self) -> int:
        self.count += 1
        answer = self.answers[min(self.count, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_it_beats_while_the_step_lasts() -> None:
    renew = Renewals(1)
    pulse = beats(renew, 0.3)
    assert renew.count > 3
    pulse.stop()
    count = renew.count
    time.sleep(0.1)
    assert renew.count == count
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lease of job")]


def test_a_lease_that_is_lost_is_not_renewed() -> None:
    renew = Renewals(1, 0)
    beats(renew, 0.3).stop()
    assert renew.count == 2


def test_a_database_that_is_away_for_a_moment_does_not_end_it() -> None:
    renew = Renewals(OperationalError("away"), OperationalError("away"), 1)
    beats(renew, 0.3).stop()
    assert renew.count > 3


def test_steps_that_are_kept_renew_it_themselves() -> None:
    renew = Renewals(1)
    beats(renew, 0.3, Pulse.step_was_kept).stop()
    assert renew.count == 0


def test_a_step_that_does_not_end_is_given_up(settings: Any) -> None:
    settings.JOB_STEP_SECONDS_MOST = 0.1
    renew = Renewals(1)
    beats(renew, 0.4).stop()
    assert 1 <= renew.count <= 5


def test_it_beats_while_other_systems_are_waited_for_whatever_the_database_is() -> None:
    renew = Renewals(1)
    with kept(1, renew), kept_meanwhile(1, renew):
        time.sleep(0.3)
    assert renew.count > 3
