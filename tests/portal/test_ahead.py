from __future__ import annotations

import threading
import time

import pytest

from portal.sheets.ahead import Ahead


def test_portions_come_in_their_order() -> None:
    numbers = iter(range(5))
    ahead = Ahead(lambda: next(numbers, None))
    assert [ahead.take() for _ in range(7)] == [0, 1, 2, 3, 4, None, None]


def test_the_next_is_read_while_the_one_before_is_worked_on() -> None:
    third = threading.Event()
    numbers = iter(range(1, 5))

    def read() -> None:
        if next(numbers) == 3:
            third.set()

    ahead = Ahead(read)
    ahead.take()
    assert not third.wait(0.1)
    ahead.take()
    assert third.wait(10)


def test_an_error_is_told_to_who_takes_that_portion() -> None:
    numbers = iter([4, 2, 0, 1])
    ahead = Ahead(lambda: 4 // next(numbers))
    assert [ahead.take(), ahead.take()] == [1, 2]
    with pytest.raises(ZeroDivisionError):
        ahead.take()


def test_the_thread_ends_with_the_object() -> None:
    before = set(threading.enumerate())
    ahead = Ahead(lambda: 1)
    assert ahead.take() == 1
    threads = set(threading.enumerate()) - before
    assert threads
    del ahead
    deadline = time.monotonic() + 10
    while any(each.is_alive() for each in threads) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(each.is_alive() for each in threads)
