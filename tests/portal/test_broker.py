"""The broker of files: whoever looks into its directories, at any moment, finds whole messages or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue
from kombu.transport import filesystem

from portal import broker

QUEUE = "interactive"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    folders = {"data_folder_in": "messages", "data_folder_out": "messages", "control_folder": "control"}
    places = {name: str(tmp_path / folder) for name, folder in folders.items()}
    (tmp_path / "messages").mkdir()
    with Connection("filesystem://", transport_options={**places, "polling_interval": 0.01}) as made:
        yield made


def declare(connection: Connection, name: str = QUEUE) -> Any:
    queue = Queue(name, Exchange("work", type="direct"), routing_key=name)(connection.channel())
    queue.declare()
    return queue


def test_messages_go_through_our_transport(connection: Connection) -> None:
    assert isinstance(connection.transport, broker.Transport)
    queue = declare(connection)
    with connection.Producer() as producer:
        producer.publish({"job": 7}, exchange="work", routing_key=QUEUE)
    assert queue.get().payload == {"job": 7}
    assert queue.get() is None


def test_an_unfinished_message_is_not_there(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker looks while the message is being written."""
    channel, other = connection.channel(), connection.channel()
    seen: list[str] = []
    write = Path.write_text

    def write_slowly(self: Path, text: str, *rest: Any) -> int:
        write(self, text[:3])
        with pytest.raises(Empty):
            other._get(QUEUE)
        seen.append(self.name)
        return write(self, text)

    monkeypatch.setattr(Path, "write_text", write_slowly)
    channel._put(QUEUE, {"job": 7})
    assert len(seen) == 1
    assert other._get(QUEUE) == {"job": 7}
    assert list((tmp_path / "messages").iterdir()) == []


@pytest.mark.teeth
def test_kombu_alone_hands_out_what_is_not_written_yet(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker.Channel, "_put", filesystem.Channel._put)
    other = connection.channel()
    found: list[BaseException] = []

    def look(*_: Any) -> None:
        with pytest.raises(json.JSONDecodeError) as caught:
            other._get(QUEUE)
        found.append(caught.value)

    monkeypatch.setattr(filesystem, "lock", look)
    connection.channel()._put(QUEUE, {"job": 7})
    assert len(found) == 1


def test_many_processes_that_begin_at_once_are_all_bound(connection: Connection) -> None:
    names = [f"queue{number}" for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda name: declare(connection.clone(), name), names))
    assert {entry.queue for entry in connection.channel().get_table("work")} == set(names)
