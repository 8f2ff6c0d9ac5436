"""The broker that needs no server: messages as files, which appear whole or not at all.

Kombu's own transport opens a file under its final name before anything stands in it. A worker that looks in between
takes an empty message, and ends with an error that it does not recover from.
"""

from __future__ import annotations

import fcntl
import uuid
from pathlib import Path
from time import monotonic
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Kombu's channel over a directory, with files that are complete once they have their name."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        try:
            _appear(Path(self.data_folder_out) / name, dumps(payload))
        except OSError as error:
            raise ChannelError(f"Cannot add {name} to the broker's directory") from error

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        file = self._exchange_file(exchange)
        self.control_folder.mkdir(parents=True, exist_ok=True)
        with (self.control_folder / ".lock").open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not file.exists():
                _appear(file, dumps([]))
        super()._queue_bind(exchange, routing_key, pattern, queue)


class Transport(filesystem.Transport):
    Channel = Channel


def register() -> None:
    """Serve addresses that begin with filesystem:// by this transport."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"


def _appear(path: Path, text: str) -> None:
    """Write a file that nobody sees before it is complete."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(text)
    unfinished.replace(path)
