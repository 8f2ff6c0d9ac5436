from __future__ import annotations

import types
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.abc import PQGen

_DEFAULT_INTERVAL = 0.1


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server says nothing for `silence_timeout` seconds (0: waits for ever).

    The server's own statement_timeout does not help when nothing of it gets here, nor do the probes of TCP when
    something in between answers them.
    """

    silence_timeout: float = 0

    @classmethod
    def connect(cls, conninfo: str = "", *, silence_timeout: float = 0, **params: Any) -> BoundedConnection:  # type: ignore[override]
        made = super().connect(conninfo, **params)
        made.silence_timeout = silence_timeout
        return made

    def wait(self, gen: PQGen[Any], interval: float = _DEFAULT_INTERVAL, timeout: float | None = None) -> Any:
        if timeout is not None or not self.silence_timeout:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.silence_timeout)
        except psycopg.errors._WaitTimeout as silence:
            # Half-way through an exchange it is of no further use, and rolling back over it would wait as long again.
            self.close()
            raise psycopg.errors.ConnectionTimeout(f"no answer within {self.silence_timeout:.0f} s") from silence


class DatabaseWrapper(base.DatabaseWrapper):
    Database: Any = types.SimpleNamespace(**{**vars(psycopg), "connect": BoundedConnection.connect})
