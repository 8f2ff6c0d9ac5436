from __future__ import annotations

import types
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg.abc import Buffer, PQGen

from portal import deadline

_DEFAULT_INTERVAL = 0.1
_TO_CONNECT = 2
"""Seconds: the driver gives no less to make a connection."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server says nothing for `silence_timeout` seconds (0: waits for ever).

    The server's own statement_timeout does not help when nothing of it gets here, nor do the probes of TCP when
    something in between answers them. Where `portal.deadline` leaves less, that is all there is.
    """

    silence_timeout: float = 0

    @classmethod
    def connect(cls, conninfo: str = "", *, silence_timeout: float = 0, **params: Any) -> BoundedConnection:  # type: ignore[override]
        made = super().connect(conninfo, **params)
        made.silence_timeout = silence_timeout
        return made

    def wait(self, gen: PQGen[Any], interval: float = _DEFAULT_INTERVAL, timeout: float | None = None) -> Any:
        left = deadline.left()
        if timeout is not None or left is None:
            return self._wait(gen, interval, timeout, self.silence_timeout)
        with deadline.counted():
            return self._wait(gen, interval, timeout, min(left, self.silence_timeout or left))

    def _wait(self, gen: PQGen[Any], interval: float, timeout: float | None, limit: float) -> Any:
        if timeout is not None or not limit:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout as silence:
            # Half-way through an exchange it is of no further use, and rolling back over it would wait as long again.
            self.close()
            raise psycopg.errors.ConnectionTimeout(f"no answer within {limit:.1f} s") from silence


class MomentLoader(BaseTzLoader):
    """Reads moments in UTC ten times as fast as the driver, which takes them apart in Python; others are left to it.
    What came together bears the same moment row after row: it is read once."""

    timezone = UTC
    _text, _moment = "", datetime.min.replace(tzinfo=UTC)

    def load(self, data: Buffer) -> datetime:
        text = str(data, "ascii")
        if text == self._text:
            return self._moment
        if text.endswith("+00"):
            try:
                self._moment, self._text = datetime.fromisoformat(text).replace(tzinfo=self.timezone), text
            except ValueError:  # a year that Python does not know
                return super().load(data)
            return self._moment
        return super().load(data)


class DatabaseWrapper(base.DatabaseWrapper):
    Database: Any = types.SimpleNamespace(**{**vars(psycopg), "connect": BoundedConnection.connect})

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if deadline.left() is None:
            connection = super().get_new_connection(conn_params)
        else:
            with deadline.counted():
                connection = super().get_new_connection({**conn_params, "connect_timeout": _TO_CONNECT})
        if self.timezone == MomentLoader.timezone:
            connection.adapters.register_loader("timestamptz", MomentLoader)
        return connection
